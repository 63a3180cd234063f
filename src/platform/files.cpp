#include "platform/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::platform {
namespace {

tl::unexpected<Error> fail_with_errno(std::string_view verb, const std::filesystem::path& path) {
    const int number = errno;
    ErrorKind kind = ErrorKind::io;
    if (number == ENOENT || number == ENOTDIR) kind = ErrorKind::not_found;
    if (number == EACCES || number == EPERM || number == EROFS) kind = ErrorKind::permission;
    return fail(kind, fmt::format("{} {}: {}", verb, path.string(), std::strerror(number)));
}

// Closes on every way out.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }

private:
    int number_;
};

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(descriptor, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

// Best effort: after a rename the directory entry should survive a power cut as well.
void sync_directory(const std::filesystem::path& directory) {
    const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.get() >= 0) ::fsync(opened.get());
}

}  // namespace

namespace {

// `bytes_max` is a fault, or where reading ends.
enum class Longer { is_too_large, is_cut };

Result<std::string> read_some(const std::filesystem::path& path, std::size_t bytes_max,
                              Longer longer) {
    // Non-blocking, so that a named pipe put there cannot hang us before we see what it is.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0) return fail_with_errno("cannot open", path);
    struct stat facts {};
    if (::fstat(file.get(), &facts) != 0) return fail_with_errno("cannot read", path);
    if (!S_ISREG(facts.st_mode))
        return fail(ErrorKind::io, fmt::format("{} is not a regular file", path.string()));
    const auto too_large = [&] {
        return fail(ErrorKind::too_large,
                    fmt::format("{} is larger than {} bytes", path.string(), bytes_max));
    };
    if (longer == Longer::is_too_large && facts.st_size > 0 &&
        static_cast<std::uint64_t>(facts.st_size) > bytes_max)
        return too_large();

    // The size is a hint only: files of /proc say 0, and others may grow meanwhile.
    std::string text;
    std::size_t size = 0;
    for (;;) {
        const auto hint = std::min(static_cast<std::size_t>(facts.st_size), bytes_max);
        text.resize(std::max(size + 4096, hint + 1));
        const auto count = ::read(file.get(), text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_with_errno("cannot read", path);
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
        if (size > bytes_max && longer == Longer::is_too_large) return too_large();
        if (size >= bytes_max && longer == Longer::is_cut) break;
    }
    text.resize(longer == Longer::is_cut ? std::min(size, bytes_max) : size);
    return text;
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
    return read_some(path, bytes_max, Longer::is_too_large);
}

Result<std::string> read_beginning(const std::filesystem::path& path, std::size_t bytes_max) {
    return read_some(path, bytes_max, Longer::is_cut);
}

bool is_regular_file(const std::filesystem::path& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode);
}

namespace {

// ".name.pid-random" beside `path`, or in `folder` where that is on the same file system, so that
// a rename from there is one.
std::filesystem::path name_temporary(const std::filesystem::path& path,
                                     const std::filesystem::path& folder) {
    std::random_device entropy;
    const auto name = fmt::format(".{}.{}-{:08x}", path.filename().string(), ::getpid(), entropy());
    struct stat here {};
    struct stat there {};
    const bool is_usable = !folder.empty() && ::stat(folder.c_str(), &here) == 0 &&
                           ::stat(path.parent_path().c_str(), &there) == 0 &&
                           here.st_dev == there.st_dev;
    return (is_usable ? folder : path.parent_path()) / name;
}

// Takes the temporary away where it cannot become `path`.
Result<void> put_in_place(const std::filesystem::path& temporary,
                          const std::filesystem::path& path) {
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        auto failed = fail_with_errno("cannot replace", path);
        ::unlink(temporary.c_str());
        return failed;
    }
    sync_directory(path.parent_path());
    return {};
}

}  // namespace

