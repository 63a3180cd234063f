#include "base/limits.h"
#include "meter/providers/shapes/openai_usage.h"
#include "meter/providers/shapes/sockets.h"

namespace halton::meter::sockets {

namespace {

namespace sent {
enum Pick : std::size_t { type, event_id };
constexpr JsonPaths paths{"type", "event_id"};
}  // namespace sent

namespace received {
enum Pick : std::size_t {
    type,
    model,
    transcriber,
    old_transcriber,
    id,
    response_model,
    usage,
    failure,
    error,
    code,
    item_usage,
    items,
    actions,
};
constexpr JsonPaths paths{"type",
                          "session.model",
                          "session.audio.input.transcription.model",
                          "session.input_audio_transcription.model",
                          "response.id",
                          "response.model",
                          "response.usage",
                          "response.status_details.error",
                          "error",
                          "code",
                          "usage",
                          "response.output[].type+",
                          "response.output[].action.type+"};
}  // namespace received

void read_sent(const Document& document, Turns& turns) {
    if (document.string(sent::type) != "response.create") return;
    Turn& turn = turns.ask();
    turn.requested_model = turns.model;
    take_text(turn.client_event_id, document.string(sent::event_id), limits::request_id_bytes_max);
}

// Most errors are about a message and end nothing. One that names the message which asked for an
// answer, or none while one is waited for, means that this answer will not come.
void read_error_event(const Document& document, Turns& turns) {
    const std::string cause(
        document.value(received::error)["event_id"].as_string().value_or(std::string_view{}));
    Turn* const turn = turns.find_waiting(cause);
    if (turn == nullptr) return;
    turn->reading.error = read_error(document, received::error, received::code);
    turns.end(*turn);
}

// Speech to text by a model of its own: tokens, or seconds.
void read_transcription(const Document& document, Turns& turns) {
    Turn& turn = turns.add(turns.heard_at.value_or(turns.now()), RequestKind::audio);
    turn.requested_model = turn.reading.model = turns.transcription_model;
    shapes::read_openai_usage(document.value(received::item_usage), turn.reading);
    if (auto found = read_error(document, received::error, received::code)) {
        turn.reading.error = std::move(found);
    }
    turns.end(turn);
}

void read_received(const Document& document, Turns& turns) {
    using namespace received;
    const std::string kind(document.string(type));
    if (kind == "session.created" || kind == "session.updated") {
        take_text(turns.model, document.string(model), limits::model_bytes_max);
        take_text(turns.transcription_model, document.string(transcriber), limits::model_bytes_max);
        take_text(turns.transcription_model, document.string(old_transcriber),
                  limits::model_bytes_max);
        return;
    }
    if (kind == "error") return read_error_event(document, turns);
    if (kind == "input_audio_buffer.committed") {
        turns.heard_at = turns.now();
        return;
    }
    constexpr std::string_view transcription = "conversation.item.input_audio_transcription.";
    if (kind.starts_with(transcription)) {
        const std::string_view what = std::string_view(kind).substr(transcription.size());
        if (what == "completed" || what == "failed") read_transcription(document, turns);
        return;
    }
    const bool is_end = kind == "response.done";
    if (!is_end && kind != "response.created") return;
    Turn& turn = turns.begin(std::string(document.string(id)));
    if (turn.requested_model.empty()) turn.requested_model = turns.model;
    Reading& reading = turn.reading;
    take_text(reading.model, document.string(response_model), limits::model_bytes_max);
    shapes::read_openai_usage(document.value(usage), reading);
    shapes::read_openai_items(document.text(items), document.text(actions), reading);
    if (auto found = read_error(document, failure, code)) reading.error = std::move(found);
    if (is_end) turns.end(turn);
}

}  // namespace

const SocketShape openai_realtime{"openai_realtime", &sent::paths, &received::paths, read_sent,
                                  read_received};

}  // namespace halton::meter::sockets
