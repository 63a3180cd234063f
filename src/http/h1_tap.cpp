#include "http/h1_tap.h"

#include <utility>
#include <vector>

#include <llhttp.h>

#include "base/limits.h"
#include "base/text.h"
#include "http/websocket.h"

namespace halton::http {
namespace {

// A request whose answer has not ended yet.
struct Exchange {
    std::uint32_t stream = 0;
    bool is_head = false;
    bool is_connect = false;
};

// One direction of the connection: its parser and the header field that it is in.
struct Reader {
    llhttp_t parser{};
    Header* header = nullptr;  // of the head being read; null between fields
    std::size_t head_bytes = 0;
    bool is_in_head = false;  // not in trailers, whose fields are of no use here
    bool is_in_message = false;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

struct H1Tap::State {
    State();

    Reader requests;
    Reader responses;
    std::vector<Exchange> open;  // oldest first, in the order their answers come

    std::unique_ptr<RequestHead> request;    // being read
    std::unique_ptr<ResponseHead> response;  // being read
    // Heads that the events of the last feed point to.
    std::vector<std::unique_ptr<RequestHead>> shown_requests;
    std::vector<std::unique_ptr<ResponseHead>> shown_responses;

    std::uint32_t stream_count = 0;
    std::uint32_t request_stream = 0;   // of the request being read
    std::uint32_t answered_stream = 0;  // the last one with a final response head
    bool is_request_muted = false;      // its answer is over, so nobody waits for the rest
    bool is_interim = false;            // the response being read is a 1xx
    bool is_upgrade_asked = false;      // what follows the request depends on the answer
    bool is_blind = false;
    bool is_upgraded = false;
    bool is_socket = false;  // to a WebSocket, by the exchange `answered_stream`
    bool is_over = false;  // the response side ended: nothing more to tell

    EventList* events = nullptr;  // during a call

    Event& emit(Event::Kind kind, std::uint32_t stream) {
        Event event{};
        event.kind = kind;
        event.stream = stream;
        return events->emplace_back(event);
    }
    bool is_silent() const { return is_blind || is_upgraded || is_over; }

    void execute(Reader& reader, std::string_view bytes);
    void show_socket(Direction direction, std::string_view bytes);
    void turn_blind();
    void end_all_open();
    void release_heads();
    void release_all();

    // What the parser calls. Anything but 0 (and 1 at the end of a head) stops it for good.
    int begin_message(Reader& reader);
    int add_to_head(Reader& reader, std::string& part, std::string_view bytes);
    int add_to_name(Reader& reader, HeaderList& headers, std::string_view bytes);
    int add_to_value(Reader& reader, std::string_view bytes);
    int end_header(Reader& reader);
    int check_head(const Reader& reader, const HeaderList& headers) const;
    int end_request_head();
    int end_response_head();
    void end_request();
    void end_response();

