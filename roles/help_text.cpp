#include "roles/help_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/version.h"
#include "roles/verb_table.h"

namespace halton::roles {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto end = std::min(text.find(separator), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : std::string(between)) + part;
    return text;
}

// The words that a value may be: "project|model" -> project, model.
std::vector<std::string> choices_of(const Flag& flag) {
    return flag.value.find('|') == std::string::npos ? std::vector<std::string>{}
                                                     : split(flag.value, '|');
}

bool is_file(const Flag& flag) {
    return flag.value == "FILE" || flag.value == "DIR" || flag.value == "PATH" ||
           flag.value == "FOLDER";
}

std::string first_line(std::string_view text) {
    return std::string(trim(text.substr(0, text.find('\n'))));
}

// What may follow a verb or an inner command, apart from its flags.
std::vector<std::string> arguments_of(const std::vector<HelpPage>& pages, const HelpPage& page) {
    if (page.command != "help" && page.command != "man") return page.words;
    std::vector<std::string> names;
    for (const auto& other : pages)
        if (!other.is_hidden && other.command.find(' ') == std::string::npos)
            names.push_back(other.command);
    return names;
}

std::vector<HelpPage> visible(const std::vector<HelpPage>& pages) {
    std::vector<HelpPage> shown;
    for (const auto& page : pages)
        if (!page.is_hidden) shown.push_back(page);
    // No row of the table, as main() answers it without a verb.
    shown.push_back({"help", "print the help of a command", false, {}, {}});
    return shown;
}

// Verbs only, without the inner commands.
std::vector<std::string> verb_names(const std::vector<HelpPage>& pages) {
    std::vector<std::string> names;
    for (const auto& page : pages)
        if (page.command.find(' ') == std::string::npos) names.push_back(page.command);
    return names;
}

std::string to_bash_flags(const HelpPage& page) {
    std::vector<std::string> flags;
    for (const auto& flag : page.list.flags) flags.push_back("--" + flag.name);
    return join(flags, " ");
}

std::string to_bash(const std::vector<HelpPage>& pages) {
    std::string text =
        "# bash completion for halton-meter, made by: halton-meter completions bash\n"
        "_halton_meter() {\n"
        "    local word=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD - 1]}\"\n"
        "    local verb=\"${COMP_WORDS[1]-}\" command=\"${COMP_WORDS[1]-}\" flags=\"\" words=\"\"\n"
        "    COMPREPLY=()\n"
        "    if ((COMP_CWORD == 1)); then\n";
    text += fmt::format("        COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$word\"))\n",
                        join(verb_names(pages), " "));
    text +=
        "        return\n"
        "    fi\n"
        "    ((COMP_CWORD > 2)) && command=\"$verb ${COMP_WORDS[2]}\"\n"
        "    case \"$command\" in\n";
    // Inner commands first: a verb's own pattern takes the rest of it.
    for (const bool is_inner : {true, false})
        for (const auto& page : pages) {
            if ((page.command.find(' ') != std::string::npos) != is_inner) continue;
            std::string body;
            for (const auto& flag : page.list.flags) {
                const auto choices = choices_of(flag);
                if (!choices.empty())
                    body += fmt::format(
                        "                --{}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); "
                        "return ;;\n",
                        flag.name, join(choices, " "));
                else if (is_file(flag))
                    body += fmt::format(
                        "                --{}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n",
                        flag.name);
                else if (!flag.value.empty())
                    body += fmt::format("                --{}) return ;;\n", flag.name);
            }
            text += is_inner ? fmt::format("        \"{}\")\n", page.command)
                             : fmt::format("        {0} | \"{0} \"*)\n", page.command);
            if (!body.empty())
                text += "            case \"$previous\" in\n" + body + "            esac\n";
            if (page.command == "run")
                text +=
                    "            if [[ \"$word\" != -* ]]; then\n"
                    "                COMPREPLY=($(compgen -c -- \"$word\")); return\n"
                    "            fi\n";
            text += fmt::format("            flags=\"{}\"\n", to_bash_flags(page));
            if (const auto words = join(arguments_of(pages, page), " "); !words.empty())
                text += fmt::format("            words=\"{}\"\n", words);
            text += "            ;;\n";
        }
    text +=
        "    esac\n"
        "    if [[ \"$word\" == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
        "    elif ((COMP_CWORD == 2)) && [[ -n \"$words\" ]]; then\n"
        "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
        "    else\n"
        "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
        "    fi\n"
        "}\n"
        "complete -F _halton_meter halton-meter\n";
    return text;
}

