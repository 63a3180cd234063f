#include "http/h2_tap.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "base/limits.h"
#include "base/text.h"
#include "http/h2_frames.h"

namespace halton::http {
namespace {

constexpr std::string_view client_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Section 6.5.2.
constexpr std::uint32_t setting_header_table_size = 1;
constexpr std::uint32_t setting_max_frame_size = 5;
constexpr std::uint32_t frame_size_min = 16'384;
constexpr std::uint32_t frame_size_max = 16'777'215;

struct InflaterDeleter {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
};
using Inflater = std::unique_ptr<nghttp2_hd_inflater, InflaterDeleter>;

Inflater make_inflater() {
    nghttp2_hd_inflater* inflater = nullptr;
    if (nghttp2_hd_inflate_new(&inflater) != 0) return nullptr;
    return Inflater(inflater);
}

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

// A request whose answer has not ended yet.
struct Stream {
    std::uint32_t id = 0;
    std::uint32_t exchange = 0;
    bool is_request_over = false;
    bool has_answer = false;  // its final head
};

// A header block that is being read: one or more frames, and none of others between.
struct Block {
    std::uint32_t stream = 0;
    bool is_end_stream = false;
    // Its fields make a head. Others (trailers, promises, what came too late) are decoded only
    // because the table of the direction depends on them.
    bool is_head = false;
    bool is_bad = false;  // malformed, or over a limit
    bool has_protocol = false;
    bool has_regular_field = false;
    std::size_t wire_bytes = 0;
    std::size_t head_bytes = 0;
    std::string method, path, authority, status;
    HeaderList headers;

    void add(std::string_view name, std::string_view value);
    void set(std::string& pseudo, std::string_view value);
};

void Block::set(std::string& pseudo, std::string_view value) {
    // Twice, empty or behind others: malformed (section 8.3).
    if (!pseudo.empty() || value.empty() || has_regular_field)
        is_bad = true;
    else
        pseudo = value;
}

void Block::add(std::string_view name, std::string_view value) {
    if (!is_head || is_bad) return;
    head_bytes += name.size() + value.size();
    if (head_bytes > limits::head_bytes_max) {
        is_bad = true;
        return;
    }
    if (name.starts_with(':')) {
        if (name == ":method")
            set(method, value);
        else if (name == ":path")
            set(path, value);
        else if (name == ":authority")
            set(authority, value);
        else if (name == ":status")
            set(status, value);
        else if (name == ":protocol")
            has_protocol = true;
        else if (name != ":scheme")
            is_bad = true;
        return;
    }
    has_regular_field = true;
    if (name == "host" && !authority.empty()) return;  // says the same, or is a lie
    if (headers.all().size() >= limits::header_count_max)
        is_bad = true;
    else
        headers.add(std::string(name), std::string(value));
}

// One direction of the connection.
struct Side {
    H2FrameReader frames;
    Inflater inflater = make_inflater();
    std::uint32_t table_bytes_max = NGHTTP2_DEFAULT_HEADER_TABLE_SIZE;  // of the inflater
    std::uint32_t table_bytes_allowed = NGHTTP2_DEFAULT_HEADER_TABLE_SIZE;
    std::unique_ptr<Block> block;
    bool has_begun = false;  // its first frame was there
};

std::size_t index_of(Direction direction) { return direction == Direction::to_upstream ? 0 : 1; }

bool is_of_client(std::uint32_t stream) { return stream % 2 == 1; }

}  // namespace

struct H2Tap::State {
    std::array<Side, 2> sides;  // of the sender: 0 the client, 1 the upstream
    std::string_view preface_left = client_preface;
    std::vector<Stream> open;       // by id, as they came
    std::uint32_t last_stream = 0;  // of the client
    std::uint32_t exchange_count = 0;

    // Heads that the events of the last feed point to.
    std::vector<std::unique_ptr<RequestHead>> shown_requests;
    std::vector<std::unique_ptr<ResponseHead>> shown_responses;
    std::size_t shown_bytes = 0;

    bool is_blind = false;
    bool is_over = false;  // the upstream ended: nothing more to tell
    bool has_client_ended = false;

    EventList* events = nullptr;  // during a call

    bool is_silent() const { return is_blind || is_over; }
    Event& emit(Event::Kind kind, std::uint32_t exchange) {
        Event event{};
        event.kind = kind;
        event.stream = exchange;
        return events->emplace_back(event);
    }