void sweep_temporaries(const std::filesystem::path& folder) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const auto name = entry.path().filename().string();
        const auto dash = name.rfind('-');
        const auto dot = dash == std::string::npos ? dash : name.rfind('.', dash);
        if (dot == std::string::npos || dot == 0 || name.front() != '.' ||
            name.size() - dash != 9 ||
            name.find_first_not_of("0123456789abcdef", dash + 1) != std::string::npos)
            continue;
        const auto pid = parse_decimal(std::string_view(name).substr(dot + 1, dash - dot - 1));
        if (pid && *pid < 1u << 30 && ::kill(static_cast<int>(*pid), 0) != 0 && errno == ESRCH)
            ::unlink(entry.path().c_str());
    }
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                   unsigned mode, const std::filesystem::path& temporary_folder) {
    const auto temporary = name_temporary(path, temporary_folder);
    {
        const Descriptor file(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (file.get() < 0) return fail_with_errno("cannot create", temporary);
        // fchmod, because the mode given to open() goes through the umask.
        if (!write_all(file.get(), text) || ::fchmod(file.get(), static_cast<mode_t>(mode)) != 0 ||
            ::fsync(file.get()) != 0) {
            auto failed = fail_with_errno("cannot write", temporary);
            ::unlink(temporary.c_str());
            return failed;
        }
    }
    return put_in_place(temporary, path);
}

Result<void> make_private_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    if (errno != EEXIST) return fail_with_errno("cannot create", path);
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return fail_with_errno("cannot read", path);
    if (!S_ISDIR(facts.st_mode))
        return fail(ErrorKind::io, fmt::format("{} is not a directory", path.string()));
    // A group or world that may write could swap the CA key; nobody needs that.
    if ((facts.st_mode & 022) != 0 && ::chmod(path.c_str(), facts.st_mode & ~022u & 07777u) != 0)
        return fail_with_errno("cannot take others' write permission from", path);
    return {};
}

Result<std::vector<std::filesystem::path>> make_folders(const std::filesystem::path& path,
                                                        unsigned mode) {
    std::vector<std::filesystem::path> missing;
    for (auto at = path; !at.empty() && at != at.parent_path(); at = at.parent_path()) {
        struct stat facts {};
        if (::stat(at.c_str(), &facts) == 0) {
            if (S_ISDIR(facts.st_mode)) break;
            return fail(ErrorKind::not_found, fmt::format("{} is not a folder", at.string()));
        }
        missing.insert(missing.begin(), at);
    }
    for (const auto& folder : missing) {
        if (::mkdir(folder.c_str(), 0700) != 0) return fail_with_errno("cannot create", folder);
        // Regardless of the umask.
        if (::chmod(folder.c_str(), static_cast<mode_t>(mode)) != 0)
            return fail_with_errno("cannot create", folder);
    }
    return missing;
}

Result<bool> remove_file(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return fail_with_errno("cannot remove", path);
}

Result<bool> remove_empty_folder(const std::filesystem::path& path) {
    if (::rmdir(path.c_str()) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY || errno == EEXIST) return false;
    return fail_with_errno("cannot remove", path);
}

Result<void> make_link_atomically(const std::filesystem::path& path, const std::string& target,
                                  const std::filesystem::path& temporary_folder) {
    const auto temporary = name_temporary(path, temporary_folder);
    if (::symlink(target.c_str(), temporary.c_str()) != 0)
        return fail_with_errno("cannot create", temporary);
    return put_in_place(temporary, path);
}

Result<void> set_permissions(const std::filesystem::path& path, unsigned mode) {
    if (::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0)
        return fail_with_errno("cannot set the permissions of", path);
    return {};
}

std::filesystem::path follow_links(const std::filesystem::path& path) {
    // As deep as the kernel goes.
    constexpr int depth_max = 40;
    auto at = path;
    for (int depth = 0; depth < depth_max; ++depth) {
        std::error_code failed;
        const auto target = std::filesystem::read_symlink(at, failed);
        if (failed) break;
        at = target.is_absolute() ? target : at.parent_path() / target;
    }
    return at;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<FileLock> FileLock::take(const std::filesystem::path& path,
                                std::chrono::milliseconds limit) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail_with_errno("cannot open", path);
    FileLock lock(descriptor);
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return fail_with_errno("cannot lock", path);
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorKind::timeout, fmt::format("{} stays locked", path.string()));
        ::usleep(2'000);
    }
    return lock;
}

}  // namespace halton::platform
