// Attribution: from facts about the client process to a project slug.
// An ordered chain of pure questions; the first that answers wins, no scoring, no guessing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halton::meter {

// What platform/ could find out about the process behind a client socket. Unknown = empty.
struct ClientProcess {
    int pid = 0;                 // 0: not found
    std::uint32_t uid = 0;
    std::string executable;      // base name
    std::string working_directory;
    std::optional<std::string> halton_project;  // HALTON_PROJECT of its environment
    // ".haltonrc" files on the way up from the working directory, nearest first: their text.
    std::vector<std::string> haltonrc_texts;
    // Folder that holds ".git" on the way up; for a worktree the main repository's folder.
    std::string git_directory_parent;
};

struct Attribution {
    std::string project_slug;
    std::string layer;  // "env", "rcfile", "git", "workdir", "smart_default"
};

// Never fails: the last tier is `default_project` (a valid slug, config [tagging]).
Attribution attribute(const ClientProcess& process, std::string_view default_project);

// Lower-cases and maps runs of foreign characters to '-', trims; nothing if nothing is left.
// Allowed: a-z 0-9 - _ : / and (inside a generated mac:, docker:, k8s: form) a dot.
std::optional<std::string> to_slug(std::string_view text);

}  // namespace halton::meter
