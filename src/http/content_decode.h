// ContentDecoder: undoes Content-Encoding on a copy of a body (RFC 9110 section 8.4).
// In:    body bytes in order, any chunk size.      Out: decoded bytes, appended.
// Fails: once, for good: a bad stream, an unknown coding, or a bomb (limits decoded_bytes_max,
//        decoded_ratio_max). What was decoded before stays valid.
// Codings: gzip, x-gzip, deflate (zlib and raw), br, zstd, identity; lists of up to three.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace halton::http {

class ContentDecoder {
public:
    // `content_encoding` is the header's value, empty for none. Unknown codings fail at the
    // first feed, so that making one never fails.
    explicit ContentDecoder(std::string_view content_encoding);
    ~ContentDecoder();
    ContentDecoder(ContentDecoder&&) noexcept;
    ContentDecoder& operator=(ContentDecoder&&) noexcept;

    // True when bytes pass through unchanged, so that the caller may skip the copy.
    bool is_identity() const;

    // Appends decoded bytes to `out`. Errors: malformed, unsupported, too_large.
    Result<void> feed(std::string_view bytes, std::string& out);

    // Whether the coded stream reached its own end mark (always true for identity).
    bool is_finished() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::http
