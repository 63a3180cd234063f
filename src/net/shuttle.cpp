#include "net/shuttle.h"

#include <algorithm>
#include <new>

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "base/limits.h"
#include "base/log.h"

namespace halton::net {
namespace {

// How often limited and idle runs are looked at. Coarse is right: the limits are a quarter of a
// second and ten minutes.
constexpr std::chrono::milliseconds sweep_fine{50};
constexpr std::chrono::milliseconds sweep_coarse{5'000};

std::uint32_t seconds_now() {
    using namespace std::chrono;
    const auto now = steady_clock::now().time_since_epoch();
    return static_cast<std::uint32_t>(duration_cast<seconds>(now).count());
}

}  // namespace

struct Duplex::Completion {
    virtual ~Completion() = default;
    virtual void call(Shuttle::End end) = 0;

    template <class Handler>
    struct Of;
    struct Owner;
};

template <class Handler>
struct Duplex::Completion::Of final : Duplex::Completion {
    explicit Of(Handler h) : handler(std::move(h)) {}
    void call(Shuttle::End end) override { std::move(handler)(end); }
    Handler handler;
};

// Of an adopted duplex: keeps it alive until its run has ended.
struct Duplex::Completion::Owner final : Duplex::Completion {
    explicit Owner(std::unique_ptr<Duplex> d) : duplex(std::move(d)) {}
    void call(Shuttle::End) override {}
    std::unique_ptr<Duplex> duplex;
};

Duplex::Duplex() : sides_{{{this, 0}, {this, 1}}} {}
Duplex::~Duplex() = default;

Result<std::unique_ptr<Shuttle>> Shuttle::make(asio::io_context& io,
                                               std::chrono::milliseconds idle) {
    auto set = platform::ReadinessSet::make();
    if (!set) return fail(set.error());
    auto shuttle = std::unique_ptr<Shuttle>(new Shuttle(io, std::move(*set), idle));
    shuttle->arm();
    return shuttle;
}

Shuttle::Shuttle(asio::io_context& io, platform::ReadinessSet set, std::chrono::milliseconds idle)
    : set_(std::move(set)),
      ready_(io, set_.handle()),
      sweep_(io),
      idle_s_(static_cast<std::uint32_t>(
          std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(idle).count()))) {}

Shuttle::~Shuttle() {
    ready_.release();  // the set owns the descriptor
}

void Shuttle::arm() {
    ready_.async_wait(asio::posix::stream_descriptor::wait_read, [this](std::error_code error) {
        if (error) return;
        // Also when memory ran out in there.
        struct Rearm {
            Shuttle& shuttle;
            ~Rearm() { shuttle.arm(); }
        } rearm{*this};
        on_ready();
    });
}

asio::awaitable<Shuttle::End> Shuttle::run(Duplex& duplex,
                                           std::optional<std::chrono::milliseconds> limit) {
    const auto first = duplex.step();
    if (first == Duplex::Step::done) co_return End::done;
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(End)>(
        [this, &duplex, limit, first](auto handler) {
            using Holder = Duplex::Completion::Of<decltype(handler)>;
            duplex.completion_ = std::make_unique<Holder>(std::move(handler));
            if (limit) deadlines_.push_back({std::chrono::steady_clock::now() + *limit, &duplex});
            begin(duplex, first);
        },
        asio::use_awaitable);
}

void Shuttle::adopt(std::unique_ptr<Duplex> duplex) {
    const auto first = duplex->step();
    if (first == Duplex::Step::done) return;
    Duplex& adopted = *duplex;
    adopted.completion_ = std::make_unique<Duplex::Completion::Owner>(std::move(duplex));
    begin(adopted, first);
}

void Shuttle::begin(Duplex& duplex, Duplex::Step first) {
    duplex.active_at_s_ = seconds_now();
    link(duplex);
    arm_sweep();
    // Registering reports the state of both sockets now, so bytes that came since the first step
    // are not lost.
    if (first == Duplex::Step::again) {
        queue(duplex);
        schedule_turn();
    }
}

void Shuttle::queue(Duplex& duplex) {
    if (duplex.is_queued_ || !duplex.completion_) return;  // waits already, or is finished
    duplex.is_queued_ = true;
    again_.push_back(&duplex);
}

void Shuttle::wake(Duplex& duplex) {
    queue(duplex);
    if (duplex.is_queued_) schedule_turn();
}

void Shuttle::schedule_turn() {
    if (is_turn_scheduled_) return;
    is_turn_scheduled_ = true;
    asio::post(ready_.get_executor(), [this] {
        is_turn_scheduled_ = false;
        on_ready();
    });
}

void Shuttle::link(Duplex& duplex) {
    const auto sockets = duplex.sockets();
    for (std::size_t i = 0; i < 2; ++i) {
        // Without kernel memory for the entry the tunnel would hang: let it end instead.
        if (!set_.add(sockets[i], &duplex.sides_[i])) duplex.flags_[i].is_ending = true;
    }
    duplex.previous_ = nullptr;
    duplex.next_ = first_;
    if (first_) first_->previous_ = &duplex;
    first_ = &duplex;
    ++count_;
}

void Shuttle::unlink(Duplex& duplex) {
    for (const int socket : duplex.sockets())
        if (socket >= 0) set_.remove(socket);
    (duplex.previous_ ? duplex.previous_->next_ : first_) = duplex.next_;
    if (duplex.next_) duplex.next_->previous_ = duplex.previous_;
    --count_;
    if (duplex.is_queued_) std::erase(again_, &duplex);
    duplex.is_queued_ = false;
}

void Shuttle::finish(Duplex& duplex, End end) {
    std::erase_if(deadlines_, [&](const Deadline& d) { return d.duplex == &duplex; });
    unlink(duplex);
    finished_.emplace_back(std::move(duplex.completion_), end);
}

void Shuttle::move(Duplex& duplex) {
    if (!duplex.completion_) return;  // finished earlier in this batch
    auto step = Duplex::Step::done;
    try {
        step = duplex.step();
    } catch (const std::bad_alloc&) {
        log_event(LogLevel::error, "tunnel.cut", {{"reason", "out of memory"}});
    }
    switch (step) {
        case Duplex::Step::wait: break;
        case Duplex::Step::again: queue(duplex); break;
        case Duplex::Step::done: finish(duplex, End::done); break;
    }
}

// Under load new events have come by the time a batch is done: looking again right here saves
// Asio's two system calls a batch. But handshakes, health probes and new connections wait for this
// thread too, a dozen turns each: what does not fit into the time of a turn waits for the next.
void Shuttle::on_ready() {
    const auto until = std::chrono::steady_clock::now() + limits::relay_turn;
    bool is_time_left = true;
    const auto move_in_time = [&](Duplex& duplex) {
        if (!is_time_left) return queue(duplex);
        move(duplex);
        is_time_left = std::chrono::steady_clock::now() < until;
    };
    const std::uint32_t now_s = seconds_now();
    std::vector<Duplex*> turn;
    turn.swap(again_);
    for (Duplex* duplex : turn) duplex->is_queued_ = false;
    for (Duplex* duplex : turn) {
        duplex->active_at_s_ = now_s;
        move_in_time(*duplex);
    }
    run_finished();
    std::array<platform::Readiness, limits::readiness_batch> batch;
    while (is_time_left) {
        const std::size_t count = set_.poll(batch);
        if (count == 0) break;
        for (std::size_t i = 0; i < count; ++i) {
            const auto* side = static_cast<const Duplex::Side*>(batch[i].watcher);
            auto& flags = side->duplex->flags_[side->index];
            flags.is_readable |= batch[i].is_readable;
            flags.is_writable |= batch[i].is_writable;
            flags.is_ending |= batch[i].is_ending;
            side->duplex->active_at_s_ = now_s;
            move_in_time(*side->duplex);
        }
        run_finished();
    }
    if (!again_.empty()) schedule_turn();
}

void Shuttle::run_finished() {
    std::vector<Finished> finished;
    finished.swap(finished_);
    for (auto& [completion, end] : finished) completion->call(end);
}

void Shuttle::arm_sweep() {
    const auto at = std::chrono::steady_clock::now() +
                    (deadlines_.empty() ? std::min<std::chrono::milliseconds>(
                                              sweep_coarse, std::chrono::seconds(idle_s_))
                                        : sweep_fine);
    if (sweep_.expiry() > std::chrono::steady_clock::now() && sweep_.expiry() <= at) return;
    sweep_.expires_at(at);
    sweep_.async_wait([this](std::error_code error) {
        if (!error) on_sweep();
    });
}

void Shuttle::on_sweep() {
    const auto now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < deadlines_.size();) {
        if (deadlines_[i].at > now) {
            ++i;
            continue;
        }
        // The caller looks around and may run the same duplex again.
        Duplex& duplex = *deadlines_[i].duplex;
        deadlines_[i] = deadlines_.back();
        deadlines_.pop_back();
        finish(duplex, End::interrupted);
    }
    const std::uint32_t now_s = seconds_now();
    if (now_s != idle_checked_at_s_) {  // the walk is long, the fine sweeps are many
        idle_checked_at_s_ = now_s;
        for (Duplex* duplex = first_; duplex;) {
            Duplex* next = duplex->next_;
            if (now_s - duplex->active_at_s_ > idle_s_) finish(*duplex, End::idle);
            duplex = next;
        }
    }
    if (count_ > 0) arm_sweep();
    run_finished();
}

