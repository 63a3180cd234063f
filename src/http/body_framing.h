// BodyFraming: where the body of one HTTP/1.1 request ends in the bytes of its connection, and
// what is in it (RFC 9112 section 6). For a reader that must know the last byte of a request
// exactly; the tap (h1_tap.h) tells events, not places.
// In:    the bytes behind the head, any pieces. Out: the data without chunk lines, and the end.
// Fails: once, for good, on what is no chunked coding (is_broken).
// Pure. Limits: chunk_line_bytes_max, head_bytes_max for trailers.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"
#include "http/head.h"

namespace halton::http {

class BodyFraming {
public:
    using OnData = FunctionRef<void(std::string_view)>;

    // Errors: unsupported (a transfer coding that is not just "chunked").
    static Result<BodyFraming> of(const RequestHead& head);

    // Takes bytes from the front of `bytes`: all of them, unless the body ends before. Returns how
    // many belong to the body.
    std::size_t feed(std::string_view bytes, OnData on_data);

    bool is_done() const { return state_ == State::done; }
    bool is_broken() const { return state_ == State::broken; }

private:
    enum class State { counted, size, extension, size_end, data, data_end, trailer, done, broken };

    std::size_t read_counted(std::string_view bytes, OnData on_data);
    void read_byte(char c);

    State state_ = State::done;
    std::uint64_t left_ = 0;        // of the body, or of the chunk
    std::uint32_t line_bytes_ = 0;  // of the line that is read
    std::uint32_t trailer_bytes_ = 0;
    bool is_after_cr_ = false;
    bool is_line_empty_ = true;
};

}  // namespace halton::http
