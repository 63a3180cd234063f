// Replays one recorded exchange through the observer, cut as one likes, and gives back its rows.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "meter/call.h"
#include "meter/observer.h"
#include "meter/pricing.h"
#include "support/fake_clock.h"

namespace halton::test {

struct RecordedExchange {
    std::string host;
    std::string method;
    std::string target;
    std::vector<http::Header> request_headers;
    std::string request_body;
    int status = 200;
    std::vector<http::Header> response_headers;
    std::string response_body;
};

class CollectingSink : public meter::CallSink {
public:
    void offer(meter::CallRecord call) noexcept override { calls.push_back(std::move(call)); }
    std::vector<meter::CallRecord> calls;
};

namespace detail {

inline http::HeaderList to_list(const std::vector<http::Header>& headers) {
    http::HeaderList list;
    for (const http::Header& header : headers) list.add(header.name, header.value);
    return list;
}

}  // namespace detail

// Bodies in pieces of `piece_bytes`; `is_complete` false: the response ends without its end.
inline std::vector<meter::CallRecord> replay(
    const RecordedExchange& exchange, std::size_t piece_bytes, bool is_complete = true,
    const meter::PriceBook& prices = meter::PriceBook::bundled(),
    const meter::ProviderTable* providers = nullptr, meter::PendingAnswers* pending = nullptr) {
    using Kind = http::Event::Kind;
    FakeClock clock;
    CollectingSink sink;
    meter::CallObserver observer(
        {exchange.host, "demo", "default", "/home/ada/demo", providers, pending}, prices, sink,
        clock);
    http::EventList events;
    const auto show = [&](http::Event event) {
        event.stream = 1;
        events.assign(1, event);
        observer.on_events(events);
        clock.advance(std::chrono::milliseconds(1));
    };
    const auto show_body = [&](Kind kind, std::string_view body) {
        while (!body.empty()) {
            // A buffer of its own per piece: views must not be kept.
            const std::string piece(body.substr(0, piece_bytes));
            body.remove_prefix(piece.size());
            http::Event event{kind};
            event.bytes = piece;
            show(event);
        }
    };
    const http::RequestHead request{exchange.method, exchange.target, 1,
                                    detail::to_list(exchange.request_headers)};
    const http::ResponseHead response{exchange.status, 1, "", detail::to_list(exchange.response_headers)};
    http::Event head{Kind::request_head};
    head.request = &request;
    show(head);
    show_body(Kind::request_body, exchange.request_body);
    show(http::Event{Kind::request_end});
    http::Event answer{Kind::response_head};
    answer.response = &response;
    show(answer);
    show_body(Kind::response_body, exchange.response_body);
    http::Event end{Kind::response_end};
    end.is_complete = is_complete;
    show(end);
    return std::move(sink.calls);
}

}  // namespace halton::test
