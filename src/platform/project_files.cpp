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

// The path as we reach it.
fs::path at(const std::string& file_root, const fs::path& path) {
    return file_root.empty() ? path : fs::path(file_root + path.string());
}

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

// What the name `.git` in a folder leads to; paths as the process sees them.
struct Repository {
    fs::path git_directory;  // of this work tree: its HEAD is there
    std::string main_folder;
};

// `.git` as a file: "gitdir: <path>". A worktree's git folder holds a `commondir` file that leads
// to the main repository; a submodule's does not, and then the folder itself is the project.
std::optional<Repository> read_git_file(const fs::path& folder, const std::string& file_root) {
    const auto line = read_line(at(file_root, folder / ".git"));
    constexpr std::string_view key = "gitdir:";
    if (!line || line->compare(0, key.size(), key) != 0) return std::nullopt;
    const std::string target(trim(std::string_view(*line).substr(key.size())));
    if (target.empty()) return std::nullopt;
    Repository repository{resolve(folder, target), folder.string()};
    if (const auto common = read_line(at(file_root, repository.git_directory / "commondir")))
        repository.main_folder = to_repository_folder(resolve(repository.git_directory, *common));
    return repository;
}

std::optional<Repository> find_repository(const fs::path& folder, const std::string& file_root) {
    std::error_code ignored;
    const auto status = fs::status(at(file_root, folder / ".git"), ignored);
    if (status.type() == fs::file_type::directory)
        return Repository{folder / ".git", folder.string()};
    if (status.type() == fs::file_type::regular) return read_git_file(folder, file_root);
    return std::nullopt;
}

// HEAD is "ref: refs/heads/<branch>", or an id while no branch is checked out. With reftables the
// file holds a name that no branch can have.
std::string read_branch(const fs::path& git_directory, const std::string& file_root) {
    const auto line = read_line(at(file_root, git_directory / "HEAD"));
    constexpr std::string_view key = "ref: refs/heads/";
    if (!line || !line->starts_with(key) || line->ends_with("/.invalid")) return {};
    const auto branch = line->substr(key.size());
    return branch == ".invalid" ? std::string()
                                : to_safe_text(branch, limits::git_branch_bytes_max);
}

}  // namespace

meter::ProjectFiles read_project_files(const fs::path& working_directory,
                                       const std::string& file_root) {
    meter::ProjectFiles files;
    if (!working_directory.is_absolute()) return files;
    auto folder = working_directory.lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path();
    for (int step = 0; step < limits::directory_walk_max; ++step) {
        if (auto text = read_file(at(file_root, folder / ".haltonrc"), limits::haltonrc_bytes_max))
            files.haltonrcs.push_back({folder.string(), std::move(*text)});
        if (files.git_directory_parent.empty()) {
            if (const auto repository = find_repository(folder, file_root)) {
                files.git_directory_parent = repository->main_folder;
                files.git_work_tree = folder.string();
                files.git_branch = read_branch(repository->git_directory, file_root);
            }
        }
        const auto parent = folder.parent_path();
        if (parent == folder) break;
        folder = parent;
    }
    return files;
}

}  // namespace halton::platform
