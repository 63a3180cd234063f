#include "meter/body_text.h"

#include <algorithm>
#include <string_view>

#include "base/base64.h"
#include "base/json.h"
#include "base/limits.h"
#include "http/aws_event_stream.h"

namespace halton::meter {
namespace {

// Bytes that no UTF-8 text has. A few are somebody's old file in a prompt; many are no text.
std::size_t count_bad_bytes(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at]);
        const std::size_t size = lead < 0x80   ? 1
                                 : lead < 0xc2 ? 0
                                 : lead < 0xe0 ? 2
                                 : lead < 0xf0 ? 3
                                 : lead < 0xf5 ? 4
                                               : 0;
        std::size_t good = size == 0 ? 0 : 1;
        while (good > 0 && good < size && at + good < text.size() &&
               (static_cast<unsigned char>(text[at + good]) & 0xc0) == 0x80)
            ++good;
        const bool is_whole = size > 0 && (good == size || at + good == text.size());
        if (!is_whole) ++count;
        at += is_whole ? good : 1;
    }
    return count;
}

bool is_text(std::string_view bytes) {
    constexpr std::size_t bad_share_max = 50;  // one in fifty
    return bytes.find('\0') == std::string_view::npos &&
           count_bad_bytes(bytes) * bad_share_max <= bytes.size();
}

std::string read_aws_messages(std::string_view bytes) {
    std::string lines;
    JsonParser parser;
    http::AwsEventStreamReader reader;
    reader.feed(bytes, [&](const http::AwsMessage& message) {
        const auto wrapper = parser.parse(message.payload());
        const auto inner = wrapper ? (*wrapper)["bytes"].as_string() : std::nullopt;
        std::string chunk;
        if (inner && append_base64_decoded(chunk, *inner))
            lines += chunk;
        else
            lines += message.payload();
        lines += '\n';
    });
    return lines;
}

}  // namespace

Result<BodyText> to_body_text(const CapturedSide& side, bool is_answer) {
    BodyText body;
    body.bytes = side.bytes;
    body.content_type = side.content_type;
    if (side.is_media) {
        body.is_truncated = side.bytes > 0;
        return body;
    }
    std::string_view bytes = side.held.text();
    std::string lines;
    // No message has 16 MiB, so that its first byte is zero.
    if (is_answer && !bytes.empty() && bytes.front() == '\0') {
        lines = read_aws_messages(bytes);
        bytes = lines;
    }
    if (!is_text(bytes)) return fail(ErrorKind::unsupported, "not a text");
    body.is_truncated =
        side.bytes > side.held.text().size() || bytes.size() > limits::body_bytes_max;
    auto redacted = redact(bytes, limits::body_bytes_max, is_answer);
    if (!redacted) return fail(redacted.error());
    body.text = std::move(redacted->text);
    body.redactions = std::move(redacted->counts);
    return body;
}

}  // namespace halton::meter