    static const llhttp_settings_t request_settings;
    static const llhttp_settings_t response_settings;
    static llhttp_settings_t make_request_settings();
    static llhttp_settings_t make_response_settings();
    static State& of(llhttp_t* parser) { return *static_cast<State*>(parser->data); }
};

H1Tap::State::State() {
    llhttp_init(&requests.parser, HTTP_REQUEST, &request_settings);
    llhttp_init(&responses.parser, HTTP_RESPONSE, &response_settings);
    requests.parser.data = this;
    responses.parser.data = this;
}

void H1Tap::State::execute(Reader& reader, std::string_view bytes) {
    const bool is_request = &reader == &requests;
    if (bytes.empty()) return;
    if (is_request && is_upgrade_asked) return turn_blind();
    const auto result = llhttp_execute(&reader.parser, bytes.data(), bytes.size());
    if (is_upgraded) {
        // A server may speak the new protocol in the same breath.
        const char* const rest = llhttp_get_error_pos(&reader.parser);
        const auto head_bytes = static_cast<std::size_t>(rest - bytes.data());
        return show_socket(Direction::to_client, bytes.substr(head_bytes));
    }
    if (result == HPE_OK || is_silent()) return;
    if (result == HPE_PAUSED_UPGRADE && is_request) {
        // A CONNECT or an Upgrade: only the answer tells what the next bytes are, and a client
        // that does not wait for it leaves us guessing.
        is_upgrade_asked = request_stream != answered_stream;
        if (is_upgrade_asked && llhttp_get_error_pos(&reader.parser) != bytes.data() + bytes.size())
            return turn_blind();
        llhttp_resume_after_upgrade(&reader.parser);
        // The answer came first and declined, so what follows is a request.
        const char* const rest = llhttp_get_error_pos(&reader.parser);
        return execute(reader, bytes.substr(static_cast<std::size_t>(rest - bytes.data())));
    }
    turn_blind();
}

void H1Tap::State::show_socket(Direction direction, std::string_view bytes) {
    if (!is_socket || bytes.empty()) return;
    Event& event = emit(Event::Kind::socket_bytes, answered_stream);
    event.direction = direction;
    event.bytes = bytes;
}

void H1Tap::State::turn_blind() {
    emit(Event::Kind::lost, 0);
    is_blind = true;
    open.clear();
}

void H1Tap::State::end_all_open() {
    for (const Exchange& exchange : open)
        emit(Event::Kind::response_end, exchange.stream).is_complete = false;
    open.clear();
    is_over = true;
}

void H1Tap::State::release_heads() {
    shown_requests.clear();
    shown_responses.clear();
}

void H1Tap::State::release_all() {
    request.reset();
    response.reset();
    std::vector<Exchange>().swap(open);
}

int H1Tap::State::begin_message(Reader& reader) {
    reader.is_in_head = true;
    reader.is_in_message = true;
    reader.head_bytes = 0;
    reader.header = nullptr;
    if (&reader == &requests) {
        request = std::make_unique<RequestHead>();
        return HPE_OK;
    }
    // An answer that nobody asked for, such as the 408 of a server that is about to close.
    if (open.empty()) return HPE_USER;
    response = std::make_unique<ResponseHead>();
    return HPE_OK;
}

int H1Tap::State::add_to_head(Reader& reader, std::string& part, std::string_view bytes) {
    reader.head_bytes += bytes.size();
    if (reader.head_bytes > limits::head_bytes_max) return HPE_USER;
    part.append(bytes);
    return HPE_OK;
}

int H1Tap::State::add_to_name(Reader& reader, HeaderList& headers, std::string_view bytes) {
    if (reader.header == nullptr) {
        if (headers.all().size() >= limits::header_count_max) return HPE_USER;
        reader.header = &headers.add_empty();
    }
    return add_to_head(reader, reader.header->name, bytes);
}

int H1Tap::State::add_to_value(Reader& reader, std::string_view bytes) {
    return reader.header == nullptr ? HPE_USER : add_to_head(reader, reader.header->value, bytes);
}

int H1Tap::State::end_header(Reader& reader) {
    Header* const header = std::exchange(reader.header, nullptr);
    // "Content-Length : 5" is a length to some and a stranger to others.
    if (header == nullptr || header->name.empty() || is_blank(header->name.back())) return HPE_USER;
    while (!header->value.empty() && is_blank(header->value.back())) header->value.pop_back();
    return HPE_OK;
}

// The parser itself refuses two lengths, and a length beside a transfer coding.
int H1Tap::State::check_head(const Reader& reader, const HeaderList& headers) const {
    if (reader.parser.http_major != 1) return HPE_USER;
    if (!(reader.parser.flags & F_TRANSFER_ENCODING)) return HPE_OK;
    // Other codings than chunked would hide the body from us, and HTTP/1.0 knows none at all.
    if (reader.parser.http_minor == 0 || headers.count("transfer-encoding") != 1) return HPE_USER;
    const bool is_chunked = is_equal_ignoring_case(*headers.find("transfer-encoding"), "chunked");
    return is_chunked ? HPE_OK : HPE_USER;
}

int H1Tap::State::end_request_head() {
    requests.is_in_head = false;
    request->version_minor = requests.parser.http_minor;
    if (check_head(requests, request->headers) != HPE_OK) return HPE_USER;
    if (open.size() >= limits::pipelined_exchanges_max) return HPE_USER;
    request_stream = ++stream_count;
    is_request_muted = false;
    open.push_back({request_stream, requests.parser.method == HTTP_HEAD,
                    requests.parser.method == HTTP_CONNECT});
    emit(Event::Kind::request_head, request_stream).request = request.get();
    shown_requests.push_back(std::move(request));
    return 0;
}

int H1Tap::State::end_response_head() {
    constexpr int no_body = 1;
    responses.is_in_head = false;
    const int status = responses.parser.status_code;
    if (status < 100) return HPE_USER;
    is_interim = status / 100 == 1 && status != 101;
    if (is_interim) {
        response.reset();
        return no_body;
    }
    response->status = status;
    response->version_minor = responses.parser.http_minor;
    if (check_head(responses, response->headers) != HPE_OK) return HPE_USER;
    const Exchange exchange = open.front();
    emit(Event::Kind::response_head, exchange.stream).response = response.get();
    shown_responses.push_back(std::move(response));
    answered_stream = exchange.stream;
    if (status == 101 || (exchange.is_connect && status / 100 == 2)) {
        emit(Event::Kind::upgraded, exchange.stream);
        is_upgraded = true;
        is_socket = status == 101 && is_websocket_upgrade(shown_responses.back()->headers);
        constexpr int no_more_messages = 2;
        return no_more_messages;
    }
    // If this was the one that asked for an upgrade, it declined: the next message is a request.
    if (answered_stream == stream_count) is_upgrade_asked = false;
    return exchange.is_head || status == 204 || status == 304 ? no_body : 0;
}

void H1Tap::State::end_request() {
    requests.is_in_message = false;
    if (!is_request_muted) emit(Event::Kind::request_end, request_stream);
}

void H1Tap::State::end_response() {
    responses.is_in_message = false;
    if (is_interim || is_upgraded) return;
    const std::uint32_t stream = open.front().stream;
    open.erase(open.begin());
    if (requests.is_in_message && !requests.is_in_head && request_stream == stream)
        is_request_muted = true;
    emit(Event::Kind::response_end, stream);
}

llhttp_settings_t H1Tap::State::make_request_settings() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = [](llhttp_t* p) { return of(p).begin_message(of(p).requests); };
    settings.on_method = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        return state.add_to_head(state.requests, state.request->method, {at, size});
    };
    settings.on_url = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        return state.add_to_head(state.requests, state.request->target, {at, size});
    };
    settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        if (!state.requests.is_in_head) return 0;
        return state.add_to_name(state.requests, state.request->headers, {at, size});
    };
    settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        return state.requests.is_in_head ? state.add_to_value(state.requests, {at, size}) : 0;
    };
    settings.on_header_value_complete = [](llhttp_t* p) {
        State& state = of(p);
        return state.requests.is_in_head ? state.end_header(state.requests) : 0;
    };
    settings.on_headers_complete = [](llhttp_t* p) { return of(p).end_request_head(); };
    settings.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        if (!state.is_request_muted)
            state.emit(Event::Kind::request_body, state.request_stream).bytes = {at, size};
        return 0;
    };
    settings.on_message_complete = [](llhttp_t* p) {
        of(p).end_request();
        return 0;
    };
    return settings;
}

