// The log file that this process writes to as its stderr, where whoever started it opened a file
// for that (launchd, `halton-meter start` without systemd): kept from growing without bound by the
// process itself, since nobody else would.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace halton::platform {

// When `descriptor` (2: stderr) writes to the file `path` and that has more than `bytes_max`: it
// becomes path.1, what was path.1 becomes path.2, and so on to path.`backup_count`, which is
// dropped; the descriptor goes on in a new file. True when that was done; false when there was
// nothing to do, because it is small, or `descriptor` is something else (a journal, a terminal).
// Errors: permission, io; the descriptor then goes on where it was.
Result<bool> rotate_own_log(int descriptor, const std::filesystem::path& path,
                            std::uint64_t bytes_max, int backup_count);

}  // namespace halton::platform
