#include "roles/api_server.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <asio/experimental/as_tuple.hpp>
#include <asio/use_awaitable.hpp>

#include "api/pages.h"
#include "api/rows_json.h"
#include "base/limits.h"
#include "base/log.h"
#include "meter/body_capture.h"
#include "store/reader.h"

namespace halton::roles {
namespace {

using std::chrono::steady_clock;

net::HttpAnswer to_http(api::Answer answer, std::string_view cors_origin) {
    api::add_security_headers(answer, cors_origin);
    net::HttpAnswer made{answer.status, std::move(answer.content_type), std::move(answer.body), {}};
    for (auto& [name, value] : answer.headers) made.headers.add(std::move(name), std::move(value));
    return made;
}

// What a route throws (no memory, a bug) is its question's problem and not the daemon's end.
template <class Answer, class Call, class Say>
Answer call_or(const Call& call, const Say& say) {
    try {
        return call();
    } catch (const std::exception& error) {
        log_event(LogLevel::error, "api.bug", {{"what", error.what()}});
        return say();
    }
}

}  // namespace

void WatchedSink::offer(meter::CallRecord call) noexcept {
    show(call);
    next_.offer(std::move(call));
}

void WatchedSink::offer_with_bodies(meter::CallRecord call,
                                    std::unique_ptr<meter::CallBodies> bodies) noexcept {
    show(call);
    next_.offer_with_bodies(std::move(call), std::move(bodies));
}

// Whoever only watches must not cost the row.
void WatchedSink::show(const meter::CallRecord& call) noexcept {
    try {
        metrics_.count(call);
        live_.publish_call(call.id, [call] { return api::to_call_json(call); });
    } catch (const std::exception&) {
        log_event(LogLevel::warn, "api.live_event_lost");
    }
}

struct ApiServer::Worker {
    Worker(asio::io_context& io, const std::filesystem::path& database, bool slow)
        : reader(database), is_slow(slow), blocking(io) {}
    store::Reader reader;
    bool is_slow;
    bool is_free = true;
    net::Blocking blocking;  // destroyed first: its last job may still read
};

struct ApiServer::Waiting {
    asio::steady_timer timer;
    bool is_slow;
};

ApiServer::Lease::~Lease() {
    if (worker_ != nullptr) server_->give_back(*worker_);
}

ApiServer::ApiServer(Parts parts)
    : parts_(std::move(parts)),
      server_(parts_.limits,
              {.connection_count_max = limits::api_connection_count_max,
               .connection_count_crowded = limits::api_connection_count_crowded,
               .body_bytes_max = limits::api_body_bytes_max},
              [this](net::HttpExchange& exchange) { return handle(exchange); }),
      watch_timer_(parts_.io) {
    for (std::size_t i = 0; i < limits::api_reader_count + 1; ++i)
        workers_.push_back(std::make_unique<Worker>(parts_.io, parts_.sources.database,
                                                    i == limits::api_reader_count));
}

ApiServer::~ApiServer() {
    for (const auto& worker : workers_) worker->reader.interrupt();
}

asio::awaitable<ApiServer::Lease> ApiServer::take(bool is_slow, net::HttpExchange& exchange) {
    const auto until = steady_clock::now() + limits::api_query_time;
    Waiting waiting{asio::steady_timer(parts_.io), is_slow};
    bool is_first = true;
    while (!is_stopping_) {
        // Who came before is before; who was woken is the first.
        const bool is_turn =
            !is_first || std::none_of(waiting_.begin(), waiting_.end(), [&](const Waiting* other) {
                return other->is_slow == is_slow;
            });
        const auto free = std::find_if(workers_.begin(), workers_.end(), [&](const auto& worker) {
            return worker->is_free && worker->is_slow == is_slow;
        });
        if (is_turn && free != workers_.end()) {
            (*free)->is_free = false;
            co_return Lease(*this, free->get());
        }
        if (waiting_.size() >= limits::api_query_queue_max || steady_clock::now() >= until) break;
        is_first = false;
        waiting_.push_back(&waiting);
        waiting.timer.expires_after(limits::api_leave_look);
        co_await waiting.timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        std::erase(waiting_, &waiting);
        const bool is_over = co_await net::is_cancelled();
        if (is_over || exchange.has_client_gone()) break;
    }
    co_return Lease(*this, nullptr);
}

void ApiServer::give_back(Worker& worker) {
    worker.is_free = true;
    const auto next = std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting* waiting) {
        return waiting->is_slow == worker.is_slow;
    });
    if (next != waiting_.end()) (*next)->timer.cancel();
}

