// No two parties may crash the tap, and what it tells must not depend on how their bytes are cut.
// An input is what both say: byte 1 lets the client speak, 2 the upstream; 3 ends the client's
// side, 4 the upstream's. All other bytes are said.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "http/h1_tap.h"

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
        Direction direction = Direction::to_upstream;
        while (!script.empty()) {
            const char first = script.front();
            if (first >= 1 && first <= 4) {
                script.remove_prefix(1);
                direction =
                    first == 1 || first == 3 ? Direction::to_upstream : Direction::to_client;
                if (first <= 2) continue;
                EventList events;
                tap_.finish(direction, events);
                note(events, {});
                continue;
            }
            const auto said = script.substr(0, script.find_first_of("\x01\x02\x03\x04"));
            script.remove_prefix(said.size());
            for (std::size_t at = 0; at < said.size(); at += piece_bytes_) {
                const std::string piece(said.substr(at, piece_bytes_));
                EventList events;
                tap_.feed(direction, piece, events);
                note(events, piece);
            }
        }
        EventList events;
        tap_.abort(events);
        note(events, {});
        require(is_over_ || is_upgraded_ || open_count_ == 0);
        return text_;
    }

private:
    void note(const EventList& events, std::string_view piece) {
        for (const Event& event : events) {
            require(!is_over_);
            require(!is_upgraded_ || event.kind == Event::Kind::socket_bytes);
            if (!event.bytes.empty())
                require(event.bytes.data() >= piece.data() &&
                        event.bytes.data() + event.bytes.size() <= piece.data() + piece.size());
            note(event);
        }
        require(tap_.is_blind() || tap_.is_upgraded() || !is_over_);
    }

    void note(const Event& event) {
        const std::string start = std::to_string(static_cast<int>(event.kind)) + ' ' +
                                  std::to_string(event.stream) + ' ' +
                                  std::to_string(static_cast<int>(event.direction));
        const bool is_body = event.kind == Event::Kind::request_body ||
                             event.kind == Event::Kind::response_body ||
                             event.kind == Event::Kind::socket_bytes;
        if (!is_body || start != body_of_) text_ += '\n' + start + ' ';
        body_of_ = is_body ? start : "";
        text_ += event.bytes;
        if (!event.is_complete) text_ += "cut";

        if (event.kind == Event::Kind::lost) {
            is_over_ = true;
            return;
        }
        int& stage = stages_[event.stream];
        require(stage != over);
        switch (event.kind) {
            case Event::Kind::request_head:
                require(stage == none && event.stream == ++stream_count_);
                require(++open_count_ <= limits::pipelined_exchanges_max);
                stage = asked;
                text_ += event.request->method + event.request->target +
                         fields_text(event.request->headers);
                break;
            case Event::Kind::response_head:
                require(stage == asked);
                stage = answered;
                text_ +=
                    std::to_string(event.response->status) + fields_text(event.response->headers);
                break;
            case Event::Kind::response_body: require(stage == answered); break;
            case Event::Kind::response_end:
                require(stage == answered || !event.is_complete);
                stage = over;
                --open_count_;
                break;
            case Event::Kind::upgraded:
                require(stage == answered);
                is_upgraded_ = true;
                break;
            case Event::Kind::socket_bytes:
                require(is_upgraded_ && stage == answered && !event.bytes.empty());
                break;
            default: require(stage != none); break;
        }
    }

    enum Stage { none, asked, answered, over };

    H1Tap tap_;
    std::size_t piece_bytes_;
    std::map<std::uint32_t, int> stages_;
    std::uint32_t stream_count_ = 0;
    std::size_t open_count_ = 0;
    bool is_over_ = false;
    bool is_upgraded_ = false;
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
