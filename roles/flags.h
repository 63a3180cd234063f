// The one way in which a verb reads its flags, so that --help and mistakes look alike everywhere.
#pragma once

#include <optional>

namespace cxxopts {
class Options;
class ParseResult;
}  // namespace cxxopts

namespace halton::roles {

// Parses into `result` where given. An exit code when the verb is done already: --help was printed,
// or a mistake was reported on stderr in one line. A word that is no flag is a mistake too.
// `options` must know "help".
std::optional<int> parse_flags(cxxopts::Options& options, int argc, char** argv,
                               cxxopts::ParseResult* result = nullptr);

// "halton-meter: <text>" on stderr; gives exit_usage.
int report_usage_error(const char* verb, const char* text);

}  // namespace halton::roles
