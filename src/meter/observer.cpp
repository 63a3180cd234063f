#include "meter/observer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/text.h"
#include "base/uuid.h"
#include "http/websocket.h"
#include "meter/answer.h"
#include "meter/body_capture.h"
#include "meter/charge.h"
#include "meter/client_signals.h"
#include "meter/custom_providers.h"
#include "meter/error_class.h"
#include "meter/pending_answers.h"
#include "meter/plan.h"
#include "meter/pricing.h"
#include "meter/providers/provider.h"
#include "meter/request_reader.h"
#include "meter/socket_session.h"

namespace halton::meter {

namespace {

double to_ms(SteadyTime::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

// Shared by the calls of a thread: its buffers are ten times what a connection may hold while it
// waits, and no view into them outlives one event.
JsonParser& thread_parser() {
    static thread_local JsonParser parser;
    return parser;
}

// Counts as running from set(true) on, until set(false) or its end.
class RunningMark {
public:
    RunningMark() = default;
    ~RunningMark() { set(nullptr, false); }
    RunningMark(const RunningMark&) = delete;
    RunningMark& operator=(const RunningMark&) = delete;

    void set(RunningCalls* calls, bool is_running) {
        if (is_running == (calls_ != nullptr)) return;
        if (calls_ != nullptr) --calls_->count;
        calls_ = is_running ? calls : nullptr;
        if (calls_ != nullptr) ++calls_->count;
    }

private:
    RunningCalls* calls_ = nullptr;
};

// One metered call that has begun and not ended. Unmetered exchanges leave no trace at all.
struct OpenCall {
    OpenCall(std::uint32_t stream_number, const Provider& provider, const Endpoint& matched,
             const http::HeaderList& headers, BodySignals signals = BodySignals::none)
        : stream(stream_number),
          endpoint(&matched),
          request(headers, provider.names_model_id, signals) {}

    // Whether the provider began to answer.
    bool is_answered() const {
        return turn != nullptr ? turn->begun_at.has_value() : answer.has_value();
    }

    std::uint32_t stream;
    const Endpoint* endpoint;
    CallRecord record;
    SteadyTime begun_at;
    RequestReader request;
    std::optional<AnswerReader> answer;  // once the response head is there
    bool is_message_complete = false;    // the response ended in order
    const Turn* turn = nullptr;          // of a WebSocket, in place of request and answer
    std::unique_ptr<BodyCapture> bodies;  // null: they are not wanted
    RunningMark running;
};

// A WebSocket whose turns are calls.
struct OpenSocket {
    OpenSocket(OpenCall& upgrade, const http::ResponseHead& head, const Clock& clock)
        : stream(upgrade.stream),
          endpoint(upgrade.endpoint),
          record(std::move(upgrade.record)),
          session(*endpoint->socket, head.headers, clock, thread_parser()) {}

    std::uint32_t stream;
    const Endpoint* endpoint;
    CallRecord record;  // of the upgrade: what all turns have in common
    SocketSession session;
    std::unique_ptr<BodyCapture> bodies;  // since the last turn's end; null: not wanted
    RunningMark running;  // while a turn is open
};

}  // namespace

struct CallObserver::State {
    State(ConnectionFacts known, const PriceBook& book, CallSink& to, const Clock& times)
        : facts(std::move(known)), prices(book), sink(to), clock(times),
          place(find_place(facts)) {}

    std::unique_ptr<BodyCapture> make_capture() const;
    void on_event(const http::Event& event);
    void begin(const http::Event& event);
    void read_head(OpenCall& call, const http::ResponseHead& head);
    OpenCall* find(std::uint32_t stream);
    std::unique_ptr<OpenCall> take(std::uint32_t stream);
    void open_socket(std::uint32_t stream, const http::ResponseHead& head);
    void read_socket(const http::Event& event);
    void end_turns(OpenSocket& socket, std::vector<Turn> turns, const Error* error);
    void end_socket(OpenSocket& socket, const Error* error);
    void end(const http::Event& event);
    void end_all(const Error* error);
    void end_calls(const Error* error);
    void finish(OpenCall& call, const Error* error);
    bool is_counted(const OpenCall& call, const Reading& reading);
    void judge(OpenCall& call, const Reading& reading, bool is_whole, const Error* error);
    void set_price(OpenCall& call, const Reading& reading);

