// The one program: chooses a verb by the name it was called with (halton-edge) or by its first
// argument, from one table (verb_table.h). Nothing else happens here; --version answers before anything is read.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "base/version.h"
#include "roles/exit_code.h"
#include "roles/verb_table.h"

namespace halton::roles {
namespace {

void print_help() {
    fmt::print("halton-meter {}: meters the LLM calls of your tools on this machine\n\n",
               version());
    fmt::print("Usage: halton-meter <command> [flags]\n\nCommands:\n");
    for (const Verb& verb : verbs())
        if (!verb.is_hidden) fmt::print("  {:<12} {}\n", verb.name, verb.help);
    fmt::print(
        "\nFlags:\n  --version    print the version\n  --help       print this, or with a "
        "command its own help\n\nStart with: halton-meter run -- <your tool>\n");
}

// How many letters must be changed, added or taken away (Levenshtein).
std::size_t count_edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (to_lower(a[i - 1]) == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({change, row[j] + 1, row[j - 1] + 1}));
        }
    }
    return row[b.size()];
}

int report_unknown(std::string_view word) {
    const Verb* nearest = nullptr;
    std::size_t least = word.size() / 2 + 1;  // farther off it would be a guess
    for (const Verb& verb : verbs()) {
        const auto edits = count_edits(word.substr(0, 40), verb.name);
        if (verb.is_hidden || edits > least || (nearest && edits == least)) continue;
        least = edits;
        nearest = &verb;
    }
    const auto shown = to_safe_text(word, 40);
    if (nearest)
        fmt::print(stderr, "halton-meter: no command '{}'; did you mean: halton-meter {}\n", shown,
                   nearest->name);
    else
        fmt::print(stderr, "halton-meter: no command '{}'; see halton-meter --help\n", shown);
    return exit_usage;
}

// Called as halton-edge, halton-daemon, ...: a link whose name holds the verb.
const Verb* find_verb_of_link(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1);
    constexpr std::string_view prefix = "halton-";
    return name.substr(0, prefix.size()) == prefix ? find_verb(name.substr(prefix.size()))
                                                   : nullptr;
}

int dispatch(int argc, char** argv) {
    const Verb* verb = argc > 0 ? find_verb_of_link(argv[0]) : nullptr;
    const std::string_view word = argc > 1 ? argv[1] : "";
    if (word == "--version" || word == "-V") {
        fmt::print("halton-meter {}\n", version());
        return exit_done;
    }
    if (verb) return verb->function(argc, argv);
    if (word.empty() || word == "--help" || word == "-h" || word == "help") {
        // "help report" as well as "report --help", and "help pricing list".
        const Verb* about = argc > 2 && word == "help" ? find_verb(argv[2]) : nullptr;
        if (about) {
            std::string name(about->name);
            std::string inner = argc > 3 ? argv[3] : "";
            std::string flag = "--help";
            std::vector<char*> arguments{name.data()};
            if (!inner.empty()) arguments.push_back(inner.data());
            arguments.push_back(flag.data());
            arguments.push_back(nullptr);
            return about->function(static_cast<int>(arguments.size()) - 1, arguments.data());
        }
        if (argc > 2 && word == "help") return report_unknown(argv[2]);
        print_help();
        return exit_done;
    }
    verb = find_verb(word);
    if (!verb && word.front() == '-') {
        fmt::print(stderr, "halton-meter: unknown flag '{}'; see halton-meter --help\n",
                   to_safe_text(word, 40));
        return exit_usage;
    }
    return verb ? verb->function(argc - 1, argv + 1) : report_unknown(word);
}

}  // namespace
}  // namespace halton::roles

int main(int argc, char** argv) {
    try {
        return halton::roles::dispatch(argc, argv);
    } catch (const std::exception& error) {
        // A full disk behind stdout, or no memory: one line, no core dump with keys in it.
        std::fprintf(stderr, "halton-meter: %s\n", error.what());
        return halton::roles::exit_failed;
    }
}