    void read(Direction direction, std::string_view bytes);
    bool take_preface(std::string_view& bytes);
    void turn_blind();
    void release_heads();
    void end_all_open();

    // False: it makes no sense.
    bool begin_frame(Direction direction, Side& side);
    bool begin_block(Direction direction, Side& side, bool is_promise);
    bool read_content(Direction direction, Side& side);
    void read_data(Direction direction, Side& side);
    bool read_setting(Direction direction, std::string_view record);
    bool end_frame(Direction direction, Side& side);
    bool inflate(Side& side, std::string_view bytes, bool is_final);

    bool is_idle(std::uint32_t stream) const {
        return is_of_client(stream) && stream > last_stream;
    }
    Stream* find(std::uint32_t id);
    bool end_block(Direction direction, Side& side);
    void begin_request(Block& block);
    void begin_answer(Stream& stream, Block& block);
    void end_stream(Direction direction, std::uint32_t id);
    void end_exchange(std::uint32_t id, bool is_complete, Leg leg = Leg::upstream);
    void end_above(std::uint32_t last_id);
};

void H2Tap::State::turn_blind() {
    emit(Event::Kind::lost, 0);
    is_blind = true;
}

void H2Tap::State::release_heads() {
    shown_requests.clear();
    shown_responses.clear();
    shown_bytes = 0;
    if (!is_silent()) return;
    for (Side& side : sides) {
        side.inflater.reset();
        side.block.reset();
    }
    std::vector<Stream>().swap(open);
}

void H2Tap::State::end_all_open() {
    for (const Stream& stream : open) {
        Event& event = emit(Event::Kind::response_end, stream.exchange);
        event.is_complete = false;
        event.leg = has_client_ended ? Leg::client : Leg::upstream;
    }
    open.clear();
    is_over = true;
}

bool H2Tap::State::take_preface(std::string_view& bytes) {
    const std::size_t size = std::min(bytes.size(), preface_left.size());
    if (!preface_left.starts_with(bytes.substr(0, size))) return false;
    preface_left.remove_prefix(size);
    bytes.remove_prefix(size);
    return true;
}

void H2Tap::State::read(Direction direction, std::string_view bytes) {
    using Step = H2FrameReader::Step;
    Side& side = sides[index_of(direction)];
    if (!side.inflater) return turn_blind();  // no memory
    if (direction == Direction::to_upstream && !take_preface(bytes)) return turn_blind();
    for (;;) {
        bool makes_sense = false;
        switch (side.frames.next(bytes)) {
            case Step::need_more: return;
            case Step::begin: makes_sense = begin_frame(direction, side); break;
            case Step::content: makes_sense = read_content(direction, side); break;
            case Step::end: makes_sense = end_frame(direction, side); break;
            case Step::broken: break;
        }
        if (!makes_sense) return turn_blind();
    }
}

// Frames where they cannot be (the sections of 6) and streams that cannot be.
bool H2Tap::State::begin_frame(Direction direction, Side& side) {
    const H2FrameHead& frame = side.frames.frame();
    const bool is_up = direction == Direction::to_upstream;
    if (!std::exchange(side.has_begun, true) &&
        (frame.type != H2FrameType::settings || frame.is_ack()))
        return false;
    const bool is_continued =
        frame.type == H2FrameType::continuation && side.block && frame.stream == side.block->stream;
    if (side.block && !is_continued) return false;
    const bool has_stream =
        frame.stream != 0 && !is_idle(frame.stream) && (!is_up || is_of_client(frame.stream));
    switch (frame.type) {
        case H2FrameType::data: return has_stream;
        case H2FrameType::headers: return begin_block(direction, side, false);
        case H2FrameType::push_promise:
            return !is_up && has_stream && begin_block(direction, side, true);
        case H2FrameType::continuation: return is_continued;
        case H2FrameType::rst_stream: return frame.stream != 0 && !is_idle(frame.stream);
        case H2FrameType::settings:
            return frame.stream == 0 && (!frame.is_ack() || frame.length == 0);
        case H2FrameType::ping:
        case H2FrameType::goaway: return frame.stream == 0;
        case H2FrameType::priority: return frame.stream != 0;
        case H2FrameType::window_update: break;
    }
    return true;
}

bool H2Tap::State::begin_block(Direction direction, Side& side, bool is_promise) {
    const H2FrameHead& frame = side.frames.frame();
    if (frame.stream == 0) return false;
    if (side.table_bytes_allowed > side.table_bytes_max) {
        side.table_bytes_max = side.table_bytes_allowed;
        if (nghttp2_hd_inflate_change_table_size(side.inflater.get(), side.table_bytes_max) != 0)
            return false;
    }
    side.block = std::make_unique<Block>();
    side.block->stream = frame.stream;
    side.block->is_end_stream = !is_promise && frame.is_end_stream();
    if (is_promise) return true;
    if (direction == Direction::to_upstream) {
        if (!is_of_client(frame.stream)) return false;
        side.block->is_head = is_idle(frame.stream);
        last_stream = std::max(last_stream, frame.stream);
        return true;
    }
    const Stream* const stream = find(frame.stream);
    side.block->is_head = stream != nullptr && !stream->has_answer;
    return !is_idle(frame.stream);
}

bool H2Tap::State::read_content(Direction direction, Side& side) {
    const H2FrameHead& frame = side.frames.frame();
    const std::string_view content = side.frames.content();
    const bool is_up = direction == Direction::to_upstream;
    switch (frame.type) {
        case H2FrameType::data: read_data(direction, side); return true;
        case H2FrameType::headers:
        case H2FrameType::push_promise:
        case H2FrameType::continuation: return inflate(side, content, false);
        case H2FrameType::settings: return read_setting(direction, content);
        case H2FrameType::rst_stream:
            end_exchange(frame.stream, false, is_up ? Leg::client : Leg::upstream);
            return true;
        case H2FrameType::goaway:
            if (!is_up) end_above(read_number(content, 0, 4) & 0x7fffffff);
            return true;
        default: return true;
    }
}

void H2Tap::State::read_data(Direction direction, Side& side) {
    const Stream* const stream = find(side.frames.frame().stream);
    if (stream == nullptr) return;
    const bool is_up = direction == Direction::to_upstream;
    if (is_up ? stream->is_request_over : !stream->has_answer) return;
    const auto kind = is_up ? Event::Kind::request_body : Event::Kind::response_body;
    emit(kind, stream->exchange).bytes = side.frames.content();
}

// What one side says holds for the bytes of the other. An encoder tells in its own bytes when it
// changes its table, and how far; here only the ceiling is kept, and a lowered one takes nothing
// back. So it does not matter which frames were on their way when it was announced.
bool H2Tap::State::read_setting(Direction direction, std::string_view record) {
    Side& other = sides[1 - index_of(direction)];
    const std::uint32_t id = read_number(record, 0, 2);
    const std::uint32_t value = read_number(record, 2, 4);
    if (id == setting_header_table_size) {
        constexpr auto ceiling = static_cast<std::uint32_t>(limits::h2_table_bytes_max);
        other.table_bytes_allowed = std::max(other.table_bytes_allowed, std::min(value, ceiling));
    }
    if (id == setting_max_frame_size) {
        if (value < frame_size_min || value > frame_size_max) return false;
        other.frames.allow_frame_bytes(value);
    }
    return true;
}

bool H2Tap::State::end_frame(Direction direction, Side& side) {
    const H2FrameHead& frame = side.frames.frame();
    if (side.block && frame.is_end_headers()) {
        if (!inflate(side, {}, true)) return false;
        return end_block(direction, side);
    }
    if (frame.type == H2FrameType::data && frame.is_end_stream())
        end_stream(direction, frame.stream);
    return true;
}

// Errors of the coding are errors of the connection (RFC 7541): the table is lost with them.
bool H2Tap::State::inflate(Side& side, std::string_view bytes, bool is_final) {
    Block& block = *side.block;
    block.wire_bytes += bytes.size();
    if (block.wire_bytes > limits::h2_header_block_bytes_max) return false;
    for (;;) {
        nghttp2_nv field{};
        int flags = 0;
        const auto used = nghttp2_hd_inflate_hd2(
            side.inflater.get(), &field, &flags,
            reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), is_final ? 1 : 0);
        if (used < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(used));
        const bool has_field = flags & NGHTTP2_HD_INFLATE_EMIT;
        if (has_field)
            block.add(view(field.name, field.namelen), view(field.value, field.valuelen));
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            nghttp2_hd_inflate_end_headers(side.inflater.get());
            return true;
        }
        if (!has_field && bytes.empty()) return true;
    }
}

