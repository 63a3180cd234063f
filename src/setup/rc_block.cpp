#include "setup/rc_block.h"

#include <fmt/format.h>

#include "setup/layer.h"

namespace halton::setup {
namespace {

constexpr std::string_view begin_mark = "# >>> halton-meter >>>";
constexpr std::string_view end_mark = "# <<< halton-meter <<<\n";
constexpr std::string_view about =
    " made by \"halton-meter init\", removed by \"halton-meter uninstall\"";
constexpr std::string_view new_file_note = " [new file]";
constexpr std::string_view no_newline_note = " [no newline]";

// The block with its marker lines, as offsets into the text.
struct Place {
    std::size_t begin = 0;
    std::size_t body = 0;
    std::size_t body_end = 0;
    std::size_t end = 0;
    std::string_view first_line;
};

bool is_line_start(std::string_view text, std::size_t at) {
    return at == 0 || text[at - 1] == '\n';
}

std::optional<Place> find_place(std::string_view text) {
    for (std::size_t end = text.find(end_mark); end != std::string_view::npos;
         end = text.find(end_mark, end + 1)) {
        if (!is_line_start(text, end)) continue;
        // The nearest beginning above: a stray one higher up must not swallow what is between.
        for (std::size_t begin = text.substr(0, end).rfind(begin_mark);
             begin != std::string_view::npos;
             begin = begin == 0 ? std::string_view::npos
                                : text.substr(0, begin).rfind(begin_mark)) {
            if (!is_line_start(text, begin)) continue;
            const auto line_end = text.find('\n', begin);
            return Place{begin, line_end + 1, end, end + end_mark.size(),
                         text.substr(begin, line_end - begin)};
        }
    }
    return std::nullopt;
}

std::string make_block(std::string_view body, bool is_new_file, bool lacks_newline) {
    return fmt::format("{}{}{}{}\n{}{}", begin_mark, about, is_new_file ? new_file_note : "",
                       lacks_newline ? no_newline_note : "", body, end_mark);
}

bool has_note(std::string_view line, std::string_view note) {
    return line.find(note) != std::string_view::npos;
}

// fish knows two escapes inside of single quotes.
std::string quote_for_fish(std::string_view word) {
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

bool is_no_proxy(std::string_view name) { return name == "NO_PROXY" || name == "no_proxy"; }

std::string value_of(const Variables& variables, std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
}

// The user's NO_PROXY grows and is not replaced; nested shells add nothing twice.
std::string make_posix_body(const BlockSettings& settings) {
    const auto proxy = quote_for_shell(value_of(settings.variables, "HTTPS_PROXY"));
    const auto loopback = value_of(settings.variables, "NO_PROXY");
    std::string text = fmt::format("if [ -f {} ]; then\n", quote_for_shell(settings.bundle_file));
    std::string indent = "    ";
    if (settings.keeps_foreign_proxy) {
        text += fmt::format("    case \"${{HTTPS_PROXY:-${{https_proxy:-}}}}\" in\n    '' | {})\n",
                            proxy);
        indent += "    ";
    }
    for (const auto& [name, value] : settings.variables)
        if (!is_no_proxy(name))
            text += fmt::format("{}export {}={}\n", indent, name, quote_for_shell(value));
    text += fmt::format(
        "{0}case \",${{NO_PROXY:-${{no_proxy:-}}}},\" in\n"
        "{0}*,127.0.0.1,* | *'*'*) export NO_PROXY=\"${{NO_PROXY:-${{no_proxy:-}}}}\" ;;\n"
        "{0},,) export NO_PROXY={1} ;;\n"
        "{0}*) export NO_PROXY=\"${{NO_PROXY:-${{no_proxy:-}}}},\"{1} ;;\n"
        "{0}esac\n"
        "{0}export no_proxy=\"$NO_PROXY\"\n",
        indent, quote_for_shell(loopback));
    if (settings.keeps_foreign_proxy) text += "        ;;\n    esac\n";
    return text + "fi\n";
}

std::string make_fish_body(const BlockSettings& settings) {
    const auto proxy = quote_for_fish(value_of(settings.variables, "HTTPS_PROXY"));
    const auto loopback = value_of(settings.variables, "NO_PROXY");
    std::string condition = fmt::format("test -f {}", quote_for_fish(settings.bundle_file));
    if (settings.keeps_foreign_proxy)
        condition += fmt::format(
            "; and begin\n"
            "        test -z \"$HTTPS_PROXY$https_proxy\"\n"
            "        or test \"$HTTPS_PROXY\" = {}\n"
            "    end",
            proxy);
    std::string text = fmt::format("if {}\n", condition);
    for (const auto& [name, value] : settings.variables)
        if (!is_no_proxy(name))
            text += fmt::format("    set -gx {} {}\n", name, quote_for_fish(value));
    text += fmt::format(
        "    if test -z \"$NO_PROXY$no_proxy\"\n"
        "        set -gx NO_PROXY {0}\n"
        "    else if not string match -q '*127.0.0.1*' \"$NO_PROXY$no_proxy\"\n"
        "        and not string match -q '*\\**' \"$NO_PROXY$no_proxy\"\n"
        "        test -n \"$NO_PROXY\"; or set -gx NO_PROXY \"$no_proxy\"\n"
        "        set -gx NO_PROXY \"$NO_PROXY,\"{0}\n"
        "    end\n"
        "    set -gx no_proxy \"$NO_PROXY\"\n",
        quote_for_fish(loopback));
    return text + "end\n";
}

}  // namespace

std::string make_block_body(Shell shell, const BlockSettings& settings) {
    return shell == Shell::posix ? make_posix_body(settings) : make_fish_body(settings);
}

std::string with_block(std::string_view text, std::string_view body, bool is_new_file) {
    if (const auto place = find_place(text)) {
        // What the first line notes was true when the block came, and stays.
        return std::string(text.substr(0, place->body)) + std::string(body) +
               std::string(text.substr(place->body_end));
    }
    const bool lacks_newline = !text.empty() && text.back() != '\n';
    return std::string(text) + (lacks_newline ? "\n" : "") +
           make_block(body, is_new_file, lacks_newline);
}

std::optional<WithoutBlock> without_block(std::string_view text) {
    const auto place = find_place(text);
    if (!place) return std::nullopt;
    auto before = text.substr(0, place->begin);
    const auto after = text.substr(place->end);
    // With text of the user's behind it, the line end that we added is now needed.
    if (has_note(place->first_line, no_newline_note) && after.empty() && !before.empty())
        before.remove_suffix(1);
    WithoutBlock rest{std::string(before) + std::string(after), false};
    rest.is_file_ours = rest.text.empty() && has_note(place->first_line, new_file_note);
    return rest;
}

std::optional<std::string> find_block_body(std::string_view text) {
    const auto place = find_place(text);
    if (!place) return std::nullopt;
    return std::string(text.substr(place->body, place->body_end - place->body));
}

std::string make_environment_d(const Variables& variables) {
    std::string text =
        "# made by \"halton-meter init --apps\", removed by \"halton-meter uninstall\"\n";
    for (const auto& [name, value] : variables) {
        text += name + "=\"";
        // An earlier file's value grows and is not replaced.
        if (is_no_proxy(name)) text += fmt::format("${{{0}:+${0},}}", name);
        for (const char c : value) {
            if (c == '"' || c == '\\') text += '\\';
            if (c == '$') text += c;
            text += c;
        }
        text += "\"\n";
    }
    return text;
}

}  // namespace halton::setup
