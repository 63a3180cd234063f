#include "meter/observer.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/text.h"
#include "base/uuid.h"
#include "meter/answer.h"
#include "meter/charge.h"
#include "meter/error_class.h"
#include "meter/plan.h"
#include "meter/pricing.h"
#include "meter/providers/provider.h"
#include "meter/request_reader.h"

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

// One metered call that has begun and not ended. Unmetered exchanges leave no trace at all.
struct OpenCall {
    OpenCall(std::uint32_t stream_number, const Endpoint& matched, const http::RequestHead& head)
        : stream(stream_number), endpoint(&matched), request(head.headers) {}

    std::uint32_t stream;
    const Endpoint* endpoint;
    CallRecord record;
    SteadyTime begun_at;
    RequestReader request;
    std::optional<AnswerReader> answer;  // once the response head is there
    bool is_message_complete = false;    // the response ended in order
};

}  // namespace

struct CallObserver::State {
    State(ConnectionFacts known, const PriceBook& book, CallSink& to, const Clock& times)
        : facts(std::move(known)), prices(book), sink(to), clock(times),
          place(find_host(facts.host)) {}

    void on_event(const http::Event& event);
    void begin(const http::Event& event);
    void read_head(OpenCall& call, const http::ResponseHead& head);
    OpenCall* find(std::uint32_t stream);
    void end(std::uint32_t stream, bool is_complete);
    void end_all(const Error* error);
    void finish(OpenCall& call, const Error* error);
    void judge(OpenCall& call, const Reading& reading, bool is_whole, const Error* error);
    void set_price(OpenCall& call, const Reading& reading);

    ConnectionFacts facts;
    const PriceBook& prices;
    CallSink& sink;
    const Clock& clock;
    HostMatch place;
    std::vector<std::unique_ptr<OpenCall>> calls;  // in order of their requests; mostly one
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

void CallObserver::on_failure(const Error& error) { state_->end_all(&error); }

void CallObserver::State::on_event(const http::Event& event) {
    using Kind = http::Event::Kind;
    if (event.kind == Kind::request_head) return begin(event);
    if (event.kind == Kind::lost || event.kind == Kind::upgraded) return end_all(nullptr);
    OpenCall* call = find(event.stream);
    if (call == nullptr) return;
    switch (event.kind) {
        case Kind::request_body: call->request.feed(event.bytes); break;
        case Kind::response_head: read_head(*call, *event.response); break;
        case Kind::response_body:
            if (call->answer) call->answer->feed(event.bytes);
            break;
        case Kind::response_end: end(event.stream, event.is_complete); break;
        case Kind::request_end:
        case Kind::request_head:
        case Kind::upgraded:
        case Kind::lost: break;
    }
}

void CallObserver::State::begin(const http::Event& event) {
    const http::RequestHead& head = *event.request;
    const std::string_view path = http::path_of(head.target);
    const Endpoint* endpoint = find_endpoint(*place.host, head.method, path);
    if (endpoint == nullptr) return;

    auto call = std::make_unique<OpenCall>(event.stream, *endpoint, head);
    call->begun_at = clock.now_steady();
    CallRecord& record = call->record;
    record.id = make_uuid();
    record.requested_at = clock.now_utc();
    record.provider = place.provider->id;
    record.kind = endpoint->kind;
    record.method = head.method;
    record.host = facts.host;
    record.path = to_safe_text(path, limits::path_bytes_max);
    if (const std::string* agent = head.headers.find("user-agent")) {
        record.user_agent = to_safe_text(*agent, limits::user_agent_bytes_max);
    }
    std::string_view model;
    if (matches_path(endpoint->path, path, model)) {
        record.requested_model = to_safe_text(model, limits::model_bytes_max);
    }
    record.project_slug = facts.project_slug;
    record.attribution_layer = facts.attribution_layer;
    record.source_workdir = facts.source_workdir;
    switch (endpoint->billing) {
        case Billing::free: record.billing = BillingMode::free; break;
        case Billing::deferred: record.billing = BillingMode::deferred; break;
        default:
            if (is_plan_call(facts.host, head.headers)) record.billing = BillingMode::plan;
    }
    calls.push_back(std::move(call));
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
    call.answer.emplace(*call.endpoint->shape, head.headers, thread_parser());
}

OpenCall* CallObserver::State::find(std::uint32_t stream) {
    for (const auto& call : calls) {
        if (call->stream == stream) return call.get();
    }
    return nullptr;
}

void CallObserver::State::end(std::uint32_t stream, bool is_complete) {
    const auto found = std::find_if(calls.begin(), calls.end(),
                                    [&](const auto& call) { return call->stream == stream; });
    if (found == calls.end()) return;
    const std::unique_ptr<OpenCall> call = std::move(*found);
    calls.erase(found);
    call->is_message_complete = is_complete;
    // The connection ended before any answer, and nobody said why: the provider's side did it.
    static const Error no_answer{ErrorKind::closed, Leg::upstream, {}};
    finish(*call, call->answer ? nullptr : &no_answer);
}

void CallObserver::State::end_all(const Error* error) {
    std::vector<std::unique_ptr<OpenCall>> ended = std::exchange(calls, {});
    for (const auto& call : ended) finish(*call, error);
}

void CallObserver::State::finish(OpenCall& call, const Error* error) {
    CallRecord& record = call.record;
    record.latency_ms = to_ms(clock.now_steady() - call.begun_at);
    if (std::string model = call.request.model(); !model.empty()) {
        record.requested_model = std::move(model);
    }
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
    record.mode = is_stream ? "streaming" : "standard";
    record.model = reading->model.empty() ? record.requested_model : reading->model;
    record.usage = reading->usage;
    record.has_usage = reading->has_usage;
    record.service_tier = reading->service_tier;
    judge(call, *reading, is_whole, error);
    set_price(call, *reading);
    sink.offer(std::move(record));
}

// Status, error and completeness.
void CallObserver::State::judge(OpenCall& call, const Reading& reading, bool is_whole,
                                const Error* error) {
    CallRecord& record = call.record;
    const bool is_refused = record.http_status >= 400;
    switch (call.endpoint->billing) {
        case Billing::deferred: break;
        case Billing::free:
        case Billing::maybe: record.tokens_complete = is_whole; break;
        case Billing::tokens: record.tokens_complete = is_whole && reading.has_usage; break;
    }
    // A refusal consumed nothing, whatever its page looks like.
    if (is_refused) record.tokens_complete = is_whole || call.is_message_complete;

    if (is_refused || reading.error) {
        record.status = "error";
        record.error = classify(*place.provider, record.http_status,
                                reading.error.value_or(ProviderError{}));
        return;
    }
    const bool is_upstream_failure = error != nullptr && error->leg == Leg::upstream;
    if (is_upstream_failure && record.http_status == 0) {
        record.status = "error";
        record.error = CallError{error->kind == ErrorKind::timeout ? ErrorClass::timeout
                                                                   : ErrorClass::network,
                                 {}, true, {}};
        return;
    }
    // An answer that was cut short is a success with incomplete counts. A call that the client or
    // we ourselves broke off is aborted, unless the answer's end mark had come.
    const bool is_broken_off = error != nullptr ? !is_upstream_failure : !call.answer;
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
