#include <utility>

#include "base/limits.h"
#include "meter/plan.h"
#include "meter/providers/shapes/openai_usage.h"
#include "meter/providers/shapes/sockets.h"

namespace halton::meter::sockets {

namespace {

namespace sent {
enum Pick : std::size_t { type, model, generate, metadata };
constexpr JsonPaths paths{"type", "model", "generate", "client_metadata"};
}  // namespace sent

namespace received {
enum Pick : std::size_t {
    type,
    id,
    model,
    usage,
    tier,
    failure,
    error,
    code,
    message,
    status,
    items,
    actions,
    rate_limits,
    plan_type,
    limit_name,
};
constexpr JsonPaths paths{"type",
                          "response.id",
                          "response.model",
                          "response.usage",
                          "response.service_tier",
                          "response.error",
                          "error",
                          "code",
                          "message",
                          "status",
                          "response.output[].type+",
                          "response.output[].action.type+",
                          "rate_limits",
                          "plan_type",
                          "metered_limit_name"};
}  // namespace received

void read_sent(const Document& document, Turns& turns) {
    if (document.string(sent::type) != "response.create") return;
    Turn& turn = turns.ask();
    take_text(turn.requested_model, document.string(sent::model), limits::model_bytes_max);
    // Later turns may leave out what the first one said.
    if (turn.requested_model.empty()) turn.requested_model = turns.model;
    turns.model = turn.requested_model;
    add_body_signals(BodySignals::client_metadata, document.text(sent::metadata), turn.client);
    turn.is_warm_up = document.text(sent::generate) == "false";
}

// An error ends the turn that runs; before that one, the turn that waits.
void read_error_event(const Document& document, Turns& turns) {
    using namespace received;
    Turn* turn = turns.running();
    if (turn == nullptr) turn = turns.waiting();
    if (turn == nullptr) return;
    auto found = read_error(document, error, code);
    if (!found) {
        found.emplace();
        found->code = document.string(code);
        found->message = document.string(message);
    }
    turn->reading.error = std::move(found);
    turn->error_status = static_cast<int>(to_count(document.value(status)) % 1000);
    turns.end(*turn);
}

// Told before the answer, or between its events.
void read_limits(const Document& document, Turns& turns) {
    using namespace received;
    Turn* turn = turns.running();
    if (turn == nullptr) turn = turns.waiting();
    if (turn == nullptr) return;
    std::string family(document.string(limit_name));
    const std::string plan(document.string(plan_type));
    read_codex_limits(document.value(rate_limits), std::move(family), plan,
                      turn->reading.plan_limits);
}

void read_received(const Document& document, Turns& turns) {
    using namespace received;
    const std::string kind(document.string(type));
    if (kind == "codex.rate_limits") return read_limits(document, turns);
    if (kind == "error") return read_error_event(document, turns);
    const bool is_end = kind == "response.completed" || kind == "response.incomplete" ||
                        kind == "response.failed" || kind == "response.done";
    if (!is_end && kind != "response.created") return;
    Turn& turn = turns.begin(std::string(document.string(id)));
    Reading& reading = turn.reading;
    take_text(reading.model, document.string(model), limits::model_bytes_max);
    take_text(reading.service_tier, document.string(tier), limits::error_code_bytes_max);
    shapes::read_openai_usage(document.value(usage), reading);
    shapes::read_openai_items(document.text(items), document.text(actions), reading);
    if (auto found = read_error(document, failure, code)) reading.error = std::move(found);
    // One that ends without its counts may be fetched later.
    take_text(reading.response_id, turn.id, limits::request_id_bytes_max);
    if (is_end) turns.end(turn);
}

}  // namespace

const SocketShape openai_responses{"openai_responses_socket", &sent::paths, &received::paths,
                                   read_sent, read_received};

}  // namespace halton::meter::sockets