asio::awaitable<void> ApiServer::handle(net::HttpExchange& exchange) {
    const auto& head = exchange.head();
    const api::Guard guard{parts_.allow_origins, parts_.token};
    auto passed = api::check_caller(head, guard);
    std::optional<api::Answer> answer = std::move(passed.refusal);
    if (!answer) answer = api::find_page(head);
    const api::Route* route = nullptr;
    api::Request request;
    if (!answer) {
        auto parsed = api::parse_request(head.method, head.target);
        if (parsed) {
            request = std::move(*parsed);
            request.body = exchange.body();
            if (const auto* id = head.headers.find("Last-Event-ID")) request.last_event_id = *id;
            api::resolve_alias(request);
            std::string allowed;
            route = api::find_route(request, allowed);
            if (route == nullptr && allowed.empty()) {
                answer = api::make_problem(404, "no such route; see /v1/openapi.json");
            } else if (route == nullptr) {
                answer = api::make_problem(405, "this route does not take that method");
                answer->headers.emplace_back("Allow", allowed);
            }
        } else {
            answer = api::make_problem(
                parsed.error().kind == ErrorKind::malformed && !head.target.starts_with('/') ? 404
                                                                                             : 400,
                parsed.error().context);
        }
    }
    if (!answer && route->needs_token)
        answer = api::check_token(head, guard, !route->takes.empty());
    if (!answer) answer = api::check_query(*route, request);
    if (!answer && route->runs == api::Runs::live) {
        co_await follow(request, exchange, passed.cors_origin);
        co_return;
    }
    if (!answer) answer = co_await run(*route, request, exchange);
    if (answer->more) {
        const auto more = std::make_shared<const Piece>(std::move(answer->more));
        const auto made = to_http(std::move(*answer), passed.cors_origin);
        const auto begun = co_await exchange.begin(made);
        if (begun) co_await stream(more, exchange);
        co_return;
    }
    const auto made = to_http(std::move(*answer), passed.cors_origin);
    (void)co_await exchange.send(made);
}

// On the route's thread, interrupted when it takes too long or the client has left.
asio::awaitable<api::Answer> ApiServer::run(const api::Route& route, const api::Request& request,
                                            net::HttpExchange& exchange) {
    if (route.runs == api::Runs::io) {
        const auto facts = parts_.facts();
        co_return route.answer({request, facts, parts_.sources});
    }
    const bool is_slow = route.runs != api::Runs::reader;
    const auto lease = co_await take(is_slow, exchange);
    if (lease.get() == nullptr) co_return api::make_problem(503, "too many queries run; try again");
    store::Reader& reader = lease.get()->reader;
    // The job may outlive this coroutine when the daemon ends.
    struct Job {
        api::Request request;
        api::DaemonFacts facts;
    };
    const auto job = std::make_shared<Job>(Job{request, parts_.facts()});
    auto pending = lease.get()->blocking.start<api::Answer>([job, &route, &reader, this] {
        return call_or<api::Answer>(
            [&] {
                return route.answer({job->request, job->facts, parts_.sources, &reader});
            },
            [] { return api::make_problem(500, "this failed inside: see the daemon's log"); });
    });
    if (!pending) co_return api::make_problem(503, "too many queries run; try again");
    const auto until = steady_clock::now() + limits::api_query_time;
    for (;;) {
        auto answer = co_await pending->wait(limits::api_leave_look);
        if (answer) co_return std::move(*answer);
        const bool is_over = is_stopping_ || steady_clock::now() >= until;
        if (is_over || exchange.has_client_gone()) reader.interrupt();
    }
}

