// `completions` and `man`: what shells and manual readers want to know, from the table of verbs.
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "roles/exit_code.h"
#include "roles/help_text.h"
#include "roles/verbs.h"

namespace halton::roles {

int run_completions(int argc, char** argv) {
    constexpr const char* name = "halton-meter completions";
    cxxopts::Options options(name,
                             "Prints what makes a shell complete our commands and flags:\n"
                             "  bash  source <(halton-meter completions bash)\n"
                             "  zsh   halton-meter completions zsh >\"${fpath[1]}/_halton-meter\"\n"
                             "  fish  halton-meter completions fish | source\n");
    options.add_options()("shell", "bash, zsh or fish", cxxopts::value<std::string>(),
                          "bash|zsh|fish")("h,help", "print this help");
    options.parse_positional({"shell"});
    options.positional_help("SHELL");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    if (flags.count("shell") == 0)
        return report_usage_error(name, "which shell: bash, zsh or fish");
    const auto shell = parse_shell(flags["shell"].as<std::string>());
    if (!shell) return report_usage_error(name, "the shells it knows are bash, zsh and fish");
    fmt::print("{}", to_completions(read_help_pages(), *shell));
    return exit_done;
}

int run_man(int argc, char** argv) {
    constexpr const char* name = "halton-meter man";
    cxxopts::Options options(name,
                             "Prints the manual page of the program, or of one command:\n"
                             "  halton-meter man report | man -l -\n");
    options.add_options()("command", "report, pricing, ...", cxxopts::value<std::string>(),
                          "COMMAND")("h,help", "print this help");
    options.parse_positional({"command"});
    options.positional_help("[COMMAND]");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto command =
        flags.count("command") > 0 ? flags["command"].as<std::string>() : std::string();
    const auto page = to_man_page(read_help_pages(), command);
    if (!page)
        return report_usage_error(
            name, fmt::format("no command '{}'", to_safe_text(command, 40)).c_str());
    fmt::print("{}", *page);
    return exit_done;
}

}  // namespace halton::roles
