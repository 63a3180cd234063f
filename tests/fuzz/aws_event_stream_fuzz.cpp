// No bytes may crash the reader of AWS event streams, and the messages must not depend on how the
// bytes are cut: the input as a stream, and as the headers of a message whose checksums hold.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/aws_event_stream.h"
#include "support/aws_message.h"

using namespace halton::http;

namespace {

std::string messages_of(std::string_view bytes, std::size_t piece_bytes) {
    AwsEventStreamReader reader;
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
        const std::string piece(bytes.substr(at, piece_bytes));
        reader.feed(piece, [&](const AwsMessage& message) {
            for (const auto part : {message.header(":event-type"), message.payload()})
                text += std::to_string(part.size()) + ':' + std::string(part) + ' ';
        });
    }
    return text + (reader.is_broken() ? "broken" : reader.is_between_messages() ? "" : "open");
}

void check(std::string_view bytes) {
    const std::string whole = messages_of(bytes, bytes.size() + 1);
    for (const std::size_t piece_bytes : {1, 2, 3, 11})
        if (messages_of(bytes, piece_bytes) != whole) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes);
    check(halton::test::aws_frame(bytes, "payload") + halton::test::aws_event("next", "{}"));
    return 0;
}
