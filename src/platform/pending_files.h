// The files behind store/pending_rows.h: mapped into memory, so that what was written there stays
// when the process is killed, and locked, so that two daemons never share one.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "platform/home.h"

namespace halton::platform {

// Mapped, with its blocks on the disk, and locked until destruction. Mode 0600.
class MappedFile {
public:
    // Makes the file or takes it as it is; another size than `bytes` becomes that one.
    // Errors: busy (somebody else holds its lock), permission, not_found, io (a full disk).
    static Result<MappedFile> open(const std::filesystem::path& path, std::size_t bytes);
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;
    ~MappedFile();

    std::span<std::byte> memory() const { return memory_; }
    // Deletes the file; the memory stays usable.
    void remove() const;

private:
    MappedFile(std::filesystem::path path, int descriptor)
        : path_(std::move(path)), descriptor_(descriptor) {}
    std::filesystem::path path_;
    int descriptor_ = -1;
    std::span<std::byte> memory_;
};

struct PendingFiles {
    std::vector<MappedFile> taken;  // the first is for our rows; all may hold rows of dead daemons
    std::string error;              // why there is none
};

// Of the few names in the home all that nobody holds and that exist, and at least one.
PendingFiles open_pending_files(const Home& home);

}  // namespace halton::platform
