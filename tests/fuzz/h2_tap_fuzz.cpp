// No two parties may crash the tap, and what it tells must not depend on how their bytes are cut.
// An input is a list of steps: a byte whose two low bits say what happens (0 the client speaks,
// 1 the upstream; 2 ends the client's side, 3 the upstream's), and for the first two the length of
// what is said in two bytes, and that.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "http/h2_tap.h"

using namespace halton;
using namespace halton::http;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

std::string fields_text(const HeaderList& headers) {
    std::string text;
    for (const Header& header : headers.all()) text += header.name + '=' + header.value + ';';
    return text;
}

// Checks the order of events and writes them down so that cuts of bodies do not show.
class Witness {
public:
    explicit Witness(std::size_t piece_bytes) : piece_bytes_(piece_bytes) {}

    std::string listen(std::string_view script) {
        while (!script.empty()) {
            const int what = script.front() & 3;
            const auto direction = what & 1 ? Direction::to_client : Direction::to_upstream;
            script.remove_prefix(1);
            EventList events;
            if (what >= 2) {
                tap_.finish(direction, events);
                note(events, {});
                continue;
            }
            if (script.size() < 2) break;
            const std::size_t size = static_cast<std::size_t>(
                static_cast<std::uint8_t>(script[0]) << 8 | static_cast<std::uint8_t>(script[1]));
            const auto said = script.substr(2, size);
            script.remove_prefix(2 + said.size());
            for (std::size_t at = 0; at < said.size(); at += piece_bytes_) {
                const std::string piece(said.substr(at, piece_bytes_));
                events.clear();
                tap_.feed(direction, piece, events);
                note(events, piece);
            }
        }
        EventList events;
        tap_.abort(events);
        note(events, {});
        require(is_blind_ || open_count_ == 0);
        return text_;
    }

private:
    void note(const EventList& events, std::string_view piece) {
        for (const Event& event : events) {
            require(!is_blind_);
            if (!event.bytes.empty())
                require(event.bytes.data() >= piece.data() &&
                        event.bytes.data() + event.bytes.size() <= piece.data() + piece.size());
            note(event);
        }
        require(tap_.is_blind() == is_blind_);
    }

    void note(const Event& event) {
        const std::string start =
            std::to_string(static_cast<int>(event.kind)) + ' ' + std::to_string(event.stream);
        const bool is_body =
            event.kind == Event::Kind::request_body || event.kind == Event::Kind::response_body;
        if (!is_body || start != body_of_) text_ += '\n' + start + ' ';
        body_of_ = is_body ? start : "";
        text_ += event.bytes;
        if (!event.is_complete) text_ += event.leg == Leg::client ? "left" : "cut";

        if (event.kind == Event::Kind::lost) {
            is_blind_ = true;
            return;
        }
        if (event.kind == Event::Kind::unseen) return require(event.stream == 0);
        Exchange& exchange = exchanges_[event.stream];
        require(exchange.stage != over);
        switch (event.kind) {
            case Event::Kind::request_head:
                require(exchange.stage == none && event.stream == ++stream_count_);
                require(++open_count_ <= limits::h2_open_streams_max);
                require(!event.request->method.empty() && !event.request->target.empty());
                exchange.stage = asked;
                text_ += event.request->method + event.request->target +
                         fields_text(event.request->headers);
                break;
            case Event::Kind::request_body:
                require(exchange.stage != none && !exchange.is_request_over);
                break;
            case Event::Kind::request_end:
                require(exchange.stage != none && !exchange.is_request_over);
                exchange.is_request_over = true;
                break;
            case Event::Kind::response_head:
                require(exchange.stage == asked);
                exchange.stage = answered;
                text_ +=
                    std::to_string(event.response->status) + fields_text(event.response->headers);
                break;
            case Event::Kind::response_body: require(exchange.stage == answered); break;
            case Event::Kind::response_end:
                require(exchange.stage == answered || !event.is_complete);
                exchange.stage = over;
                --open_count_;
                break;
            default: require(false); break;  // a connection is never upgraded
        }
    }

    enum Stage { none, asked, answered, over };
    struct Exchange {
        Stage stage = none;
        bool is_request_over = false;
    };

    H2Tap tap_;
    std::size_t piece_bytes_;
    std::map<std::uint32_t, Exchange> exchanges_;
    std::uint32_t stream_count_ = 0;
    std::size_t open_count_ = 0;
    bool is_blind_ = false;
    std::string text_;
    std::string body_of_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view script(reinterpret_cast<const char*>(data), size);
    const std::string whole = Witness(size + 1).listen(script);
    for (const std::size_t piece_bytes : {1, 2, 5, 17})
        require(Witness(piece_bytes).listen(script) == whole);
    return 0;
}