    ConnectionFacts facts;
    const PriceBook& prices;
    CallSink& sink;
    const Clock& clock;
    HostMatch place;
    std::vector<std::unique_ptr<OpenCall>> calls;  // in order of their requests; mostly one
    std::vector<std::unique_ptr<OpenSocket>> sockets;  // with HTTP/1.1 one at most
};

CallObserver::CallObserver(ConnectionFacts facts, const PriceBook& prices, CallSink& sink,
                           const Clock& clock)
    : state_(std::make_unique<State>(std::move(facts), prices, sink, clock)) {}
CallObserver::CallObserver(CallObserver&&) noexcept = default;

CallObserver::~CallObserver() {
    if (state_) state_->end_all(nullptr);
}

void CallObserver::on_events(const http::EventList& events) {
    if (state_->place.host == nullptr) return;
    for (const http::Event& event : events) state_->on_event(event);
}

bool CallObserver::has_open_turns() const {
    return std::any_of(state_->sockets.begin(), state_->sockets.end(),
                       [](const auto& socket) { return socket->session.has_open(); });
}

const ConnectionFacts& CallObserver::facts() const { return state_->facts; }

void CallObserver::on_failure(const Error& error) { state_->end_all(&error); }

void CallObserver::State::on_event(const http::Event& event) {
    using Kind = http::Event::Kind;
    if (event.kind == Kind::request_head) return begin(event);
    if (event.kind == Kind::lost) {
        if (facts.unseen != nullptr) ++facts.unseen->connections;
        return end_all(nullptr);
    }
    if (event.kind == Kind::unseen) {
        if (facts.unseen != nullptr) ++facts.unseen->requests;
        return;
    }
    if (event.kind == Kind::upgraded) return end_calls(nullptr);
    if (event.kind == Kind::socket_bytes) return read_socket(event);
    OpenCall* call = find(event.stream);
    if (call == nullptr) return;
    switch (event.kind) {
        case Kind::request_body:
            call->request.feed(event.bytes);
            if (call->bodies) call->bodies->feed(http::Direction::to_upstream, event.bytes);
            break;
        case Kind::response_head:
            if (call->endpoint->socket != nullptr && event.response->status == 101) {
                open_socket(event.stream, *event.response);
                break;
            }
            read_head(*call, *event.response);
            break;
        case Kind::response_body:
            if (call->answer) call->answer->feed(event.bytes);
            if (call->bodies) call->bodies->feed(http::Direction::to_client, event.bytes);
            break;
        case Kind::response_end: end(event); break;
        case Kind::request_end:
        case Kind::request_head:
        case Kind::upgraded:
        case Kind::socket_bytes:
        case Kind::unseen:
        case Kind::lost: break;
    }
}

void CallObserver::State::begin(const http::Event& event) {
    auto start = start_call(facts, place, *event.request, clock);
    if (!start) return;
    auto call = std::make_unique<OpenCall>(event.stream, *place.provider, *start->endpoint,
                                           event.request->headers,
                                           body_signals_of(start->record.client));
    call->begun_at = clock.now_steady();
    call->record = std::move(start->record);
    call->bodies = make_capture();
    if (call->bodies)
        call->bodies->begin(http::Direction::to_upstream, event.request->headers);
    call->running.set(facts.running, true);
    calls.push_back(std::move(call));
}

std::unique_ptr<BodyCapture> CallObserver::State::make_capture() const {
    if (facts.captures == nullptr ||
        !facts.captures->is_on(facts.project_slug, facts.haltonrc_capture))
        return nullptr;
    return std::make_unique<BodyCapture>(facts.captures->budget());
}

void CallObserver::State::read_head(OpenCall& call, const http::ResponseHead& head) {
    CallRecord& record = call.record;
    record.time_to_first_byte_ms = to_ms(clock.now_steady() - call.begun_at);
    record.http_status = head.status;
    for (const std::string_view name : place.provider->request_id_headers) {
        if (const std::string* id = head.headers.find(name)) {
            record.provider_request_id = to_safe_text(*id, limits::request_id_bytes_max);
            break;
        }
    }
    record.plan_limits = read_plan_limits(head.headers, clock.now_utc());
    if (record.billing == BillingMode::plan && is_paid_overage(head.headers)) {
        record.billing = BillingMode::metered;
    }
    if (call.bodies) call.bodies->begin(http::Direction::to_client, head.headers);
    call.answer.emplace(*call.endpoint->shape, head.headers, thread_parser());
}

OpenCall* CallObserver::State::find(std::uint32_t stream) {
    for (const auto& call : calls) {
        if (call->stream == stream) return call.get();
    }
    return nullptr;
}

void CallObserver::State::end(const http::Event& event) {
    const auto found = std::find_if(calls.begin(), calls.end(), [&](const auto& call) {
        return call->stream == event.stream;
    });
    if (found == calls.end()) return;
    const std::unique_ptr<OpenCall> call = std::move(*found);
    calls.erase(found);
    call->is_message_complete = event.is_complete;
    // It ended before any answer, and nobody said why: the provider's side did it. A client ends
    // single calls only where they have streams of their own.
    const Error cut{ErrorKind::closed, event.leg, {}};
    finish(*call, call->answer && event.leg != Leg::client ? nullptr : &cut);
}

void CallObserver::State::end_all(const Error* error) {
    end_calls(error);
    std::vector<std::unique_ptr<OpenSocket>> ended = std::exchange(sockets, {});
    for (const auto& socket : ended) end_socket(*socket, error);
}

void CallObserver::State::end_calls(const Error* error) {
    std::vector<std::unique_ptr<OpenCall>> ended = std::exchange(calls, {});
    for (const auto& call : ended) finish(*call, error);
}

std::unique_ptr<OpenCall> CallObserver::State::take(std::uint32_t stream) {
    const auto found = std::find_if(calls.begin(), calls.end(),
                                    [&](const auto& call) { return call->stream == stream; });
    if (found == calls.end()) return nullptr;
    std::unique_ptr<OpenCall> call = std::move(*found);
    calls.erase(found);
    return call;
}

void CallObserver::State::open_socket(std::uint32_t stream, const http::ResponseHead& head) {
    const std::unique_ptr<OpenCall> upgrade = take(stream);
    read_head(*upgrade, head);
    sockets.push_back(std::make_unique<OpenSocket>(*upgrade, head, clock));
    sockets.back()->bodies = make_capture();
    sockets.back()->session.set_capture(sockets.back()->bodies.get());
}

void CallObserver::State::read_socket(const http::Event& event) {
    const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const auto& socket) {
        return socket->stream == event.stream;
    });
    if (found == sockets.end()) return;
    SocketSession& session = (*found)->session;
    session.feed(event.direction, event.bytes);
    end_turns(**found, session.take_ended(), nullptr);
    (*found)->running.set(facts.running, session.has_open());
    if (!session.is_blind() && !session.is_closed()) return;
    if (session.is_blind() && facts.unseen != nullptr) ++facts.unseen->connections;
    const std::unique_ptr<OpenSocket> over = std::move(*found);
    sockets.erase(found);
    end_socket(*over, nullptr);
}

