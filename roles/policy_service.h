// What the daemon does about policies: reads them when the database changes, adds up what budgets
// have spent, writes the audit, and tells the command of [notify]. All of that on two workers of
// its own, so that neither a locked database nor a slow command delays a call or a look-up.
// In:    finished calls (offer). Out: the book that gates and verdicts are made of; events.
// Fails: open. While the policies cannot be read, or not within policy_read_time, none holds; that
//        is logged once, counted and shown by `status`.
// Owner: the daemon; I/O thread. Limits: base/limits.h.
#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "base/clock.h"
#include "meter/call.h"
#include "meter/policy_book.h"
#include "net/blocking.h"
#include "net/shuttle.h"
#include "proxy/policy_gate.h"
#include "store/audit.h"
#include "store/policies.h"

namespace halton::roles {

// In front of the ledger: everything that ends becomes a row, and a part of what is spent.
class PolicyService final : public meter::CallSink {
public:
    struct Facts {
        std::string state = "starting";  // "ok", "unreadable", "slow"
        std::string last_error;
        std::uint64_t active = 0;    // policies that are enabled
        std::uint64_t blocking = 0;  // those of them that block
        std::uint64_t blocked = 0;   // calls
        std::uint64_t undecided = 0;
        std::uint64_t failures = 0;
        std::uint64_t audit_dropped = 0;
        std::uint64_t hooks_failed = 0;
    };

    // `next` and `clock` outlive it.
    PolicyService(asio::io_context& io, std::filesystem::path database, meter::CallSink& next,
                  const Clock& clock, std::vector<std::string> notify_command);
    ~PolicyService() override;

    void offer(meter::CallRecord call) noexcept override;
    void offer_with_bodies(meter::CallRecord call,
                           std::unique_ptr<meter::CallBodies> bodies) noexcept override;

    proxy::GateServices& gates() { return gates_; }
    meter::PolicyBook& book() { return book_; }
    Facts facts() const;

    // For the audit; written within a second. `detail`: a JSON object, or nothing.
    void note(std::string_view type, std::string detail = {});
    // What this daemon goes by: the prices, as a JSON object, and whether bodies are captured where
    // nobody says otherwise. Events where the last daemon went by something else.
    void note_settings(std::string prices, bool captures_bodies) {
        settings_ = {std::move(prices), captures_bodies};
    }

    // Looks and writes until it is cancelled. It begins once `is_open` says that the ledger's
    // thread has made and migrated the file, or failed to: a look just then could make that wait.
    asio::awaitable<void> run(std::function<bool()> is_open = nullptr);
    // Starts the command of [notify], one at a time, until it is cancelled.
    asio::awaitable<void> run_notices();
    // Wakes connections whose gate waits for a time, until it is cancelled.
    asio::awaitable<void> run_gates(net::Shuttle& shuttle);
    // Until nothing runs on the workers: before pause(), so that it takes no time.
    asio::awaitable<void> settle();
    // Around a fork: threads do not come along. Whoever drains then runs it again.
    void pause();
    void resume();
    // What still waits, at once and for at most `limit`; for the end of the process. Blocking.
    void write_rest(std::chrono::milliseconds limit);

private:
    void count(const meter::CallRecord& call) noexcept;
    struct Waiting {
        std::optional<meter::Happening> happening;  // else a plain event
        store::AuditEvent event;
        bool is_claimed = false;  // nobody else has told it
    };

    void tell(meter::Happening happening);
    void push(Waiting waiting);
    asio::awaitable<void> look();
    asio::awaitable<void> write();
    asio::awaitable<void> compare_settings();
    asio::awaitable<void> notify();
    // Work that was given to a worker; nothing where that had no room.
    template <class T>
    struct Job {
        std::optional<net::Blocking::Pending<T>> pending;
        bool is_of_reader = false;
    };
    template <class T>
    Job<T> begin(net::Blocking& worker, std::function<T()> call);
    template <class T>
    asio::awaitable<std::optional<T>> finish(Job<T>& job);
    void set_state(std::string_view state, const std::string& error);
    void plan_notice(const Waiting& waiting);

    asio::io_context& io_;
    const std::filesystem::path database_;
    meter::CallSink& next_;
    const Clock& clock_;
    const std::vector<std::string> notify_command_;

    meter::PolicyBook book_;
    proxy::GateWatch watch_;
    proxy::GateServices gates_;
    asio::steady_timer gate_clock_;
    net::Blocking reader_;
    net::Blocking notifier_;

    std::string state_ = "starting";
    std::string last_error_;
    store::ChangeMark mark_;
    bool has_looked_ = false;
    std::optional<SteadyTime> summed_at_;
    std::set<std::string> complaints_;  // that were logged
    std::deque<Waiting> waiting_;
    std::deque<std::string> notices_;  // JSON, one for each start of the command
    UtcTime notice_hour_{};
    int notices_this_hour_ = 0;
    std::uint64_t audit_dropped_ = 0;
    std::uint64_t hooks_failed_ = 0;
    bool is_write_failing_ = false;
    struct Settings {
        std::string prices;
        bool captures_bodies = false;
    };
    std::optional<Settings> settings_;  // until they were compared
    bool is_settling_ = false;
    std::shared_ptr<std::atomic<int>> running_ = std::make_shared<std::atomic<int>>(0);  // jobs
};

// What the command of [notify] is given on its stdin.
std::string to_notice(const store::AuditEvent& event);

}  // namespace halton::roles
