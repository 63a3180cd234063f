// What a working directory says about its project: the .haltonrc files and the git folder on the
// way up to the root. Reads only; no git program is run. Fails: never, unreadable counts as
// absent. Limits: directory_walk_max steps, haltonrc_bytes_max a file. Blocking.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace halton::platform {

struct ProjectFiles {
    // Texts of the .haltonrc files, nearest first.
    std::vector<std::string> haltonrc_texts;
    // The folder that holds ".git", nearest first found. For a worktree the main repository's; a
    // submodule keeps its own; for a worktree of a bare "name.git" the path without ".git".
    std::string git_directory_parent;
};

ProjectFiles read_project_files(const std::filesystem::path& working_directory);

}  // namespace halton::platform
