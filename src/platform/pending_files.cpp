#include "platform/pending_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"

namespace halton::platform {
namespace {

ErrorKind kind_of(int error) {
    if (error == ENOENT) return ErrorKind::not_found;
    if (error == EACCES || error == EPERM || error == EROFS) return ErrorKind::permission;
    return ErrorKind::io;
}

tl::unexpected<Error> fail_with(int error, const std::filesystem::path& path) {
    return fail(kind_of(error), fmt::format("{}: {}", path.string(), std::strerror(error)));
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path, std::size_t bytes) {
    MappedFile file(path, ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.descriptor_ < 0) return fail_with(errno, path);
    if (::flock(file.descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail(ErrorKind::busy, path.string() + " is in use");
        return fail_with(errno, path);
    }
    const auto size = static_cast<off_t>(bytes);
    struct ::stat found{};
    if (::fstat(file.descriptor_, &found) != 0) return fail_with(errno, path);
    if (!S_ISREG(found.st_mode)) return fail(ErrorKind::io, path.string() + " is no file");
    if (found.st_size > size && ::ftruncate(file.descriptor_, size) != 0)
        return fail_with(errno, path);
    // With all its blocks, since a full disk would otherwise kill us at a later touch.
    const std::array<char, 4096> zeros{};
    for (off_t at = found.st_size; at < size;) {
        const auto part = std::min<off_t>(size - at, zeros.size());
        const auto written = ::pwrite(file.descriptor_, zeros.data(), static_cast<std::size_t>(part), at);
        if (written <= 0) {
            // What there was of room is for the database: a part of the file helps nobody.
            const int error = errno;
            if (found.st_size == 0)
                file.remove();
            else if (::ftruncate(file.descriptor_, found.st_size) != 0)
                return fail_with(errno, path);
            return fail_with(error, path);
        }
        at += written;
    }
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor_, 0);
    if (memory == MAP_FAILED) return fail_with(errno, path);
    file.memory_ = {static_cast<std::byte*>(memory), bytes};
    return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)),
      memory_(std::exchange(other.memory_, {})) {}

MappedFile::~MappedFile() {
    if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
    if (descriptor_ >= 0) ::close(descriptor_);
}

void MappedFile::remove() const {
    std::error_code ignored;  // somebody may have been faster
    std::filesystem::remove(path_, ignored);
}

PendingFiles open_pending_files(const Home& home) {
    PendingFiles files;
    for (std::size_t number = 0; number < limits::pending_file_count_max; ++number) {
        const auto path = home.directory / fmt::format("pending-rows.{}", number);
        std::error_code ignored;
        if (!files.taken.empty() && !std::filesystem::exists(path, ignored)) continue;
        auto file = MappedFile::open(path, limits::pending_file_bytes);
        if (file) files.taken.push_back(std::move(*file));
        else files.error = file.error().context;
    }
    return files;
}

}  // namespace halton::platform