llhttp_settings_t H1Tap::State::make_response_settings() {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = [](llhttp_t* p) { return of(p).begin_message(of(p).responses); };
    settings.on_status = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        return state.add_to_head(state.responses, state.response->reason, {at, size});
    };
    settings.on_header_field = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        if (!state.responses.is_in_head) return 0;
        return state.add_to_name(state.responses, state.response->headers, {at, size});
    };
    settings.on_header_value = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        return state.responses.is_in_head ? state.add_to_value(state.responses, {at, size}) : 0;
    };
    settings.on_header_value_complete = [](llhttp_t* p) {
        State& state = of(p);
        return state.responses.is_in_head ? state.end_header(state.responses) : 0;
    };
    settings.on_headers_complete = [](llhttp_t* p) { return of(p).end_response_head(); };
    settings.on_body = [](llhttp_t* p, const char* at, std::size_t size) {
        State& state = of(p);
        state.emit(Event::Kind::response_body, state.open.front().stream).bytes = {at, size};
        return 0;
    };
    settings.on_message_complete = [](llhttp_t* p) {
        of(p).end_response();
        return 0;
    };
    return settings;
}

const llhttp_settings_t H1Tap::State::request_settings = State::make_request_settings();
const llhttp_settings_t H1Tap::State::response_settings = State::make_response_settings();

H1Tap::H1Tap() : state_(std::make_unique<State>()) {}
H1Tap::~H1Tap() = default;
H1Tap::H1Tap(H1Tap&&) noexcept = default;
H1Tap& H1Tap::operator=(H1Tap&&) noexcept = default;

void H1Tap::feed(Direction direction, std::string_view bytes, EventList& events) {
    State& state = *state_;
    state.release_heads();
    if (state.is_blind || state.is_over) return;
    state.events = &events;
    if (state.is_upgraded) return state.show_socket(direction, bytes);
    state.execute(direction == Direction::to_upstream ? state.requests : state.responses, bytes);
    if (state.is_silent()) state.release_all();
}

void H1Tap::finish(Direction direction, EventList& events) {
    State& state = *state_;
    state.release_heads();
    if (state.is_silent()) return;
    state.events = &events;
    if (direction == Direction::to_upstream) {
        const bool is_cut = state.requests.is_in_message && !state.requests.is_in_head;
        if (is_cut && !state.is_request_muted)
            state.emit(Event::Kind::request_end, state.request_stream).is_complete = false;
        state.is_request_muted = true;
        return;
    }
    // Ends a body that lasts until now; whatever else is open stays open, and is cut.
    llhttp_finish(&state.responses.parser);
    state.end_all_open();
    state.release_all();
}

void H1Tap::release() { state_->release_heads(); }

void H1Tap::abort(EventList& events) {
    State& state = *state_;
    state.release_heads();
    if (state.is_silent()) return;
    state.events = &events;
    state.end_all_open();
    state.release_all();
}

bool H1Tap::is_blind() const { return state_->is_blind; }
bool H1Tap::is_upgraded() const { return state_->is_upgraded; }

}  // namespace halton::http
