#include "meter/ide_workspace.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {
namespace {

struct Ide {
    std::string_view program;  // lower case; helpers add words behind it
    std::string_view name;
};

constexpr std::array<Ide, 12> ides{{
    {"code", "VS Code"},
    {"code-insiders", "VS Code Insiders"},
    {"code-oss", "VS Code"},
    {"codium", "VSCodium"},
    {"vscodium", "VSCodium"},
    {"visual studio code", "VS Code"},
    {"cursor", "Cursor"},
    {"cursor-nightly", "Cursor"},
    {"windsurf", "Windsurf"},
    {"windsurf-next", "Windsurf"},
    {"antigravity", "Antigravity"},
    {"kiro", "Kiro"},
}};

// Flags whose next argument is not their value.
constexpr std::array<std::string_view, 14> plain_flags{
    "--new-window",
    "--reuse-window",
    "--wait",
    "--verbose",
    "--no-sandbox",
    "--unity-launch",
    "--disable-gpu",
    "--disable-extensions",
    "--foreground",
    "--force-disable-user-env",
    "--ms-enable-electron-run-as-node",
    "--classic",
    "--add",
    "--disable-workspace-trust",
};

constexpr std::array<std::string_view, 3> folder_flags{"--folder-uri", "--workspace-uri",
                                                       "--workspace"};
constexpr std::string_view file_flag = "--file-uri";
constexpr std::string_view label_flag = "--workspace-label";
constexpr std::string_view workspace_suffix = ".code-workspace";

int hex_value(char c) {
    c = to_lower(c);
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> decode_percent(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_value(text[i + 1]);
        const int low = hex_value(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

// Absolute, without control characters, without a "..", without slashes at the end.
std::optional<std::string> clean_path(std::string path) {
    if (path.empty() || path.front() != '/') return std::nullopt;
    if (std::any_of(path.begin(), path.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return std::nullopt;
    for (std::size_t at = path.find(".."); at != std::string::npos; at = path.find("..", at + 1)) {
        const bool is_end = at + 2 == path.size() || path[at + 2] == '/';
        if (path[at - 1] == '/' && is_end) return std::nullopt;
    }
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

std::string parent_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
    return text.size() > end.size() &&
           is_equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

// A workspace file stands for the folder that it lies in.
WorkspacePath to_folder(WorkspacePath path, bool is_file) {
    if (is_file || ends_with_ignoring_case(path.folder, workspace_suffix))
        path.folder = parent_of(path.folder);
    return path;
}

std::optional<WorkspacePath> parse_path_or_uri(std::string_view value) {
    if (value.find("://") != std::string_view::npos) return parse_workspace_uri(value);
    auto path = clean_path(std::string(value));
    if (!path) return std::nullopt;
    return WorkspacePath{std::move(*path), false, true};
}

// "--flag=value" or "--flag" and then `next`. Nothing when it is another flag.
std::optional<std::string_view> value_of(std::string_view argument, std::string_view flag,
                                         const std::string* next) {
    if (argument.substr(0, flag.size()) != flag) return std::nullopt;
    argument.remove_prefix(flag.size());
    if (argument.empty()) return next != nullptr ? std::string_view(*next) : std::string_view();
    if (argument.front() != '=') return std::nullopt;
    return argument.substr(1);
}

std::optional<WorkspacePath> parse_bare(std::string_view argument,
                                        std::string_view working_directory) {
    if (argument.empty()) return std::nullopt;
    std::string path(argument);
    if (path.front() != '/') {
        if (working_directory.empty()) return std::nullopt;
        while (path.starts_with("./")) path.erase(0, 2);
        if (path == ".") path.clear();
        path = std::string(working_directory) + "/" + path;
    }
    auto cleaned = clean_path(std::move(path));
    if (!cleaned) return std::nullopt;
    return to_folder({std::move(*cleaned), false, true}, false);
}

}  // namespace

std::string_view ide_of(std::string_view program) {
    const auto helper = program.find(" Helper");
    const auto name = to_lower(program.substr(0, helper));
    const auto found =
        std::find_if(ides.begin(), ides.end(), [&](const Ide& ide) { return ide.program == name; });
    return found == ides.end() ? std::string_view() : found->name;
}

std::optional<WorkspacePath> parse_workspace_uri(std::string_view uri) {
    constexpr std::string_view local = "file://";
    constexpr std::string_view remote = "vscode-remote://";
    const bool is_remote = uri.substr(0, remote.size()) == remote;
    if (!is_remote && uri.substr(0, local.size()) != local) return std::nullopt;
    uri.remove_prefix(is_remote ? remote.size() : local.size());
    const auto slash = uri.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto authority = uri.substr(0, slash);
    if (is_remote ? authority.empty() : !authority.empty() && authority != "localhost")
        return std::nullopt;
    uri = uri.substr(slash);
    auto decoded = decode_percent(uri.substr(0, uri.find_first_of("?#")));
    if (!decoded) return std::nullopt;
    auto path = clean_path(std::move(*decoded));
    if (!path) return std::nullopt;
    return WorkspacePath{std::move(*path), is_remote, false};
}

std::vector<WorkspacePath> find_workspaces(const std::vector<std::string>& arguments,
                                           std::string_view working_directory) {
    std::vector<WorkspacePath> found;
    const auto add = [&](std::optional<WorkspacePath> path) {
        if (!path || found.size() >= limits::workspace_count_max) return;
        if (std::find(found.begin(), found.end(), *path) == found.end())
            found.push_back(std::move(*path));
    };
    bool is_remote = false;
    bool is_after_flags = false;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        const std::string* next = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
        if (argument == "--") {
            is_after_flags = true;
            continue;
        }
        if (is_after_flags || argument.substr(0, 1) != "-") {
            auto path = parse_bare(argument, working_directory);
            if (path) path->is_remote = is_remote;
            add(std::move(path));
            continue;
        }
        const bool takes_next = argument.find('=') == std::string_view::npos;
        bool is_known = false;
        for (const auto flag : folder_flags) {
            const auto value = value_of(argument, flag, next);
            if (!value) continue;
            auto path = parse_path_or_uri(*value);
            if (path) add(to_folder(std::move(*path), false));
            is_known = true;
            break;
        }
        if (!is_known) {
            if (const auto value = value_of(argument, file_flag, next)) {
                auto path = parse_path_or_uri(*value);
                if (path) add(to_folder(std::move(*path), true));
                is_known = true;
            }
        }
        is_remote = is_remote || argument == "--remote" || argument.starts_with("--remote=");
        // The argument behind an unknown flag may be its value, and a value is no workspace.
        const bool is_plain =
            argument.substr(0, 2) != "--" ||
            std::find(plain_flags.begin(), plain_flags.end(), argument) != plain_flags.end();
        if (takes_next && (is_known || !is_plain)) ++i;
    }
    return found;
}

std::optional<std::string> parse_title_label(std::string_view title) {
    constexpr std::string_view mark = "extension-host";
    const auto at = title.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    title = trim(title.substr(at + mark.size()));
    if (!title.empty() && title.front() == '(') {
        const auto close = title.find(')');
        if (close == std::string_view::npos) return std::nullopt;
        title = trim(title.substr(close + 1));
    }
    // " [window-host]" ends it.
    const auto open = title.rfind('[');
    if (title.empty() || title.back() != ']' || open == std::string_view::npos) return std::nullopt;
    const auto label = trim(title.substr(0, open));
    if (label.empty() || label.size() > limits::slug_bytes_max) return std::nullopt;
    return std::string(label);
}

std::vector<std::string> find_labels(const std::vector<std::string>& arguments) {
    std::vector<std::string> found;
    const auto add = [&](std::string label) {
        if (!label.empty() && label.size() <= limits::slug_bytes_max &&
            found.size() < limits::workspace_label_count_max &&
            std::find(found.begin(), found.end(), label) == found.end())
            found.push_back(std::move(label));
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (auto label = parse_title_label(arguments[i])) add(std::move(*label));
        const std::string* next = i + 1 < arguments.size() ? &arguments[i + 1] : nullptr;
        if (const auto value = value_of(arguments[i], label_flag, next)) add(std::string(*value));
    }
    return found;
}

}  // namespace halton::meter
