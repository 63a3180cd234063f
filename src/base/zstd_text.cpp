#include "base/zstd_text.h"

#include <zstd.h>

namespace halton {

namespace {

// The library's own default: a MiB of conversation in a few milliseconds, to a fifth.
constexpr int level = 3;

}  // namespace

Result<std::string> pack_text(std::string_view text) {
    std::string packed(ZSTD_compressBound(text.size()), '\0');
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), level);
    if (ZSTD_isError(size) != 0) return fail(ErrorKind::io, ZSTD_getErrorName(size));
    packed.resize(size);
    return packed;
}

Result<std::string> unpack_text(std::string_view packed, std::size_t bytes_max) {
    const auto size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return fail(ErrorKind::malformed, "not a packed text");
    if (size > bytes_max) return fail(ErrorKind::too_large, "a packed text");
    std::string text(static_cast<std::size_t>(size), '\0');
    const std::size_t done =
        ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
    if (ZSTD_isError(done) != 0 || done != text.size())
        return fail(ErrorKind::malformed, "not a packed text");
    return text;
}

}  // namespace halton
