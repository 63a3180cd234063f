#include "proxy/policy_gate.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "http/head.h"
#include "meter/refusal_form.h"

namespace halton::proxy {
namespace {

using meter::Billing;

// The model that the query of a socket's upgrade names: its messages come too late to ask.
std::string model_of_query(std::string_view target) {
    const auto query = target.substr(std::min(target.find('?'), target.size()));
    constexpr std::string_view key = "model=";
    for (std::size_t at = query.find(key); at != std::string_view::npos;
         at = query.find(key, at + 1)) {
        if (query[at - 1] != '?' && query[at - 1] != '&') continue;
        const auto value = query.substr(at + key.size());
        return to_safe_text(value.substr(0, value.find('&')), limits::model_bytes_max);
    }
    return {};
}

// Calls that cost nothing, and answers of calls that were made, are nobody's to block.
bool is_to_judge(const meter::Endpoint& endpoint) {
    return endpoint.billing != Billing::free && endpoint.billing != Billing::retrieval;
}

}  // namespace

PolicyGate::PolicyGate(const meter::ConnectionFacts& facts, GateServices& services)
    : facts_(facts),
      services_(services),
      place_(meter::find_place(facts)),
      generation_(services.book.generation()) {
    if (place_.host == nullptr) state_ = State::open;
}

PolicyGate::~PolicyGate() { services_.watch.held_bytes -= counted_; }

std::size_t PolicyGate::held() const {
    return state_ == State::head || state_ == State::undecided || state_ == State::refusing
               ? bytes_.size() - ready_
               : 0;
}

bool PolicyGate::is_waiting() const {
    // Not a refusal that waits: that one waits for the provider.
    return (state_ != State::refusing && held() > 0) || state_ == State::draining ||
           state_ == State::closing;
}

void PolicyGate::update_hold() {
    const auto now_held = held();
    services_.watch.held_bytes += now_held;
    services_.watch.held_bytes -= counted_;
    counted_ = now_held;
}

void PolicyGate::take(std::string_view bytes) {
    if (state_ == State::closing) return;
    if (held() == 0 && state_ != State::draining) since_ = services_.clock.now_steady();
    bytes_.append(bytes);
    read();
    update_hold();
    if (state_ != State::head && state_ != State::undecided) return;
    if (held() > services_.hold_bytes_max ||
        services_.watch.held_bytes > services_.hold_all_bytes_max)
        let_pass("too-large");
}

// As far as the bytes go.
void PolicyGate::read() {
    for (bool goes_on = true; goes_on;) {
        switch (state_) {
            case State::head: goes_on = read_head(); break;
            case State::undecided:
            case State::passing: goes_on = read_body(); break;
            case State::draining: goes_on = drop_body(); break;
            case State::refusing: goes_on = false; break;
            case State::closing:
                bytes_.clear();
                sent_ = ready_ = read_ = 0;
                goes_on = false;
                break;
            case State::open:
                ready_ = bytes_.size();
                goes_on = false;
                break;
        }
    }
}

bool PolicyGate::read_head() {
    const auto rest = std::string_view(bytes_).substr(read_);
    const auto end = http::find_head_end(rest, scanned_);
    if (end == 0) {
        if (rest.size() > limits::head_bytes_max) stand_open();
        return false;
    }
    scanned_ = 0;
    const auto head = http::parse_request_head(rest.substr(0, end));
    auto framing = head ? http::BodyFraming::of(*head) : fail(head.error());
    // A CONNECT changes what the bytes behind it are.
    if (!framing || head->method == "CONNECT") {
        stand_open();
        return false;
    }
    framing_.emplace(std::move(*framing));
    read_ += end;
    begun_at_ = services_.clock.now_steady();
    judge_head(*head);
    return state_ != State::refusing;
}

void PolicyGate::judge_head(const http::RequestHead& head) {
    call_ = meter::start_call(facts_, place_, head, services_.clock);
    if (!call_ || !is_to_judge(*call_->endpoint)) return let_pass({});
    is_client_waiting_ = !framing_->is_done() && read_ == bytes_.size() &&
                         head.headers.has_token("expect", "100-continue");
    is_last_ = head.headers.has_token("connection", "close") ||
               (head.version_minor == 0 && !head.headers.has_token("connection", "keep-alive"));
    if (call_->endpoint->socket != nullptr)
        call_->record.requested_model = model_of_query(head.target);
    reader_.emplace(head.headers, place_.provider->names_model_id);
    state_ = State::undecided;
    if (decide(!call_->record.requested_model.empty())) return;
    if (!framing_->is_done()) return;
    // A socket names its model in messages that come too late; anything else names none.
    if (call_->endpoint->socket != nullptr)
        let_pass("socket");
    else
        decide(true);
}

bool PolicyGate::read_body() {
    const auto rest = std::string_view(bytes_).substr(read_);
    if (rest.empty() && !framing_->is_done()) return false;
    if (!rest.empty()) is_client_waiting_ = false;
    const bool is_undecided = state_ == State::undecided;
    read_ += framing_->feed(rest, [&](std::string_view data) {
        if (is_undecided) reader_->feed(data);
    });
    if (framing_->is_broken()) {
        stand_open();
        return false;
    }
    if (is_undecided) {
        if (auto model = reader_->model(); !model.empty()) {
            call_->record.requested_model = std::move(model);
            decide(true);
        } else if (framing_->is_done()) {
            // It names none: a policy for all models still means it.
            decide(true);
        }
        if (state_ == State::refusing) return false;
        if (state_ == State::undecided) return false;
    }
    ready_ = read_;
    if (!framing_->is_done()) return false;
    state_ = State::head;
    if (bytes_.size() > ready_) since_ = services_.clock.now_steady();
    return bytes_.size() > ready_;
}

bool PolicyGate::drop_body() {
    const auto rest = std::string_view(bytes_).substr(read_);
    const auto count = framing_->feed(rest, [](std::string_view) {});
    dropped_bytes_ += count;
    forget(read_, count);
    if (framing_->is_broken() || dropped_bytes_ > services_.drain_bytes_max) {
        state_ = State::closing;
        since_ = services_.clock.now_steady();
        return true;
    }
    if (!framing_->is_done()) return false;
    state_ = is_last_ ? State::closing : State::head;
    since_ = services_.clock.now_steady();
    return bytes_.size() > read_;
}

bool PolicyGate::decide(bool is_model_known) {
    const auto& record = call_->record;
    const meter::CallFacts facts{record.project_slug,    record.provider,
                                 record.requested_model, {},
                                 record.client.tool,     record.billing == meter::BillingMode::plan,
                                 is_model_known};
    const auto verdict = services_.book.judge(facts, record.requested_at);
    if (verdict.blocked_by != nullptr) {
        refuse(*verdict.blocked_by);
        return true;
    }
    if (verdict.needs_model) return false;
    let_pass({});
    return true;
}

void PolicyGate::refuse(const meter::Policy& policy) {
    // A client that waits for a 100 may now send its body or not: only an end is clear to both.
    is_last_ = is_last_ || is_client_waiting_;
    const auto message = fmt::format(
        "Blocked by the policy '{}' of halton-meter on this machine. To see it: "
        "halton-meter policy show '{}'",
        policy.name, policy.name);
    answer_ = meter::make_refusal(*call_->endpoint->shape->refusal, message, is_last_);

    auto& record = call_->record;
    // For people, as far as it came along with what decided.
    if (record.requested_model.empty()) {
        auto rest = *framing_;
        rest.feed(std::string_view(bytes_).substr(read_),
                  [this](std::string_view data) { reader_->feed(data); });
        record.requested_model = reader_->model();
    }
    record.status = "blocked";
    record.http_status = 403;
    record.mode = reader_->wants_stream() || call_->endpoint->is_stream ? "streaming" : "standard";
    record.model = record.requested_model;
    // The provider never saw it: that is known to cost nothing, whoever would have paid.
    record.billing = meter::BillingMode::free;
    record.cost = NanoUsd{};
    record.cost_state = meter::CostState::exact;
    record.price_id = "free";
    record.tokens_complete = true;
    record.latency_ms =
        std::chrono::duration<double, std::milli>(services_.clock.now_steady() - begun_at_).count();
    meter::redact_words(record);
    log_event(LogLevel::info, "policy.blocked",
              {{"policy", policy.name},
               {"project", record.project_slug},
               {"provider", record.provider},
               {"model", record.requested_model},
               {"request", record.id}});
    services_.book.note_blocked(record, policy);
    services_.sink->offer(std::move(record));

    forget(ready_, read_ - ready_);
    state_ = State::refusing;
}

bool PolicyGate::has_answer(bool is_quiet) const {
    return is_quiet && sent_ == ready_ &&
           (state_ == State::refusing || (state_ == State::undecided && is_client_waiting_));
}

std::string PolicyGate::take_answer(bool is_quiet) {
    if (!has_answer(is_quiet)) return {};
    // Nothing of it may go on yet, and the client sends no body before somebody asks for it.
    if (state_ == State::undecided) {
        is_client_waiting_ = false;
        return "HTTP/1.1 100 Continue\r\n\r\n";
    }
    state_ = is_last_ && is_client_waiting_ ? State::closing : State::draining;
    since_ = services_.clock.now_steady();
    dropped_bytes_ = 0;
    std::string answer = std::exchange(answer_, {});
    read();
    update_hold();
    return answer;
}

void PolicyGate::consume(std::size_t count) {
    sent_ += count;
    if (sent_ < ready_) return;
    forget(0, sent_);
}

// Takes bytes out that stay nowhere: they went on, or never will.
void PolicyGate::forget(std::size_t from, std::size_t count) {
    bytes_.erase(from, count);
    if (bytes_.empty() && bytes_.capacity() > limits::relay_read_bytes) bytes_ = std::string();
    for (std::size_t* mark : {&sent_, &ready_, &read_})
        if (*mark > from) *mark -= std::min(count, *mark - from);
}

// Undecided for a reason, or of no interest.
void PolicyGate::let_pass(std::string_view reason) {
    if (!reason.empty()) {
        services_.book.note_undecided();
        if (!std::exchange(is_undecided_logged_, true))
            log_event(LogLevel::warn, "policy.undecided",
                      {{"reason", reason}, {"host", facts_.host}, {"next", "the call passes"}});
    }
    if (state_ == State::head && !reason.empty()) return stand_open();
    state_ = State::passing;
    ready_ = read_;
    update_hold();
}

void PolicyGate::stand_open() {
    if (state_ == State::refusing || state_ == State::draining || state_ == State::closing) {
        // The provider has not seen the request that the rest belongs to.
        is_last_ = true;
        // Where answers end is not known any more: a refusal could land in the middle of one.
        if (state_ == State::refusing) answer_.clear();
        state_ = State::closing;
        since_ = services_.clock.now_steady();
        return;
    }
    state_ = State::open;
    ready_ = bytes_.size();
    update_hold();
}

void PolicyGate::look_at_clock() {
    if (!is_waiting()) return;
    const auto waited = services_.clock.now_steady() - since_;
    switch (state_) {
        case State::head:
        case State::undecided:
            if (waited > limits::gate_hold_time) let_pass("too-late");
            break;
        case State::draining:
            if (waited > limits::gate_drain_time) {
                state_ = State::closing;
                since_ = services_.clock.now_steady();
            }
            break;
        case State::closing: is_over_ = waited > limits::gate_linger_time; break;
        case State::refusing:
        case State::passing:
        case State::open: break;
    }
}

}  // namespace halton::proxy