// Inside of single quotes, where brackets and colons have a meaning.
std::string to_zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
            continue;
        }
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

std::string to_zsh_arguments(const std::vector<HelpPage>& pages, const HelpPage& page,
                             std::string_view blank) {
    std::string text = fmt::format("{}_arguments -s", blank);
    for (const auto& flag : page.list.flags) {
        std::string value;
        if (!flag.value.empty()) {
            std::string action = " ";
            if (const auto choices = choices_of(flag); !choices.empty())
                action = "(" + join(choices, " ") + ")";
            else if (is_file(flag))
                action = "_files";
            value = fmt::format(":{}:{}", to_zsh_text(flag.value), action);
        }
        text +=
            fmt::format(" \\\n{}    '--{}[{}]{}'", blank, flag.name, to_zsh_text(flag.help), value);
    }
    const auto words = arguments_of(pages, page);
    if (page.command == "run")
        text += fmt::format(" \\\n{}    '*::command:_normal'", blank);
    else if (!words.empty())
        text += fmt::format(" \\\n{}    '1:command:({})'", blank, join(words, " "));
    else
        text += fmt::format(" \\\n{}    '*:file:_files'", blank);
    return text + '\n';
}

std::string to_zsh(const std::vector<HelpPage>& pages) {
    std::string text =
        "#compdef halton-meter\n"
        "# zsh completion for halton-meter, made by: halton-meter completions zsh\n"
        "_halton_meter() {\n"
        "    local -a commands\n"
        "    local verb=\"$words[2]\"\n"
        "    if ((CURRENT == 2)); then\n"
        "        commands=(\n";
    for (const auto& page : pages)
        if (page.command.find(' ') == std::string::npos)
            text += fmt::format("            '{}:{}'\n", page.command, to_zsh_text(page.help));
    text +=
        "        )\n"
        "        _describe -t commands 'command' commands\n"
        "        _arguments '--help[print the help]' '--version[print the version]'\n"
        "        return\n"
        "    fi\n"
        "    shift words\n"
        "    ((CURRENT--))\n"
        "    case \"$verb\" in\n";
    for (const auto& page : pages) {
        if (page.command.find(' ') != std::string::npos) continue;
        text += fmt::format("        {})\n", page.command);
        std::string inner;
        for (const auto& other : pages) {
            if (!other.command.starts_with(page.command + ' ')) continue;
            inner += fmt::format(
                "                {})\n                    shift words\n"
                "                    ((CURRENT--))\n{}                    ;;\n",
                other.command.substr(page.command.size() + 1),
                to_zsh_arguments(pages, other, "                    "));
        }
        if (inner.empty())
            text += to_zsh_arguments(pages, page, "            ");
        else
            text += "            case \"$words[2]\" in\n" + inner + "                *)\n" +
                    to_zsh_arguments(pages, page, "                    ") +
                    "                    ;;\n            esac\n";
        text += "            ;;\n";
    }
    text +=
        "    esac\n"
        "}\n"
        "if [[ \"$funcstack[1]\" == _halton_meter || \"$funcstack[1]\" == _halton-meter ]]; then\n"
        "    _halton_meter \"$@\"\n"
        "elif (($+functions[compdef])); then\n"
        "    compdef _halton_meter halton-meter\n"
        "fi\n";
    return text;
}

std::string to_fish_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

