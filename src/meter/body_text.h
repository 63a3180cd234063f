// Makes of a captured side what may be written down: text, without its secrets, of at most
// body_bytes_max.
// In:    one side as it was captured. Out: the text and what is known of it.
// The messages of an AWS event stream become lines with their payloads, since their base64 would
// hide secrets.
// Fails: unsupported (no text at all: its bytes cannot be searched), too_large (see redaction.h).
//        The body is then dropped, the row is not. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "meter/body_capture.h"
#include "meter/redaction.h"

namespace halton::meter {

struct BodyText {
    std::string text;
    std::string content_type;
    std::uint64_t bytes = 0;    // of the whole body, decoded
    bool is_truncated = false;  // there was more than `text` holds
    RedactionCounts redactions;
};

// `is_answer`: it may be a stream, whose pieces are read as one text.
Result<BodyText> to_body_text(const CapturedSide& side, bool is_answer);

}  // namespace halton::meter
