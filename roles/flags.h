// The one way in which a verb reads its flags, so that --help and mistakes look alike everywhere.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

struct Flag {
    std::string name;        // "since", without dashes
    std::string short_name;  // "h", or empty
    std::string value;       // "PERIOD", "project|model"; empty for a switch
    std::string help;
};
struct FlagList {
    std::string program;  // "halton-meter pricing list"
    std::string about;    // what --help says before the flags
    std::string names;    // what may stand without dashes: "old new"
    std::vector<Flag> flags;
};

// What a verb would parse: within `call`, parse_flags() notes it and ends the verb, so that help,
// completions and manual pages know of every flag that there is. Nothing for a verb that parses
// none. Thread: one at a time.
std::optional<FlagList> describe_flags(const std::function<void()>& call);

// "halton-meter <verb>: <text>; see halton-meter <verb> --help" on stderr; gives exit_usage.
int report_usage_error(const char* verb, const char* text);

// A command of a verb that has several: "list" of "projects".
struct InnerVerb {
    std::string_view name;
    int (*function)(int argc, char** argv);
};

// Runs the one that argv[1] names with the words from there on, or `usual` where there is no word.
// For --help, -h and help it prints `verb` ("halton-meter projects") and `usage`; any other word is
// a mistake, reported on stderr in one line. Gives the exit code.
int run_inner_verb(const char* verb, std::span<const InnerVerb> table, std::string_view usual,
                   std::string_view usage, int argc, char** argv);

// "halton-meter: <what>; next: halton-meter <next>" on stderr, in one line; gives exit_failed.
int report_failure(std::string_view what, std::string_view next);

}  // namespace halton::roles