std::string to_fish(const std::vector<HelpPage>& pages) {
    std::string text =
        "# fish completion for halton-meter, made by: halton-meter completions fish\n"
        "complete -c halton-meter -f\n"
        "complete -c halton-meter -n __fish_use_subcommand -l version -d 'print the version'\n"
        "complete -c halton-meter -n __fish_use_subcommand -l help -d 'print the help'\n";
    for (const auto& page : pages) {
        const auto space = page.command.find(' ');
        if (space == std::string::npos)
            text += fmt::format("complete -c halton-meter -n __fish_use_subcommand -a {} -d '{}'\n",
                                page.command, to_fish_text(page.help));
        const std::string where =
            space == std::string::npos
                ? fmt::format("'__fish_seen_subcommand_from {}'", page.command)
                : fmt::format(
                      "'__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}'",
                      page.command.substr(0, space), page.command.substr(space + 1));
        for (const auto& word : arguments_of(pages, page))
            text += fmt::format("complete -c halton-meter -n {} -a {}\n", where, word);
        if (page.command == "run")
            text += fmt::format(
                "complete -c halton-meter -n {} -a '(__fish_complete_subcommand)'\n", where);
        for (const auto& flag : page.list.flags) {
            std::string value;
            if (const auto choices = choices_of(flag); !choices.empty())
                value = fmt::format(" -x -a '{}'", join(choices, " "));
            else if (is_file(flag))
                value = " -r -F";
            else if (!flag.value.empty())
                value = " -x";
            const auto shorter =
                flag.short_name.empty() ? std::string() : fmt::format(" -s {}", flag.short_name);
            text += fmt::format("complete -c halton-meter -n {}{} -l {}{} -d '{}'\n", where,
                                shorter, flag.name, value, to_fish_text(flag.help));
        }
    }
    return text;
}

// Troff reads dots and quotes at the beginning of a line, and backslashes and dashes anywhere.
std::string to_troff(std::string_view text) {
    std::string out;
    bool is_line_start = true;
    for (const char c : text) {
        if (is_line_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
        is_line_start = c == '\n';
    }
    return out;
}

std::string to_troff_flags(const FlagList& list) {
    std::string text;
    for (const auto& flag : list.flags) {
        text += ".TP\n";
        if (!flag.short_name.empty()) text += fmt::format("\\fB\\-{}\\fR, ", flag.short_name);
        text += "\\fB" + to_troff("--" + flag.name) + "\\fR";
        if (!flag.value.empty()) text += " \\fI" + to_troff(flag.value) + "\\fR";
        text += '\n' + to_troff(flag.help) + '\n';
    }
    return text;
}

std::string to_synopsis(const HelpPage& page) {
    std::string text = "\\fBhalton\\-meter " + to_troff(page.command) + "\\fR";
    if (!page.list.flags.empty()) text += " [\\fIflags\\fR]";
    if (!page.list.names.empty()) text += " \\fI" + to_troff(page.list.names) + "\\fR";
    if (page.list.flags.empty() && !page.words.empty())
        text += " \\fI" + to_troff(join(page.words, "|")) + "\\fR";
    return text + '\n';
}

std::string to_heading(std::string_view name) {
    return fmt::format(".TH {} 1 \"\" \"halton-meter {}\" \"User Commands\"\n", name, version());
}

}  // namespace

std::vector<HelpPage> read_help_pages() {
    std::vector<HelpPage> pages;
    const auto describe = [](const Verb& verb, std::string_view inner) {
        return describe_flags([&] {
            std::string name(verb.name);
            std::string word(inner);
            char* arguments[] = {name.data(), word.data(), nullptr};
            // A verb with commands of its own is only ever asked about one of them: without a word
            // it would print its usage, or do something.
            (void)verb.function(inner.empty() ? 1 : 2, arguments);
        });
    };
    for (const Verb& verb : verbs()) {
        HelpPage page{std::string(verb.name), std::string(verb.help), verb.is_hidden, {}, {}};
        page.words = split(verb.words, ' ');
        std::vector<HelpPage> inner_pages;
        for (const auto& word : page.words) {
            auto list = describe(verb, word);
            if (!list) continue;
            const bool is_choice = !list->program.ends_with(' ' + word);
            if (is_choice) {
                page.list = std::move(*list);
                continue;
            }
            inner_pages.push_back({page.command + ' ' + word,
                                   first_line(list->about),
                                   verb.is_hidden,
                                   {},
                                   std::move(*list)});
        }
        if (page.words.empty())
            if (auto list = describe(verb, "")) page.list = std::move(*list);
        pages.push_back(std::move(page));
        for (auto& inner : inner_pages) pages.push_back(std::move(inner));
    }
    return pages;
}

