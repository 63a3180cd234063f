// Files as whole values: bounded reads, atomic writes, a lock between processes.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace halton::platform {

// Errors: not_found, permission, too_large, io. Refuses anything but a regular file.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max);

// Also through links; false for everything that cannot be looked at.
bool is_regular_file(const std::filesystem::path& path);

// Temporary file in the same directory (O_EXCL, `mode` regardless of umask), fsync, rename.
// Errors: not_found (no such directory), permission, io.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode);

// A directory with mode 0700; of an existing one only others' write permission is taken away.
// Errors: not_found (no parent), permission, io.
Result<void> make_private_directory(const std::filesystem::path& path);

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
