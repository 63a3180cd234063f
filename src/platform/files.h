// Files as whole values: bounded reads, atomic writes, a lock between processes.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halton::platform {

// Errors: not_found, permission, too_large, io. Refuses anything but a regular file.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max);

// Not more than the first `bytes_max` of it; a longer file is no error. Errors: as above.
Result<std::string> read_beginning(const std::filesystem::path& path, std::size_t bytes_max);

// Also through links; false for everything that cannot be looked at.
bool is_regular_file(const std::filesystem::path& path);

// Temporary file in the same directory (O_EXCL, `mode` regardless of umask), fsync, rename. In
// `temporary_folder`, if one is given on the same file system: what a kill leaves stays there.
// Errors: not_found (no such directory), permission, io.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode,
                                   const std::filesystem::path& temporary_folder = {});

// Removes temporary files in that folder whose writers are gone.
void sweep_temporaries(const std::filesystem::path& folder);

// A directory with mode 0700; of an existing one only others' write permission is taken away.
// Errors: not_found (no parent), permission, io.
Result<void> make_private_directory(const std::filesystem::path& path);

// A folder with its missing parents, each new one with `mode`; gives those that were made, the
// outermost first. An existing one is fine. Errors: permission, not_found (a file is in the way),
// io.
Result<std::vector<std::filesystem::path>> make_folders(const std::filesystem::path& path,
                                                        unsigned mode);

// Errors: permission, io. An absent one is fine and gives false.
Result<bool> remove_file(const std::filesystem::path& path);
// Only if it is empty; one that is not, or not there, gives false. Errors: permission, io.
Result<bool> remove_empty_folder(const std::filesystem::path& path);

// Replaces what is there. Errors: as write_file_atomically.
Result<void> make_link_atomically(const std::filesystem::path& path, const std::string& target,
                                  const std::filesystem::path& temporary_folder = {});

Result<void> set_permissions(const std::filesystem::path& path, unsigned mode);

// Where a path leads, through symbolic links, also when nothing is there yet; itself for no link.
std::filesystem::path follow_links(const std::filesystem::path& path);

// An exclusive lock between processes, held until destruction; the kernel drops it when the
// holder dies. The lock file stays behind, since removing it would race.
class FileLock {
public:
    // Errors: timeout, permission, not_found, io.
    static Result<FileLock> take(const std::filesystem::path& path,
                                 std::chrono::milliseconds limit);
    FileLock(FileLock&& other) noexcept;
    FileLock& operator=(FileLock&&) = delete;
    ~FileLock();

private:
    explicit FileLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace halton::platform