void Shuttle::pause() { ready_.release(); }

Result<void> Shuttle::resume() {
    auto set = platform::ReadinessSet::make();
    if (!set) {
        ready_.assign(set_.handle());  // as it was, so that the owner may end in order
        interrupt_all();
        return fail(set.error());
    }
    set_ = std::move(*set);
    ready_.assign(set_.handle());
    for (Duplex* duplex = first_; duplex;) {
        Duplex* next = duplex->next_;
        // Adding tells the state now, so that nothing is missed.
        bool is_added = true;
        for (std::size_t i = 0; i < 2; ++i)
            is_added &= set_.add(duplex->sockets()[i], &duplex->sides_[i]).has_value();
        if (!is_added) finish(*duplex, End::interrupted);
        duplex = next;
    }
    run_finished();
    arm();
    return {};
}

void Shuttle::interrupt_all() {
    while (first_) finish(*first_, End::interrupted);
    run_finished();
}

void Shuttle::interrupt_between_calls(std::chrono::seconds quiet) {
    const std::uint32_t now_s = seconds_now();
    for (Duplex* duplex = first_; duplex;) {
        Duplex* next = duplex->next_;
        if (duplex->is_between_calls() && now_s - duplex->active_at_s_ >= quiet.count())
            finish(*duplex, End::interrupted);
        duplex = next;
    }
    run_finished();
}

}  // namespace halton::net
