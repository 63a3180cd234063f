#include "roles/flags.h"

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
