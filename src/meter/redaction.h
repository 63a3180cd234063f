// Takes secrets out of a captured body before anybody writes it down.
// In:    the whole captured text: JSON, events, lines, anything that is text.
// Out:   the text with [REDACTED:<kind>] in place of each secret, and how many of each kind.
// How:   on copies of the text, along with where each byte came from:
//        - without its escapes of JSON, however deep (keys in strings in strings);
//        - of a stream, what its pieces come to ("text", "content", "arguments", ...), as a secret
//          that a model says comes token by token;
//        - words of base64 that stand for text.
// Not:   other codings inside of the text (hex, compressed data in base64), and what is not
//        text at all: see body_text.h, which drops that.
// Fails: too_large (more than body_redactions_max). Pure. Time and memory are linear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace halton::meter {

// How many of each kind.
using RedactionCounts = std::map<std::string, std::uint64_t, std::less<>>;

struct Redacted {
    std::string text;
    RedactionCounts counts;
};

// Of `text` the first `keep_bytes` are wanted; the rest is only looked at. A secret that lies
// across is taken out whole.
Result<Redacted> redact(std::string_view text, std::size_t keep_bytes = std::string_view::npos,
                        bool is_stream = false);

// The same for words that are whole: names, ids, paths, which somebody may have put a key into.
bool holds_secret(std::string_view word);
void redact_word(std::string& word);

// "anthropic-key=1 bearer=2", by name.
std::string to_text(const RedactionCounts& counts);
std::uint64_t sum_of(const RedactionCounts& counts);

}  // namespace halton::meter