asio::awaitable<void> ApiServer::stream(std::shared_ptr<const Piece> more,
                                        net::HttpExchange& exchange) {
    while (!exchange.is_head() && !is_stopping_) {
        // Between two pieces others have their turn.
        std::optional<Result<std::string>> piece;
        {
            const auto lease = co_await take(false, exchange);
            if (lease.get() == nullptr) co_return;
            store::Reader& reader = lease.get()->reader;
            auto pending = lease.get()->blocking.start<Result<std::string>>([more, &reader] {
                return call_or<Result<std::string>>(
                    [&] { return (*more)(reader); },
                    []() -> Result<std::string> { return fail(ErrorKind::io, "a bug"); });
            });
            if (!pending) co_return;
            while (!piece) {
                piece = co_await pending->wait(limits::api_leave_look);
                if (!piece && (is_stopping_ || exchange.has_client_gone())) reader.interrupt();
            }
        }
        // Cut off, which the client can see.
        if (!*piece) co_return;
        if ((*piece)->empty()) break;
        const auto sent = co_await exchange.write(**piece);
        if (!sent) co_return;
    }
    (void)co_await exchange.end();
}

asio::awaitable<void> ApiServer::follow(const api::Request& request, net::HttpExchange& exchange,
                                        std::string_view cors_origin) {
    const auto reader = parts_.live.join(request.last_event_id);
    if (!reader) {
        const auto full =
            to_http(api::make_problem(503, "too many readers of the live feed"), cors_origin);
        (void)co_await exchange.send(full);
        co_return;
    }
    watch_timer_.cancel();
    // A name for it: gcc 12 destroys unnamed aggregates twice where a coroutine waits.
    const auto head = to_http({200, {}, "text/event-stream; charset=utf-8"}, cors_origin);
    const auto begun = co_await exchange.begin(head);
    if (!begun) co_return;
    asio::steady_timer timer(parts_.io);
    bool is_woken = false;
    reader->wake = [&timer, &is_woken] {
        is_woken = true;
        timer.cancel();
    };
    const auto facts = parts_.facts();
    std::string text = "retry: 1000\n\n";
    text += api::to_event("hello", {},
                          api::to_live_hello({facts.running_calls, facts.request_count_last_hour},
                                             reader->is_resumed()));
    while (!is_stopping_ && !exchange.is_head()) {
        text += reader->take();
        is_woken = false;
        if (text.empty()) text = ": still there\n\n";
        const auto sent = co_await exchange.write(text);
        if (!sent) break;
        text.clear();
        if (!is_woken) {
            timer.expires_after(limits::live_heartbeat);
            co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        }
        const bool is_over = co_await net::is_cancelled();
        if (is_over || exchange.has_client_gone()) break;
    }
    reader->wake = nullptr;
    (void)co_await exchange.end();
}

asio::awaitable<void> ApiServer::watch() {
    api::LiveState told;
    for (;;) {
        const bool is_watched = parts_.live.reader_count() > 0;
        if (is_watched) {
            const auto facts = parts_.facts();
            const api::LiveState state{facts.running_calls, facts.request_count_last_hour};
            if (state != told) parts_.live.publish("state", api::to_live_state(state));
            told = state;
            watch_timer_.expires_after(limits::live_state_pause);
        } else {
            // A first reader ends it.
            watch_timer_.expires_at(steady_clock::time_point::max());
        }
        co_await watch_timer_.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        const bool is_over = co_await net::is_cancelled();
        if (is_over) co_return;
    }
}

asio::awaitable<void> ApiServer::stop() {
    is_stopping_ = true;
    for (Waiting* waiting : waiting_) waiting->timer.cancel();
    asio::steady_timer timer(parts_.io);
    // The threads are waited for in any case, and calls flow only as long as that is done here.
    const auto until = steady_clock::now() + std::chrono::seconds(15);
    const auto is_busy = [this] {
        return std::any_of(workers_.begin(), workers_.end(),
                           [](const auto& worker) { return !worker->is_free; });
    };
    // A route asks several queries; each of them has to hear it.
    while (is_busy() && steady_clock::now() < until) {
        for (const auto& worker : workers_) worker->reader.interrupt();
        timer.expires_after(std::chrono::milliseconds(5));
        co_await timer.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
    }
    for (const auto& worker : workers_) {
        worker->blocking.pause();
        worker->reader.close();
    }
}

}  // namespace halton::roles
