// What a working directory says about its project: the .haltonrc files and the git folder on the
// way up to the root, and the branch there. Reads only; no git program is run. Fails: never,
// unreadable counts as absent. Limits: directory_walk_max steps, haltonrc_bytes_max a file.
// Blocking.
#pragma once

#include <filesystem>
#include <string>

#include "meter/attribution.h"

namespace halton::platform {

// Paths are those of a process whose files begin at `file_root` for us; empty: as ours.
meter::ProjectFiles read_project_files(const std::filesystem::path& working_directory,
                                       const std::string& file_root = {});

}  // namespace halton::platform