bool H2Tap::State::end_block(Direction direction, Side& side) {
    const auto block = std::move(side.block);
    shown_bytes += block->head_bytes;
    if (shown_bytes > limits::h2_shown_head_bytes_max) return false;
    if (block->is_head && direction == Direction::to_upstream) begin_request(*block);
    Stream* const stream = find(block->stream);  // it may have ended while the block came
    if (block->is_head && direction == Direction::to_client && stream) {
        begin_answer(*stream, *block);
        return true;
    }
    if (block->is_end_stream) end_stream(direction, block->stream);
    return true;
}

void H2Tap::State::begin_request(Block& block) {
    const bool is_call =
        !block.is_bad && !block.has_protocol && !block.method.empty() && !block.path.empty();
    if (!is_call || open.size() >= limits::h2_open_streams_max) {
        emit(Event::Kind::unseen, 0);
        return;
    }
    auto head = std::make_unique<RequestHead>();
    head->method = std::move(block.method);
    head->target = std::move(block.path);
    if (!block.authority.empty()) head->headers.add("host", std::move(block.authority));
    for (const Header& header : block.headers.all()) head->headers.add(header.name, header.value);
    open.push_back({block.stream, ++exchange_count});
    emit(Event::Kind::request_head, exchange_count).request = head.get();
    shown_requests.push_back(std::move(head));
}

