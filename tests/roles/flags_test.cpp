#include "roles/flags.h"

#include <array>
#include <string>
#include <vector>

#include <cxxopts.hpp>

#include "roles/exit_code.h"
#include "support/catch.h"

using namespace halton;

namespace {

std::optional<int> parse(std::vector<std::string> words, cxxopts::ParseResult* result = nullptr) {
    cxxopts::Options options("halton-meter try", "A verb.\n");
    options.add_options()("h,help", "print this help")("count", "a number", cxxopts::value<int>());
    words.insert(words.begin(), "try");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return roles::parse_flags(options, static_cast<int>(words.size()), argv.data(), result);
}

// What ran last, and the words that it was given.
std::string ran;

std::string join(const char* name, int argc, char** argv) {
    std::string text = name;
    for (int i = 0; i < argc; ++i) text += std::string(" ") + argv[i];
    return text;
}

int run_show(int argc, char** argv) {
    ran = join("show:", argc, argv);
    return roles::exit_over_limit;
}

int run_list(int argc, char** argv) {
    ran = join("list:", argc, argv);
    cxxopts::Options options("halton-meter try list", "All of them.\n");
    options.add_options()("h,help", "print this help");
    return roles::parse_flags(options, argc, argv).value_or(roles::exit_done);
}

constexpr std::array<roles::InnerVerb, 2> inner_verbs{{{"list", run_list}, {"show", run_show}}};

int run_inner(std::vector<std::string> words) {
    ran.clear();
    words.insert(words.begin(), "try");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return roles::run_inner_verb("halton-meter try", inner_verbs, "list", "Tries.\n",
                                 static_cast<int>(words.size()), argv.data());
}

}  // namespace

TEST_CASE("flags: good ones are handed on, help and mistakes end the verb") {
    cxxopts::ParseResult result;
    CHECK(parse({"--count", "3"}, &result) == std::nullopt);
    CHECK(result["count"].as<int>() == 3);
    CHECK(parse({}) == std::nullopt);
    CHECK(parse({"--help"}) == roles::exit_done);
    CHECK(parse({"-h"}) == roles::exit_done);
    CHECK(parse({"--no-such-flag"}) == roles::exit_usage);
    CHECK(parse({"--count", "three"}) == roles::exit_usage);
    CHECK(parse({"word"}) == roles::exit_usage);
}

TEST_CASE("inner verbs: the named one runs with what follows, else the usual one") {
    CHECK(run_inner({"show", "--json", "x"}) == roles::exit_over_limit);
    CHECK(ran == "show: show --json x");
    CHECK(run_inner({}) == roles::exit_done);
    CHECK(ran == "list: try");
    for (const char* word : {"--help", "-h", "help"}) {
        CHECK(run_inner({word}) == roles::exit_done);
        CHECK(ran.empty());
    }
    for (const char* word : {"shows", "--json", ""}) {
        CHECK(run_inner({word}) == roles::exit_usage);
        CHECK(ran.empty());
    }
}

TEST_CASE("inner verbs: their flags can be described") {
    const auto list = roles::describe_flags([] { (void)run_inner({"list"}); });
    REQUIRE(list);
    CHECK(list->program == "halton-meter try list");
    CHECK_FALSE(roles::describe_flags([] { (void)run_inner({"show"}); }));
}