std::optional<Shell> parse_shell(std::string_view name) {
    if (name == "bash") return Shell::bash;
    if (name == "zsh") return Shell::zsh;
    if (name == "fish") return Shell::fish;
    return std::nullopt;
}

std::string to_completions(const std::vector<HelpPage>& pages, Shell shell) {
    const auto shown = visible(pages);
    switch (shell) {
        case Shell::bash: return to_bash(shown);
        case Shell::zsh: return to_zsh(shown);
        case Shell::fish: break;
    }
    return to_fish(shown);
}

std::optional<std::string> to_man_page(const std::vector<HelpPage>& pages,
                                       std::string_view command) {
    const auto is_named = [&](const HelpPage& page) { return page.command == command; };
    if (command.empty()) {
        std::string text = to_heading("HALTON-METER");
        text +=
            ".SH NAME\nhalton\\-meter \\- meters the LLM calls of your tools on this machine\n"
            ".SH SYNOPSIS\n\\fBhalton\\-meter\\fR \\fIcommand\\fR [\\fIflags\\fR]\n"
            ".SH DESCRIPTION\nA proxy on this machine that reads along as tools talk to model "
            "providers, and writes one row a call: model, tokens, cost, latency, error, project. "
            "When it is stopped or stuck, calls still go through, unmetered.\n.SH COMMANDS\n";
        for (const auto& page : pages)
            if (!page.is_hidden && page.command.find(' ') == std::string::npos)
                text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", to_troff(page.command),
                                    to_troff(page.help));
        text +=
            ".SH FILES\n.TP\n\\fI~/.halton\\-meter/\\fR\nsettings (config.toml), calls "
            "(db.sqlite) and certificates; HALTON_METER_HOME moves it\n"
            ".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nit failed, or doctor found something\n.TP\n2\n"
            "a mistake in the words or flags, or doctor found it broken\n"
            ".SH SEE ALSO\n\\fBhalton\\-meter man\\fR \\fIcommand\\fR prints the page of each "
            "command.\n";
        return text;
    }
    const auto found = std::find_if(pages.begin(), pages.end(), is_named);
    if (found == pages.end()) return std::nullopt;
    std::string title = "HALTON-METER-";
    for (const char c : found->command)
        title += c == ' ' ? '-' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    std::string name = found->command;
    std::replace(name.begin(), name.end(), ' ', '-');
    std::string text = to_heading(title);
    text += fmt::format(".SH NAME\nhalton\\-meter\\-{} \\- {}\n.SH SYNOPSIS\n{}", to_troff(name),
                        to_troff(found->help), to_synopsis(*found));
    std::string commands;
    for (const auto& page : pages) {
        if (!page.command.starts_with(found->command + ' ')) continue;
        text += ".br\n" + to_synopsis(page);
        commands += ".SS " + to_troff(page.command) + '\n' + to_troff(page.list.about) + '\n' +
                    to_troff_flags(page.list);
    }
    if (!found->list.about.empty())
        text += ".SH DESCRIPTION\n" + to_troff(found->list.about) + '\n';
    if (!found->list.flags.empty()) text += ".SH OPTIONS\n" + to_troff_flags(found->list);
    if (!commands.empty()) text += ".SH COMMANDS\n" + commands;
    return text + ".SH SEE ALSO\n\\fBhalton\\-meter\\fR(1)\n";
}

}  // namespace halton::roles
