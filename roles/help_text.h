// Shell completions and manual pages, from the table of verbs and the flags that each of them
// parses: nothing is written down a second time. Texts are pure; read_help_pages() asks the verbs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roles/flags.h"

namespace halton::roles {

// One command: a verb, or a command of a verb.
struct HelpPage {
    std::string command;  // "report", "pricing list"
    std::string help;     // the table's line; of an inner command the first of its own help
    bool is_hidden = false;
    std::vector<std::string> words;  // inner commands, or choices
    FlagList list;
};

// Every verb of the table with every flag that it knows; inner commands behind their verb.
std::vector<HelpPage> read_help_pages();

enum class Shell { bash, zsh, fish };
std::optional<Shell> parse_shell(std::string_view name);

// A script for the shell to read. Hidden verbs are left out.
std::string to_completions(const std::vector<HelpPage>& pages, Shell shell);

// Troff: of the whole program for an empty command. Nothing for an unknown one.
std::optional<std::string> to_man_page(const std::vector<HelpPage>& pages,
                                       std::string_view command);

}  // namespace halton::roles
