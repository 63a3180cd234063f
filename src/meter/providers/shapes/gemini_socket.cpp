#include <algorithm>

#include "base/limits.h"
#include "meter/providers/shapes/gemini_usage.h"
#include "meter/providers/shapes/sockets.h"

namespace halton::meter::sockets {

namespace {

namespace sent {
enum Pick : std::size_t { model, complete, snake_complete, mixed_complete };
constexpr JsonPaths paths{"setup.model", "clientContent.turnComplete",
                          "client_content.turn_complete", "client_content.turnComplete"};
}  // namespace sent

namespace received {
enum Pick : std::size_t {
    usage,
    complete,
    generated,
    interrupted,
    said,
    sound,
    text,
    call,
    error,
    queries,
    places,
};
constexpr JsonPaths paths{"usageMetadata",
                          "serverContent.turnComplete",
                          "serverContent.generationComplete",
                          "serverContent.interrupted",
                          "serverContent.outputTranscription.text",
                          "serverContent.modelTurn.parts[].inlineData.mimeType",
                          "serverContent.modelTurn.parts[].text",
                          "toolCall.functionCalls[].name",
                          "error",
                          "serverContent.groundingMetadata.webSearchQueries",
                          "serverContent.groundingMetadata.groundingChunks[].maps"};
}  // namespace received

void read_sent(const Document& document, Turns& turns) {
    // "models/<model>", and with Vertex "projects/.../publishers/google/models/<model>".
    const std::string name(document.string(sent::model));
    take_text(turns.model, std::string_view(name).substr(name.rfind('/') + 1),
              limits::model_bytes_max);
    for (const std::size_t mark : {sent::complete, sent::snake_complete, sent::mixed_complete}) {
        if (document.text(mark) != "true") continue;
        turns.ask().requested_model = turns.model;
        return;
    }
}

// As in the answers without a socket: repeated lists count once, places have an unknown fee.
void read_grounding(const Document& document, Reading& reading) {
    std::int64_t searches = 0;
    document.value(received::queries).for_each_element([&](JsonView) { ++searches; });
    reading.usage.web_search_count = std::max(reading.usage.web_search_count, searches);
    if (!document.text(received::places).empty()) reading.has_unpriced_part = true;
}

void read_received(const Document& document, Turns& turns) {
    using namespace received;
    bool is_answer = false;
    for (const std::size_t mark : {complete, generated, interrupted, said, sound, text, call}) {
        is_answer = is_answer || !document.text(mark).empty();
    }
    const bool is_counted = !document.text(usage).empty();
    Turn* running = turns.running();
    if (!is_answer && !is_counted) {
        if (running != nullptr) read_grounding(document, running->reading);
        return;
    }
    // Counts that come behind the end of their turn are a call of their own.
    const bool is_end = document.text(complete) == "true" || (!is_answer && running == nullptr);
    if (running == nullptr) {
        // An end that nothing came before is an echo of one that was seen.
        if (!is_counted && is_end && turns.waiting() == nullptr) return;
        running = &turns.begin({});
    }
    if (running->requested_model.empty()) running->requested_model = turns.model;
    shapes::read_gemini_usage(document.value(usage), running->reading);
    read_grounding(document, running->reading);
    if (is_end) turns.end(*running);
}

}  // namespace

const SocketShape gemini_live{"gemini_live", &sent::paths, &received::paths, read_sent,
                              read_received};

}  // namespace halton::meter::sockets
