// A shape is one wire format of answers, shared by every provider that speaks it: which JSON
// values to pick out of a document, which stream events to look at, and what they mean.
// A document is a whole JSON body, the data of one stream event, one element of a streamed JSON
// array, or one line of a stream of JSON lines. Shapes are values and functions; what they learn
// goes into a Reading.
// Events of every framing look the same to a shape:
//   server-sent event   type = its "event:" field, data = its data
//   AWS message         type = ":event-type" ("metadata"), data = its payload
//   AWS "chunk"         no type, data = the model's own event out of the payload's base64
//   JSON line           is not judged, only read
// An AWS exception or error never comes here: it becomes Reading::error at once, with the
// ":exception-type" ("throttlingException", its first letter small) as the code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/json_pick.h"
#include "http/head.h"
#include "http/sse.h"
#include "meter/call.h"
#include "meter/refusal_form.h"

namespace halton::meter {

// An error as the provider words it; what it did not say is empty.
struct ProviderError {
    std::string code;     // the native code that goes into the row
    std::string type;     // a second word of the provider that rules may match ("error.type")
    std::string reason;   // machine-readable detail (Google's details[].reason)
    std::string message;  // only hashed and matched, never kept
    int status = 0;       // what it says its status is, inside an answer that began with 200
};

// What the answer told so far.
struct Reading {
    std::string model;
    TokenUsage usage;
    bool has_usage = false;
    bool is_ended = false;       // a stream's own end mark was seen
    bool is_streamed = false;    // documents come as events or lines of a stream
    bool is_background = false;  // accepted, not run yet: counts come with a later answer
    bool has_unpriced_part = false;  // something is charged that no count tells
    std::string service_tier;
    std::string speed;           // a faster mode with its own price, as the provider calls it
    std::string region;          // where it ran, when that has a price
    std::optional<NanoUsd> reported_cost;
    bool is_reported_cost_reckoned = false;  // a part of it is somebody's estimate, not a charge
    std::optional<ProviderError> error;
    // What the body and the head say that is an error only if the status says so: texts without
    // an envelope, as some write them.
    std::optional<ProviderError> refusal;
    std::string response_id;          // under which the answer can be fetched again
    std::optional<RequestKind> kind;  // what the answer shows to have been asked, if that differs
    std::vector<SubCall> sub_calls;  // when present they are the bill, instead of `usage`
    std::vector<PlanLimit> plan_limits;
};

// The wanted values of one document.
class Document {
public:
    Document(const JsonPick& picks, JsonParser& parser) : picks_(picks), parser_(parser) {}

    // Raw JSON text; empty when absent. An explicit null counts as absent.
    std::string_view text(std::size_t index) const;
    // Parsed. Holds until the next parse of this document, so take one value at a time.
    JsonView value(std::size_t index) const;
    // A string value, else empty. Holds as value() does.
    std::string_view string(std::size_t index) const;

private:
    const JsonPick& picks_;
    JsonParser& parser_;
};

// What to do with a stream event.
enum class EventUse {
    skip,      // nothing in it for us: the great majority
    read,      // pick and read its data
    end_mark,  // the stream's end, without data of its own
};

struct Shape {
    std::string_view name;
    const JsonPaths* paths;
    // Called for every event, thousands of times per answer: must be cheap.
    EventUse (*judge)(const http::SseEvent& event, const Reading& so_far);
    void (*read)(const Document& document, Reading& reading);
    // Counts and error codes that stand in the response's head.
    void (*read_head)(const http::HeaderList& headers, Reading& reading) = nullptr;
    // A top-level array is one answer, not the pieces of a stream.
    bool is_list_whole = false;
    // How its API words a refusal, for one of ours.
    const RefusalForm* refusal = &refusals::openai;
};

// Pieces that several shapes need -------------------------------------------------------------

// Whether `part` occurs in `text`; fast enough to be asked of every event.
bool has_text(std::string_view text, std::string_view part);

// Replaces `kept` by a non-empty string, cut to `bytes_max`.
void take_text(std::string& kept, std::string_view text, std::size_t bytes_max);

// A count as it may be written, at most token_count_max; anything else (absent, negative, text)
// is 0.
std::int64_t to_count(JsonView value);
// The same for the values of a joined path ("10,12"): their sum.
std::int64_t sum_of(std::string_view joined);
// A header's value, or 0.
std::int64_t to_count(const std::string* header);

// reading.refusal, made when it is not there yet.
ProviderError& refusal_of(Reading& reading);

// {"error": {...}} or {"error": "text", "code": "..."} as raw JSON; nothing when `error` is
// absent, null or empty.
std::optional<ProviderError> read_error(const Document& document, std::size_t error_index,
                                        std::size_t code_index);

}  // namespace halton::meter
