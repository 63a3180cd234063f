#include "roles/flags.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "roles/exit_code.h"

namespace halton::roles {
namespace {

// Set while describe_flags() runs.
std::optional<FlagList>* described = nullptr;

FlagList to_list(const cxxopts::Options& options) {
    FlagList list;
    list.program = options.program();
    // The library gives the text before the flags, and the names, only as a part of the whole.
    const auto help = options.help();
    const auto usage = help.find("\nUsage:\n");
    list.about = std::string(trim(std::string_view(help).substr(0, usage)));
    if (usage != std::string::npos) {
        const auto begin = usage + std::string_view("\nUsage:\n").size();
        const auto line = help.substr(begin, help.find('\n', begin) - begin);
        const auto bracket = line.rfind(']');
        if (bracket != std::string::npos) list.names = trim(line.substr(bracket + 1));
    }
    for (const auto& group : options.groups())
        for (const auto& option : options.group_help(group).options) {
            Flag flag;
            flag.name = option.l.empty() ? std::string() : option.l.front();
            flag.short_name = option.s;
            if (!option.is_boolean)
                flag.value = option.arg_help.empty() ? "VALUE" : option.arg_help;
            flag.help = option.desc;
            if (!flag.name.empty()) list.flags.push_back(std::move(flag));
        }
    return list;
}

}  // namespace

std::optional<FlagList> describe_flags(const std::function<void()>& call) {
    std::optional<FlagList> list;
    described = &list;
    call();
    described = nullptr;
    return list;
}

int report_failure(std::string_view what, std::string_view next) {
    fmt::print(stderr, "halton-meter: {}; next: halton-meter {}\n", to_safe_text(what, 400), next);
    return exit_failed;
}

int report_usage_error(const char* verb, const char* text) {
    fmt::print(stderr, "{}: {}; see {} --help\n", verb, text, verb);
    return exit_usage;
}

int run_inner_verb(const char* verb, std::span<const InnerVerb> table, std::string_view usual,
                   std::string_view usage, int argc, char** argv) {
    const std::string_view word = argc > 1 ? argv[1] : usual;
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const InnerVerb& inner) { return inner.name == word; });
    if (found != table.end())
        return found->function(std::max(argc - 1, 1), argv + (argc > 1 ? 1 : 0));
    if (word == "--help" || word == "-h" || word == "help") {
        fmt::print("{}\n{}", verb, usage);
        return exit_done;
    }
    return report_usage_error(verb, fmt::format("no '{}'", to_safe_text(word, 40)).c_str());
}

std::optional<int> parse_flags(cxxopts::Options& options, int argc, char** argv,
                               cxxopts::ParseResult* result) {
    const auto verb = options.program();
    if (described) {
        *described = to_list(options);
        return exit_done;
    }
    try {
        auto parsed = options.parse(argc, argv);
        if (parsed.count("help") > 0) {
            fmt::print("{}", options.help());
            return exit_done;
        }
        if (!parsed.unmatched().empty()) {
            const auto word = to_safe_text(parsed.unmatched().front(), 80);
            return report_usage_error(verb.c_str(), fmt::format("unexpected '{}'", word).c_str());
        }
        if (result) *result = std::move(parsed);
        return std::nullopt;
    } catch (const std::exception& error) {
        // The library quotes names with typographic marks; plain ones survive every terminal.
        std::string text = to_safe_text(error.what(), 200);
        for (const char* mark : {"\u2018", "\u2019"})
            for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark))
                text.replace(at, std::string(mark).size(), "'");
        return report_usage_error(verb.c_str(), text.c_str());
    }
}

}  // namespace halton::roles