void H2Tap::State::begin_answer(Stream& stream, Block& block) {
    const auto status = parse_decimal(block.status);
    if (block.is_bad || block.status.size() != 3 || !status || *status < 100)
        return end_exchange(stream.id, false);
    if (*status < 200) {
        if (block.is_end_stream) end_exchange(stream.id, false);  // nothing may end with those
        return;
    }
    auto head = std::make_unique<ResponseHead>();
    head->status = static_cast<int>(*status);
    head->headers = std::move(block.headers);
    stream.has_answer = true;
    emit(Event::Kind::response_head, stream.exchange).response = head.get();
    shown_responses.push_back(std::move(head));
    if (block.is_end_stream) end_exchange(stream.id, true);
}

Stream* H2Tap::State::find(std::uint32_t id) {
    const auto found = std::lower_bound(
        open.begin(), open.end(), id,
        [](const Stream& stream, std::uint32_t wanted) { return stream.id < wanted; });
    return found != open.end() && found->id == id ? &*found : nullptr;
}

void H2Tap::State::end_stream(Direction direction, std::uint32_t id) {
    Stream* const stream = find(id);
    if (stream == nullptr) return;
    if (direction == Direction::to_client) return end_exchange(id, stream->has_answer);
    if (!std::exchange(stream->is_request_over, true))
        emit(Event::Kind::request_end, stream->exchange);
}

void H2Tap::State::end_exchange(std::uint32_t id, bool is_complete, Leg leg) {
    const Stream* const stream = find(id);
    if (stream == nullptr) return;
    Event& event = emit(Event::Kind::response_end, stream->exchange);
    event.is_complete = is_complete;
    event.leg = leg;
    open.erase(open.begin() + (stream - open.data()));
}

// The upstream is about to go and says which streams it will not answer (section 6.8).
void H2Tap::State::end_above(std::uint32_t last_id) {
    while (!open.empty() && open.back().id > last_id) end_exchange(open.back().id, false);
}

H2Tap::H2Tap() : state_(std::make_unique<State>()) {}
H2Tap::~H2Tap() = default;
H2Tap::H2Tap(H2Tap&&) noexcept = default;
H2Tap& H2Tap::operator=(H2Tap&&) noexcept = default;

void H2Tap::feed(Direction direction, std::string_view bytes, EventList& events) {
    State& state = *state_;
    state.release_heads();
    if (state.is_silent()) return;
    state.events = &events;
    state.read(direction, bytes);
}

void H2Tap::finish(Direction direction, EventList& events) {
    State& state = *state_;
    state.release_heads();
    if (state.is_silent()) return;
    state.events = &events;
    if (direction == Direction::to_client) {
        state.end_all_open();
        return state.release_heads();
    }
    state.has_client_ended = true;
    for (Stream& stream : state.open) {
        if (std::exchange(stream.is_request_over, true)) continue;
        state.emit(Event::Kind::request_end, stream.exchange).is_complete = false;
    }
}

void H2Tap::abort(EventList& events) {
    State& state = *state_;
    state.release_heads();
    if (state.is_silent()) return;
    state.events = &events;
    state.end_all_open();
    state.release_heads();
}

void H2Tap::release() { state_->release_heads(); }

bool H2Tap::is_blind() const { return state_->is_blind; }

}  // namespace halton::http
