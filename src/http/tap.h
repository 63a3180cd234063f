// Tap: the tap of a connection by the protocol that its ends agreed on; the interface of both.
#pragma once

#include <string_view>
#include <variant>

#include "http/h1_tap.h"
#include "http/h2_tap.h"

namespace halton::http {

class Tap {
public:
    // `protocol`: the one that ALPN chose; none means HTTP/1.1.
    explicit Tap(std::string_view protocol) {
        if (protocol == "h2") tap_.emplace<H2Tap>();
    }

    // Whether there is a tap for what ALPN chose.
    static bool knows(std::string_view protocol) {
        return protocol.empty() || protocol == "http/1.1" || protocol == "h2";
    }

    void feed(Direction direction, std::string_view bytes, EventList& events) {
        std::visit([&](auto& tap) { tap.feed(direction, bytes, events); }, tap_);
    }
    void finish(Direction direction, EventList& events) {
        std::visit([&](auto& tap) { tap.finish(direction, events); }, tap_);
    }
    void abort(EventList& events) {
        std::visit([&](auto& tap) { tap.abort(events); }, tap_);
    }
    void release() {
        std::visit([](auto& tap) { tap.release(); }, tap_);
    }
    bool is_blind() const {
        return std::visit([](const auto& tap) { return tap.is_blind(); }, tap_);
    }
    bool is_upgraded() const {
        return std::visit([](const auto& tap) { return tap.is_upgraded(); }, tap_);
    }

private:
    std::variant<H1Tap, H2Tap> tap_;  // each one pointer
};

}  // namespace halton::http
