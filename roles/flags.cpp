#include "roles/flags.h"

#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "roles/exit_code.h"

namespace halton::roles {

int report_usage_error(const char* verb, const char* text) {
    fmt::print(stderr, "{}: {}; see {} --help\n", verb, text, verb);
    return exit_usage;
}

std::optional<int> parse_flags(cxxopts::Options& options, int argc, char** argv,
                               cxxopts::ParseResult* result) {
    const auto verb = options.program();
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