// Each turn becomes a call with what the upgrade told.
void CallObserver::State::end_turns(OpenSocket& socket, std::vector<Turn> turns,
                                    const Error* error) {
    static const http::HeaderList no_headers;
    for (const Turn& turn : turns) {
        OpenCall call(socket.stream, *place.provider, *socket.endpoint, no_headers);
        call.turn = &turn;
        call.begun_at = turn.asked_at.steady;
        call.is_message_complete = turn.reading.is_ended;
        CallRecord& record = call.record;
        record = socket.record;
        // What the upgrade's head told is news once.
        socket.record.plan_limits.clear();
        record.id = make_uuid();
        record.requested_at = turn.asked_at.utc;
        record.requested_model = turn.requested_model;
        // What a message says of itself is newer than what the upgrade said.
        ClientSignals client = turn.client;
        for (const auto member : {&ClientSignals::session_id, &ClientSignals::thread_id,
                                  &ClientSignals::turn_id, &ClientSignals::agent_name})
            if (!(client.*member).empty()) record.client.*member = std::move(client.*member);
        record.time_to_first_byte_ms.reset();
        if (turn.begun_at) record.time_to_first_byte_ms = to_ms(*turn.begun_at - call.begun_at);
        if (!turn.id.empty()) record.provider_request_id = turn.id;
        if (turn.error_status >= 400) record.http_status = turn.error_status;
        // What was said since the last turn's end is this one's; the switch may have changed.
        call.bodies = std::exchange(socket.bodies, make_capture());
        socket.session.set_capture(socket.bodies.get());
        finish(call, error);
    }
}

void CallObserver::State::end_socket(OpenSocket& socket, const Error* error) {
    static const Error closed_by_client{ErrorKind::closed, Leg::client, {}};
    static const Error closed_by_upstream{ErrorKind::closed, Leg::upstream, {}};
    if (const auto closed_by = socket.session.closed_by()) {
        error = *closed_by == http::Direction::to_upstream ? &closed_by_client
                                                           : &closed_by_upstream;
    }
    end_turns(socket, socket.session.take_open(), error);
}

