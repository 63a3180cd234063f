#include "platform/project_files.h"

#include <optional>
#include <string_view>
#include <system_error>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"

namespace halton::platform {
namespace {

namespace fs = std::filesystem;

// A "gitdir:" or commondir file is one path.
constexpr std::size_t git_file_bytes_max = 8 * 1024;

std::optional<std::string> read_line(const fs::path& path) {
    const auto text = read_file(path, git_file_bytes_max);
    if (!text) return std::nullopt;
    const auto line = trim(std::string_view(*text).substr(0, text->find('\n')));
    if (line.empty()) return std::nullopt;
    return std::string(line);
}

// Joins and resolves "..", by name only: the folder may be on a file system that is gone.
fs::path resolve(const fs::path& base, const std::string& path) {
    auto resolved = (base / path).lexically_normal();
    return resolved.has_filename() ? resolved : resolved.parent_path();
}

// The folder whose name a repository goes by.
std::string to_repository_folder(const fs::path& git_directory) {
    const auto name = git_directory.filename().string();
    // ".git" of a normal repository, or ".bare" as many keep a bare one beside its worktrees.
    if (!name.empty() && name.front() == '.') return git_directory.parent_path().string();
    constexpr std::string_view suffix = ".git";
    const auto text = git_directory.string();
    const bool is_bare = name.size() > suffix.size() &&
                         std::string_view(name).substr(name.size() - suffix.size()) == suffix;
    return is_bare ? text.substr(0, text.size() - suffix.size()) : text;
}

// `.git` as a file: "gitdir: <path>". A worktree's git folder holds a `commondir` file that leads
// to the main repository; a submodule's does not, and then the folder itself is the project.
std::optional<std::string> read_git_file(const fs::path& folder) {
    const auto line = read_line(folder / ".git");
    constexpr std::string_view key = "gitdir:";
    if (!line || line->compare(0, key.size(), key) != 0) return std::nullopt;
    const std::string target(trim(std::string_view(*line).substr(key.size())));
    if (target.empty()) return std::nullopt;
    const auto git_directory = resolve(folder, target);
    const auto common = read_line(git_directory / "commondir");
    if (!common) return folder.string();
    return to_repository_folder(resolve(git_directory, *common));
}

}  // namespace

ProjectFiles read_project_files(const fs::path& working_directory) {
    ProjectFiles files;
    if (!working_directory.is_absolute()) return files;
    auto folder = working_directory.lexically_normal();
    for (int step = 0; step < limits::directory_walk_max; ++step) {
        if (auto text = read_file(folder / ".haltonrc", limits::haltonrc_bytes_max))
            files.haltonrc_texts.push_back(std::move(*text));
        if (files.git_directory_parent.empty()) {
            std::error_code ignored;
            const auto status = fs::status(folder / ".git", ignored);
            if (status.type() == fs::file_type::directory)
                files.git_directory_parent = folder.string();
            else if (status.type() == fs::file_type::regular)
                files.git_directory_parent = read_git_file(folder).value_or("");
        }
        const auto parent = folder.parent_path();
        if (parent == folder) break;
        folder = parent;
    }
    return files;
}

}  // namespace halton::platform
