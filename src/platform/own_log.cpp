#include "platform/own_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace halton::platform {
namespace {

std::filesystem::path backup_of(const std::filesystem::path& path, int number) {
    return path.string() + fmt::format(".{}", number);
}

auto fail_with_errno(const char* what, const std::filesystem::path& path) {
    const auto kind =
        errno == EACCES || errno == EPERM || errno == EROFS ? ErrorKind::permission : ErrorKind::io;
    return fail(kind, fmt::format("{} {}: {}", what, path.string(), std::strerror(errno)));
}

}  // namespace

Result<bool> rotate_own_log(int descriptor, const std::filesystem::path& path,
                            std::uint64_t bytes_max, int backup_count) {
    struct stat own {};
    struct stat named {};
    if (::fstat(descriptor, &own) != 0 || !S_ISREG(own.st_mode)) return false;
    if (static_cast<std::uint64_t>(own.st_size) <= bytes_max) return false;
    if (::lstat(path.c_str(), &named) != 0 || named.st_ino != own.st_ino ||
        named.st_dev != own.st_dev)
        return false;
    for (int number = backup_count; number > 1; --number)
        ::rename(backup_of(path, number - 1).c_str(), backup_of(path, number).c_str());
    if (::rename(path.c_str(), backup_of(path, 1).c_str()) != 0)
        return fail_with_errno("cannot rename", path);
    const int fresh =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fresh < 0) return fail_with_errno("cannot open", path);
    // dup2 leaves close-on-exec off, as a standard descriptor wants it.
    const int moved = ::dup2(fresh, descriptor);
    ::close(fresh);
    if (moved < 0) return fail_with_errno("cannot write to", path);
    return true;
}

}  // namespace halton::platform
