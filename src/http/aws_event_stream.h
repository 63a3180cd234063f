// AwsEventStreamReader: messages of the binary framing application/vnd.amazon.eventstream, in
// which Bedrock streams.
//   message = total length (4), length of headers (4), CRC-32 of these eight bytes (4), headers,
//             payload, CRC-32 of everything before (4); numbers are big-endian
//   header  = length of name (1), name, type of value (1), value
// In:    decoded body bytes, any chunk size.
// Out:   messages whose checksums hold, with the headers whose value is a string.
// Fails: once, for good: a length or checksum that is wrong leaves no place to go on from
//        (is_broken). A message beyond aws_message_bytes_max is skipped and counted.
// Owner: the call that reads the body. Memory: what is open of one message between two feeds; a
//        message that lies whole within one feed is not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"

namespace halton::http {

// A view; holds during the callback that gets it.
class AwsMessage {
public:
    struct Header {
        std::string_view name;
        std::string_view value;
    };

    AwsMessage(const std::vector<Header>& headers, std::string_view payload)
        : headers_(headers), payload_(payload) {}

    // The value of a string header (":event-type"), empty when absent. Names are exact.
    std::string_view header(std::string_view name) const;
    std::string_view payload() const { return payload_; }

private:
    const std::vector<Header>& headers_;
    std::string_view payload_;
};

class AwsEventStreamReader {
public:
    using OnMessage = FunctionRef<void(const AwsMessage&)>;

    // Calls `on_message` for each message that the bytes complete.
    void feed(std::string_view bytes, OnMessage on_message);

    bool is_broken() const { return is_broken_; }
    // Whether the bytes so far end between two messages.
    bool is_between_messages() const { return !is_broken_ && part_.empty() && skip_bytes_ == 0; }
    std::size_t dropped_count() const { return dropped_count_; }

private:
    bool check_prelude(std::string_view prelude);
    void take_message(std::string_view message, OnMessage on_message);
    bool read_headers(std::string_view bytes);

    std::string part_;               // the start of a message whose end is yet to come
    std::uint32_t total_bytes_ = 0;  // of the message whose prelude was read last
    std::uint32_t skip_bytes_ = 0;   // still to come of a message that is too large
    std::size_t dropped_count_ = 0;
    bool is_broken_ = false;
    std::vector<AwsMessage::Header> headers_;
};

}  // namespace halton::http
