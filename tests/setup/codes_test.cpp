#include "setup/codes.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <set>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;

namespace {

std::filesystem::path source_root() {
    const char* root = std::getenv("HALTON_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    return root;
}

// What the sources of setup/ and the verb say, as the second argument of a finding or its first.
std::set<std::string> said_codes() {
    const std::regex said(
        R"re((?:odd|broken|unknown|Health::\w+|\?|:)\s*[(,]?\s*"([a-z]+\.[a-z_]+)")re");
    std::set<std::string> codes;
    std::vector<std::filesystem::path> files{source_root() / "roles/verb_doctor.cpp"};
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(source_root() / "src/setup"))
        if (entry.path().extension() == ".cpp" && entry.path().filename() != "codes.cpp")
            files.push_back(entry.path());
    for (const auto& file : files) {
        const auto text = test::read_text(file);
        for (std::sregex_iterator at(text.begin(), text.end(), said), end; at != end; ++at)
            codes.insert((*at)[1]);
    }
    return codes;
}

}  // namespace

TEST_CASE("codes: sorted, each once, each with a meaning and a command") {
    const auto codes = setup::all_codes();
    for (std::size_t i = 0; i < codes.size(); ++i) {
        INFO(codes[i].code);
        if (i > 0) CHECK(codes[i - 1].code < codes[i].code);
        CHECK_FALSE(codes[i].meaning.empty());
        CHECK_FALSE(codes[i].command.empty());
        CHECK(setup::find_code(codes[i].code) == &codes[i]);
    }
    CHECK(setup::find_code("no.such") == nullptr);
}

TEST_CASE("codes: what findings say is in the table, and nothing else") {
    const auto said = said_codes();
    CHECK(said.size() > 40);
    for (const auto& code : said) {
        INFO("said, but not in src/setup/codes.cpp: " << code);
        CHECK(setup::find_code(code) != nullptr);
    }
    for (const auto& code : setup::all_codes()) {
        INFO("in src/setup/codes.cpp, but nobody says it: " << code.code);
        CHECK(said.contains(std::string(code.code)));
    }
}

TEST_CASE("codes: the documentation is the table, printed") {
    const auto file = source_root() / "src/setup/README.md";
    const std::string begin = "<!-- codes: printed from codes.cpp -->\n";
    const std::string end = "<!-- end of codes -->\n";
    auto text = test::read_text(file);
    const auto from = text.find(begin);
    const auto to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    const auto wanted = "\n" + setup::print_codes() + "\n";
    const auto at = from + begin.size();
    if (text.substr(at, to - at) != wanted && std::getenv("HALTON_UPDATE_GOLDEN")) {
        text.replace(at, to - at, wanted);
        test::write_text(file, text);
    }
    INFO("HALTON_UPDATE_GOLDEN=1 meson test -C build setup");
    CHECK(test::read_text(file).find(begin + wanted + end) != std::string::npos);
}
