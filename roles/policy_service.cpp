#include "roles/policy_service.h"

#include <algorithm>
#include <utility>

#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "meter/body_capture.h"
#include "net/task_group.h"
#include "platform/process.h"

namespace halton::roles {
namespace {

using meter::Happening;
using meter::PolicyAction;

// The daemon's writes go on beside this one: a lock is held for milliseconds.
constexpr std::chrono::milliseconds audit_lock_wait{250};

constexpr std::string_view everywhere = R"({"scope":"everywhere"})";

struct Sums {
    Result<store::SpendRead> spend;
};

std::string_view type_of(Happening::Kind kind) {
    switch (kind) {
        case Happening::Kind::blocked: return store::audit::policy_blocked;
        case Happening::Kind::matched: return store::audit::policy_matched;
        case Happening::Kind::threshold: return store::audit::budget_threshold;
    }
    return store::audit::policy_matched;
}

store::AuditEvent to_event(const Happening& happening) {
    store::AuditEvent event;
    event.occurred_at = to_iso8601(happening.at);
    event.type = type_of(happening.kind);
    event.actor = "daemon";
    event.project = happening.project;
    event.request_id = happening.request_id;
    event.detail = to_detail(happening);
    return event;
}

bool has_budget(const std::vector<meter::Policy>& policies) {
    return std::any_of(policies.begin(), policies.end(), [](const meter::Policy& policy) {
        return policy.kind == meter::PolicyKind::budget;
    });
}

}  // namespace

std::string to_notice(const store::AuditEvent& event) {
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().text("type", event.type).text("occurred_at", event.occurred_at);
    json.text("project", event.project).text("request_id", event.request_id);
    json.json("detail", event.detail.empty() ? "{}" : trim(event.detail)).end();
    return json.finish() + '\n';
}

PolicyService::PolicyService(asio::io_context& io, std::filesystem::path database,
                             meter::CallSink& next, const Clock& clock,
                             std::vector<std::string> notify_command)
    : io_(io),
      database_(std::move(database)),
      next_(next),
      clock_(clock),
      notify_command_(std::move(notify_command)),
      book_([this](Happening happening) { tell(std::move(happening)); }),
      gates_{book_, this, clock, watch_},
      gate_clock_(io),
      reader_(io),
      notifier_(io) {
    watch_.on_first = [this] { gate_clock_.cancel(); };
}

PolicyService::~PolicyService() = default;

void PolicyService::count(const meter::CallRecord& call) noexcept {
    try {
        // A blocked one never ran, and was noted when it was refused.
        if (call.status != "blocked") book_.note_finished(call);
    } catch (const std::bad_alloc&) {
        // The row counts more.
    }
}

void PolicyService::offer(meter::CallRecord call) noexcept {
    count(call);
    next_.offer(std::move(call));
}

void PolicyService::offer_with_bodies(meter::CallRecord call,
                                      std::unique_ptr<meter::CallBodies> bodies) noexcept {
    count(call);
    next_.offer_with_bodies(std::move(call), std::move(bodies));
}

PolicyService::Facts PolicyService::facts() const {
    Facts facts;
    facts.state = state_;
    facts.last_error = last_error_;
    for (const auto& policy : book_.policies()) {
        facts.active += policy.is_enabled;
        facts.blocking += policy.is_enabled && policy.action == PolicyAction::block;
    }
    facts.blocked = book_.counts().blocked;
    facts.undecided = book_.counts().undecided;
    facts.failures = book_.counts().failures;
    facts.audit_dropped = audit_dropped_;
    facts.hooks_failed = hooks_failed_;
    return facts;
}

void PolicyService::note(std::string_view type, std::string detail) {
    store::AuditEvent event;
    event.occurred_at = to_iso8601(clock_.now_utc());
    event.type = type;
    event.actor = "daemon";
    event.detail = std::move(detail);
    push({std::nullopt, std::move(event), false});
}

void PolicyService::tell(Happening happening) {
    auto event = to_event(happening);
    push({std::move(happening), std::move(event), false});
}

void PolicyService::push(Waiting waiting) {
    if (waiting_.size() >= limits::audit_queue_max) {
        ++audit_dropped_;
        waiting_.pop_front();
    }
    waiting_.push_back(std::move(waiting));
}

// Nothing when the worker's queue is full.
template <class T>
PolicyService::Job<T> PolicyService::begin(net::Blocking& worker, std::function<T()> call) {
    // Counted by the worker: who asked may be cancelled before it is done.
    running_->fetch_add(1);
    auto pending = worker.start<T>([call = std::move(call), running = running_] {
        auto answer = call();
        running->fetch_sub(1);
        return answer;
    });
    if (pending) return {std::move(*pending), &worker == &reader_};
    running_->fetch_sub(1);
    return {};
}

// Its answer, however long it takes. The job is the caller's own variable: gcc 12 destroys what is
// made within a co_await twice.
template <class T>
asio::awaitable<std::optional<T>> PolicyService::finish(Job<T>& job) {
    std::optional<T> answer;
    if (!job.pending) co_return answer;
    for (int round = 0; !answer; ++round) {
        answer = co_await job.pending->wait(limits::policy_read_time);
        // The wait alone was cancelled by that, and would begin anew.
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return std::nullopt;
        if (answer || round > 0 || !job.is_of_reader) continue;
        book_.fail();
        set_state("slow", "the database takes long");
    }
    co_return answer;
}

void PolicyService::set_state(std::string_view state, const std::string& error) {
    if (state == state_ && error == last_error_) return;
    const bool is_well = state == "ok";
    if (is_well && state_ == "starting") {
        state_ = state;
        return;
    }
    state_ = state;
    if (!is_well) last_error_ = error;
    log_event(is_well ? LogLevel::info : LogLevel::warn, "policy.state",
              {{"state", state},
               {"error", is_well ? std::string() : error},
               {"effect", is_well ? "policies hold" : "every call passes"}});
}

asio::awaitable<void> PolicyService::look() {
    const auto now = clock_.now_steady();
    const bool is_sum_due = !summed_at_ || now - *summed_at_ >= limits::policy_sum_pause;
    struct Look {
        bool is_changed = false;
        store::ChangeMark mark;
        std::optional<Result<store::PolicyTable>> table;
    };
    const bool is_first = !has_looked_ || state_ != "ok";
    auto seen_job = begin<Look>(reader_, [file = database_, before = mark_, is_first] {
        Look look;
        look.mark = store::read_change_mark(file);
        look.is_changed = is_first || !(look.mark == before);
        if (look.is_changed) look.table.emplace(store::read_policies(file));
        return look;
    });
    auto seen = co_await finish(seen_job);
    if (!seen || !seen->is_changed) co_return;
    mark_ = seen->mark;
    has_looked_ = true;
    if (!*seen->table) {
        const auto& error = seen->table->error();
        // The ledger makes the file in a moment.
        const bool is_none = error.kind == ErrorKind::not_found;
        if (is_none && book_.policies().empty()) {
            set_state("ok", {});
            co_return;
        }
        book_.fail();
        set_state("unreadable", error.context);
        co_return;
    }
    auto& table = **seen->table;
    for (const auto& complaint : table.complaints) {
        if (complaints_.size() >= limits::policy_count_max) break;
        if (complaints_.insert(complaint).second)
            log_event(LogLevel::warn, "policy.ignored", {{"what", complaint}});
    }
    const bool is_same = table.policies.size() == book_.policies().size() &&
                         std::equal(table.policies.begin(), table.policies.end(),
                                    book_.policies().begin(), meter::is_same_policy);
    if (is_same && state_ == "ok" && !(is_sum_due && has_budget(table.policies))) co_return;

    std::vector<NanoUsd> spent(table.policies.size());
    std::vector<std::string> included;
    const auto utc = clock_.now_utc();
    if (has_budget(table.policies)) {
        auto sums_job = begin<Sums>(reader_, [file = database_, policies = table.policies, utc] {
            return Sums{store::read_spend(file, policies, utc)};
        });
        auto sums = co_await finish(sums_job);
        if (!sums) co_return;
        if (!sums->spend) {
            book_.fail();
            set_state("unreadable", sums->spend.error().context);
            co_return;
        }
        for (std::size_t i = 0; i < spent.size(); ++i) spent[i] = sums->spend->by_policy[i].spent;
        // Those that ended before the sum was made are asked about after it: none is counted twice
        // or not at all.
        struct Found {
            Result<std::vector<std::string>> calls;
        };
        auto found_job = begin<Found>(reader_, [file = database_, ids = book_.pending_calls(),
                                                newest = sums->spend->newest_row] {
            return Found{store::find_calls(file, ids, newest)};
        });
        auto found = co_await finish(found_job);
        if (!found || !found->calls) co_return;
        included = std::move(*found->calls);
        summed_at_ = now;
    }
    book_.load(std::move(table.policies), spent, included, utc);
    set_state("ok", {});
}

asio::awaitable<void> PolicyService::write() {
    if (waiting_.empty()) co_return;
    std::vector<Waiting> batch(std::make_move_iterator(waiting_.begin()),
                               std::make_move_iterator(waiting_.end()));
    waiting_.clear();
    struct Done {
        std::vector<Waiting> batch;
        std::string error;
        bool is_early = false;
    };
    auto done_job = begin<Done>(reader_, [file = database_, work = batch]() mutable {
        Done result;
        std::vector<store::AuditEvent> events;
        for (auto& waiting : work) {
            const auto& happening = waiting.happening;
            if (happening && happening->percent > 0 && !waiting.is_claimed) {
                const auto claimed = store::claim_notice(file, happening->policy.id,
                                                         happening->period, happening->percent);
                if (!claimed) {
                    result.error = claimed.error().context;
                    break;
                }
                if (!*claimed) continue;  // somebody has told it
                waiting.is_claimed = true;
            }
            events.push_back(waiting.event);
            result.batch.push_back(waiting);
        }
        if (result.error.empty() && !events.empty()) {
            const auto written = store::append_audit(file, events, audit_lock_wait);
            if (!written) {
                result.error = written.error().context;
                result.is_early = written.error().kind == ErrorKind::not_found ||
                                  written.error().kind == ErrorKind::unsupported;
            }
        }
        if (!result.error.empty()) result.batch = std::move(work);
        return result;
    });
    // A slow write leaves the policies as they are.
    done_job.is_of_reader = false;
    auto done = co_await finish(done_job);
    if (!done && done_job.pending) co_return;  // cancelled: the worker still writes it
    if (!done || !done->error.empty()) {
        auto& left = done ? done->batch : batch;
        for (auto it = left.rbegin(); it != left.rend(); ++it) {
            if (waiting_.size() >= limits::audit_queue_max)
                ++audit_dropped_;
            else
                waiting_.push_front(std::move(*it));
        }
        // A first start makes the file, an upgrade changes it: in a moment.
        const bool is_early = done && done->is_early;
        if (done && !is_early && !std::exchange(is_write_failing_, true))
            log_event(LogLevel::warn, "audit.not_written", {{"error", done->error}});
        co_return;
    }
    is_write_failing_ = false;
    for (const auto& waiting : done->batch) plan_notice(waiting);
}

// What is only logged is told to nobody.
void PolicyService::plan_notice(const Waiting& waiting) {
    if (!waiting.happening || waiting.happening->policy.action == PolicyAction::log) return;
    const auto& happening = *waiting.happening;
    log_event(LogLevel::warn, waiting.event.type,
              {{"policy", happening.policy.name},
               {"project", happening.project},
               {"what", to_sentence(happening)}});
    if (notify_command_.empty()) return;
    if (happening.at >= notice_hour_ + std::chrono::hours(1)) {
        notice_hour_ = happening.at;
        notices_this_hour_ = 0;
    }
    if (notices_.size() >= limits::notify_queue_max ||
        ++notices_this_hour_ > limits::notify_an_hour_max) {
        ++hooks_failed_;
        return;
    }
    notices_.push_back(to_notice(waiting.event));
}

// One at a time; the next look does not wait for it.
asio::awaitable<void> PolicyService::notify() {
    while (!notices_.empty() && !is_settling_) {
        const auto notice = std::move(notices_.front());
        notices_.pop_front();
        auto failed_job = begin<std::string>(notifier_, [command = notify_command_, notice] {
            const auto finished =
                platform::run_program(command, platform::read_environment(),
                                      static_cast<int>(limits::notify_time.count()), false, notice);
            if (!finished) return finished.error().context;
            if (finished->exit_code != 0)
                return "it ended with " + std::to_string(finished->exit_code);
            return std::string();
        });
        auto failed = co_await finish(failed_job);
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return;
        if (failed && failed->empty()) continue;
        ++hooks_failed_;
        log_event(LogLevel::warn, "notify.failed",
                  {{"command", notify_command_.front()},
                   {"error", failed ? *failed : std::string("too many wait")}});
    }
}

asio::awaitable<void> PolicyService::run(std::function<bool()> is_open) {
    asio::steady_timer timer(io_);
    while (is_open && !is_open()) {
        timer.expires_after(std::chrono::milliseconds(20));
        const auto [error] =
            co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
    for (;;) {
        if (!is_settling_) {
            co_await look();
            co_await compare_settings();
            co_await write();
        }
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return;
        timer.expires_after(limits::policy_look_pause);
        const auto [error] =
            co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
}

asio::awaitable<void> PolicyService::run_notices() {
    asio::steady_timer timer(io_);
    for (;;) {
        co_await notify();
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return;
        timer.expires_after(limits::policy_look_pause);
        const auto [error] =
            co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        if (error) co_return;
    }
}

asio::awaitable<void> PolicyService::run_gates(net::Shuttle& shuttle) {
    for (;;) {
        // Nobody waits: no clock ticks.
        gate_clock_.expires_after(watch_.is_empty()
                                      ? std::chrono::hours(24)
                                      : std::chrono::hours(0) + limits::gate_look_pause);
        const auto [interrupted] =
            co_await gate_clock_.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return;
        if (!interrupted) watch_.wake_all(shuttle);
    }
}

// Once, when there is a database to compare with.
asio::awaitable<void> PolicyService::compare_settings() {
    if (!settings_ || state_ != "ok") co_return;
    struct Last {
        Result<std::optional<store::AuditEvent>> prices;
        bool is_capture_known = false;
        bool captured_bodies = false;
    };
    auto last_job = begin<Last>(reader_, [file = database_] {
        Last found{store::read_newest_audit(file, store::audit::pricing_changed)};
        // Those of single projects are of no interest here.
        const auto captures =
            store::read_audit(file, {.type = "body_capture.", .count_max = 1'000});
        found.is_capture_known = captures.has_value();
        if (captures)
            for (const auto& event : captures->events) {
                if (event.detail != everywhere) continue;
                found.captured_bodies = event.type == store::audit::body_capture_enabled;
                break;
            }
        return found;
    });
    auto last = co_await finish(last_job);
    if (!last || !last->prices || !last->is_capture_known) co_return;
    const auto settings = *std::exchange(settings_, std::nullopt);
    if (!*last->prices || (*last->prices)->detail != settings.prices)
        note(store::audit::pricing_changed, settings.prices);
    if (last->captured_bodies != settings.captures_bodies)
        note(settings.captures_bodies ? store::audit::body_capture_enabled
                                      : store::audit::body_capture_disabled,
             std::string(everywhere));
}

asio::awaitable<void> PolicyService::settle() {
    is_settling_ = true;
    asio::steady_timer timer(io_);
    const auto until = std::chrono::steady_clock::now() + limits::notify_time;
    while (running_->load() > 0 && std::chrono::steady_clock::now() < until) {
        timer.expires_after(std::chrono::milliseconds(10));
        co_await timer.async_wait(asio::use_awaitable);
    }
}

void PolicyService::pause() {
    reader_.pause();
    notifier_.pause();
}

void PolicyService::resume() {
    is_settling_ = false;
    reader_.resume();
    notifier_.resume();
}

void PolicyService::write_rest(std::chrono::milliseconds limit) {
    std::vector<store::AuditEvent> events;
    for (const auto& waiting : waiting_)
        // Marks of budgets are told by whoever counts next.
        if (!waiting.happening || waiting.happening->percent == 0) events.push_back(waiting.event);
    waiting_.clear();
    if (events.empty()) return;
    const auto written = store::append_audit(database_, events, limit);
    if (!written)
        log_event(LogLevel::warn, "audit.not_written", {{"error", to_text(written.error())}});
}

}  // namespace halton::roles
