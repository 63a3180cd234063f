// What an editor's command line says about the folders it has open: VS Code, Cursor, Windsurf and
// their relatives, which share flags and process titles.
// In:    a program's name and its arguments. Out: folders, and labels (names for people).
// Fails: never; what does not decode is no answer. Pure: whether a folder is there, others look.
// Limits: workspace_count_max, workspace_label_count_max.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halton::meter {

// The editor that goes by this program name ("code", "Cursor Helper (Plugin)"), as people call it;
// empty for every other program.
std::string_view ide_of(std::string_view program);

struct WorkspacePath {
    std::string folder;      // absolute, without a slash at the end
    bool is_remote = false;  // on another machine or in a container: only its name says something
    bool is_bare = false;    // an argument without a flag: a folder only if there is one
    bool operator==(const WorkspacePath&) const = default;
};

// The folders that a command line opens, each once. Several are several windows.
std::vector<WorkspacePath> find_workspaces(const std::vector<std::string>& arguments,
                                           std::string_view working_directory);

// The folder of "file:///a%20b" or "vscode-remote://ssh-remote+host/a"; nothing for other schemes,
// other machines' files, broken escapes, control characters, relative paths and paths with "..".
std::optional<WorkspacePath> parse_workspace_uri(std::string_view uri);

// The label of a title that editors give their helpers: "extension-host (user) shop [1-3]" is
// "shop". Also behind the program's name, as ps shows it.
std::optional<std::string> parse_title_label(std::string_view title);

// The labels of a helper's arguments, each once: titles and --workspace-label=<label>.
std::vector<std::string> find_labels(const std::vector<std::string>& arguments);

}  // namespace halton::meter