void CallObserver::State::finish(OpenCall& call, const Error* error) {
    CallRecord& record = call.record;
    // An upgrade itself asks for no answer. That one was refused is worth knowing; 426 only says
    // that the API is spoken without sockets.
    const bool is_upgrade = call.endpoint->socket != nullptr && call.turn == nullptr;
    if (is_upgrade && (record.http_status < 400 || record.http_status == 426)) return;
    record.latency_ms = to_ms(clock.now_steady() - call.begun_at);
    if (std::string model = call.request.model(); !model.empty()) {
        record.requested_model = std::move(model);
    }
    call.request.add_signals(record.client);
    static const Reading nothing;
    const Reading* reading = &nothing;
    bool is_whole = false;
    bool is_stream = call.endpoint->is_stream || call.request.wants_stream();
    if (call.answer) {
        call.answer->finish(call.is_message_complete);
        reading = &call.answer->reading();
        is_whole = call.answer->is_whole();
        is_stream = is_stream || call.answer->is_stream();
    }
    if (call.turn != nullptr) {
        reading = &call.turn->reading;
        is_whole = reading->is_ended;
    }
    record.mode = is_stream ? "streaming" : "standard";
    record.model = reading->model.empty() ? record.requested_model : reading->model;
    record.usage = reading->usage;
    record.has_usage = reading->has_usage;
    record.service_tier = reading->service_tier;
    if (reading->kind) record.kind = *reading->kind;
    if (!is_counted(call, *reading)) return;
    judge(call, *reading, is_whole, error);
    set_price(call, *reading);
    redact_words(record);
    auto bodies = call.bodies ? call.bodies->take() : nullptr;
    if (bodies)
        sink.offer_with_bodies(std::move(record), std::move(bodies));
    else
        sink.offer(std::move(record));
}

// Whether this call is a row: an answer that is fetched again counts once, when the call that began
// it did not.
bool CallObserver::State::is_counted(const OpenCall& call, const Reading& reading) {
    const bool is_retrieval = call.endpoint->billing == Billing::retrieval;
    const bool is_good = call.record.http_status != 0 && call.record.http_status < 400;
    if (!is_retrieval) {
        const bool is_open = is_good && !reading.has_usage && !reading.error;
        if (is_open && facts.pending != nullptr) {
            facts.pending->expect(place.provider->id, reading.response_id);
        }
        return true;
    }
    return is_good && reading.has_usage && facts.pending != nullptr &&
           facts.pending->take(place.provider->id, reading.response_id);
}

// Status, error and completeness.
void CallObserver::State::judge(OpenCall& call, const Reading& reading, bool is_whole,
                                const Error* error) {
    CallRecord& record = call.record;
    const bool is_refused = record.http_status >= 400;
    Billing billing = call.endpoint->billing;
    // What turned out to be no chat need not count.
    if (reading.kind && billing == Billing::tokens) billing = Billing::maybe;
    switch (billing) {
        case Billing::deferred: break;
        case Billing::free:
        case Billing::maybe: record.tokens_complete = is_whole; break;
        case Billing::tokens:
        case Billing::retrieval: record.tokens_complete = is_whole && reading.has_usage; break;
    }
    // A refusal consumed nothing, whatever its page looks like.
    if (is_refused) record.tokens_complete = is_whole || call.is_message_complete;

    if (is_refused || reading.error) {
        record.status = "error";
        const ProviderError said =
            reading.error ? *reading.error : reading.refusal.value_or(ProviderError{});
        record.error = classify(*place.provider, record.http_status, said);
        return;
    }
    const bool is_upstream_failure = error != nullptr && error->leg == Leg::upstream;
    if (is_upstream_failure && !call.is_answered()) {
        record.status = "error";
        record.error = CallError{error->kind == ErrorKind::timeout ? ErrorClass::timeout
                                                                   : ErrorClass::network,
                                 {}, true, {}};
        return;
    }
    // An answer that was cut short is a success with incomplete counts. A call that the client or
    // we ourselves broke off is aborted, unless the answer's end mark had come.
    const bool is_broken_off = error != nullptr ? !is_upstream_failure : !call.is_answered();
    record.status = is_broken_off && !is_whole ? "aborted" : "success";
}

void CallObserver::State::set_price(OpenCall& call, const Reading& reading) {
    CallRecord& record = call.record;
    record.speed = reading.speed;
    record.region = reading.region;
    record.provider_cost = reading.reported_cost;
    record.is_provider_cost_reckoned = reading.is_reported_cost_reckoned;
    record.has_unpriced_part = reading.has_unpriced_part;
    record.sub_calls = reading.sub_calls;
    record.plan_limits.insert(record.plan_limits.end(), reading.plan_limits.begin(),
                              reading.plan_limits.end());
    charge(prices, record);
}

}  // namespace halton::meter
