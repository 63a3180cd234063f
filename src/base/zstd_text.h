// Texts packed for the disk, as zstd frames (RFC 8878). What comes from the network is unpacked by
// http/content_decode.h, which takes pieces and looks out for bombs.
// Fails: io while packing (no memory); malformed, too_large (more than `bytes_max`) while
// unpacking.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace halton {

Result<std::string> pack_text(std::string_view text);
Result<std::string> unpack_text(std::string_view packed, std::size_t bytes_max);

}  // namespace halton
