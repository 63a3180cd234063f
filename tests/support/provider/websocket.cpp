#include "support/provider/websocket.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <openssl/base64.h>
#include <openssl/sha.h>

#include "simdjson.h"
#include "support/provider/responses.h"

namespace provider {

namespace {

using simdjson::SUCCESS;

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

bool is_realtime(std::string_view path) { return contains(path, "/realtime"); }
bool is_gemini(std::string_view path) { return contains(path, "BidiGenerateContent"); }

bool wants_deflate(const Request& request) {
    return contains(request.header("x-test-socket"), "deflate") &&
           contains(request.header("sec-websocket-extensions"), "permessage-deflate");
}

std::string accept_key(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::uint8_t digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), digest);
    std::uint8_t out[64];
    const auto size = EVP_EncodeBlock(out, digest, sizeof digest);
    return std::string(reinterpret_cast<const char*>(out), size);
}

// What the client's message wants.
struct Wish {
    std::string type, model, tokens, error, fail, status, cut, id, text;
    long long events = 3;
    long long input_tokens = 0;
    long long output_tokens = 0;
    bool generates = true;
    bool is_setup = false;
    bool is_turn_complete = false;
};

Wish read_wish(const std::string& message) {
    Wish wish;
    simdjson::dom::parser parser;
    simdjson::dom::element body;
    if (parser.parse(message).get(body) != SUCCESS) return wish;
    const auto text = [](simdjson::simdjson_result<simdjson::dom::element> value) {
        std::string_view found;
        return value.get(found) == SUCCESS ? std::string(found) : std::string();
    };
    wish.type = text(body["type"]);
    wish.model = text(body["model"]);
    wish.is_setup = body["setup"].error() == SUCCESS;
    if (wish.model.empty()) wish.model = text(body["setup"]["model"]);
    bool flag = false;
    if (body["generate"].get(flag) == SUCCESS) wish.generates = flag;
    if (body["client_content"]["turnComplete"].get(flag) == SUCCESS) wish.is_turn_complete = flag;
    auto metadata = body["metadata"];
    if (metadata.error() != SUCCESS) metadata = body["response"]["metadata"];
    wish.tokens = text(metadata["tokens"]);
    wish.error = text(metadata["error"]);
    wish.fail = text(metadata["fail"]);
    wish.status = text(metadata["status"]);
    wish.cut = text(metadata["cut"]);
    wish.id = text(metadata["id"]);
    if (auto events = text(metadata["events"]); !events.empty())
        wish.events = std::atoll(events.c_str());
    if (auto size = text(metadata["bytes"]); !size.empty()) {
        const auto length = static_cast<std::size_t>(std::atoll(size.c_str()));
        const auto count = static_cast<std::size_t>(std::max(wish.events, 1LL));
        wish.text.assign(length * count, 'x');
    }
    return wish;
}

// Takes what the message leaves open from what all canned answers are like.
void complete(Wish& wish, const Canned& canned) {
    wish.input_tokens = canned.input_tokens;
    wish.output_tokens = canned.output_tokens;
    if (wish.text.empty()) wish.text = canned.text;
    if (wish.tokens.empty()) return;
    const auto comma = wish.tokens.find(',');
    wish.input_tokens = std::atoll(wish.tokens.c_str());
    if (comma != wish.tokens.npos) wish.output_tokens = std::atoll(wish.tokens.c_str() + comma + 1);
}

// The messages of one turn, in each of the three dialects.

std::vector<std::string> say_responses(const ResponsesAnswer& turn) {
    std::vector<std::string> messages;
    for (auto& [name, data] : make_responses_events(turn)) messages.push_back(std::move(data));
    return messages;
}

std::vector<std::string> say_realtime(const ResponsesAnswer& turn) {
    std::vector<std::string> messages;
    const auto response = [&](std::string_view kind, std::string_view status) {
        messages.push_back(fmt::format(R"({{"type":"response.{}","event_id":"event_1",)"
                                       R"("response":{}}})",
                                       kind, make_response(turn, status)));
    };
    response("created", "in_progress");
    for (const auto& part : turn.parts)
        messages.push_back(fmt::format(
            R"({{"type":"response.output_text.delta","item_id":"m","delta":"{}"}})", part));
    if (!turn.is_cut) response("done", turn.failure.empty() ? "completed" : "failed");
    return messages;
}

std::vector<std::string> say_live(const ResponsesAnswer& turn) {
    std::vector<std::string> messages;
    for (const auto& part : turn.parts)
        messages.push_back(fmt::format(
            R"({{"serverContent":{{"modelTurn":{{"parts":[{{"text":"{}"}}]}}}}}})", part));
    if (!turn.is_cut && turn.usage)
        messages.push_back(fmt::format(
            R"({{"serverContent":{{"turnComplete":true}},"usageMetadata":{{"promptTokenCount":{},)"
            R"("responseTokenCount":{},"totalTokenCount":{}}}}})",
            turn.usage->input_tokens, turn.usage->output_tokens,
            turn.usage->input_tokens + turn.usage->output_tokens));
    return messages;
}

}  // namespace

bool is_socket_request(const Request& request) {
    return request.header("upgrade") == "websocket" &&
           request.number("x-test-status", 101) == 101 && request.header("x-test-upgrade") != "1";
}

Answer make_socket_answer(const Request& request) {
    Answer answer;
    answer.status = 101;
    answer.is_upgrade = true;
    std::string head = fmt::format(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: {}\r\nx-request-id: {}\r\n",
        accept_key(request.header("sec-websocket-key")),
        request.header("x-test-request-id", "req_test0001"));
    if (wants_deflate(request)) {
        const bool drops = contains(request.header("x-test-socket"), "no-context");
        head +=
            fmt::format("Sec-WebSocket-Extensions: permessage-deflate{}\r\n",
                        drops ? "; server_no_context_takeover; client_no_context_takeover" : "");
    }
    answer.wire.push_back({{}, head + "\r\n"});
    return answer;
}

SocketSession::SocketSession(const Request& request, std::vector<ScriptFrame> frames,
                             std::function<Canned()> next_canned)
    : words_(request.header("x-test-socket")),
      path_(request.path()),
      script_(std::move(frames)),
      is_scripted_(!script_.empty()),
      is_deflating_(wants_deflate(request)),
      drops_context_(has_word("no-context")),
      next_canned_(std::move(next_canned)) {
    inflateInit2(&inflater_, -15);
    deflateInit2(&deflater_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    entry_.target = request.target;
    entry_.item = request.header("x-test-item");
}

SocketSession::~SocketSession() {
    inflateEnd(&inflater_);
    deflateEnd(&deflater_);
}

bool SocketSession::has_word(std::string_view word) const {
    return contains(' ' + words_ + ' ', ' ' + std::string(word) + ' ');
}

void SocketSession::begin() {
    if (is_scripted_) return follow_script();
    if (is_realtime(path_)) {
        say(R"({"type":"session.created","event_id":"event_1","session":{"type":"realtime",)"
            R"("object":"realtime.session","id":"sess_test","model":"gpt-realtime"}})");
    }
}

void SocketSession::fail(const char* problem) {
    entry_.problem = problem;
    is_over_ = true;
}

void SocketSession::feed(std::string_view bytes) {
    entry_.received.add(bytes);
    input_ += bytes;
    while (!is_over_ && read_frame()) {
    }
}

bool SocketSession::read_frame() {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(input_[at]); };
    if (input_.size() < 2) return false;
    std::size_t at = 2;
    std::uint64_t size = byte(1) & 0x7f;
    const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (input_.size() < at + extra + 4) return false;
    if (extra) size = 0;
    for (std::size_t i = 0; i < extra; ++i) size = size << 8 | byte(at++);
    if (!(byte(1) & 0x80)) return fail("a frame without a mask"), false;
    if (input_.size() < at + 4 + size) return false;
    const std::string key = input_.substr(at, 4);
    std::string payload = input_.substr(at + 4, size);
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] ^= key[i % 4];
    const bool is_final = byte(0) & 0x80, is_marked = byte(0) & 0x40;
    const int op = byte(0) & 0x0f;
    input_.erase(0, at + 4 + size);
    if (op == 8) {
        write_frame(8, payload.substr(0, 2));
        entry_.is_closed = is_over_ = true;
    } else if (op == 9) {
        write_frame(10, payload);
    } else if (op <= 2) {
        if (op != 0) is_message_compressed_ = is_marked;
        message_ += payload;
        if (!is_final) return true;
        std::string text = std::move(message_);
        message_.clear();
        if (is_message_compressed_) {
            std::string plain;
            if (!inflate(text, plain)) return fail("a bad deflate stream"), false;
            text = std::move(plain);
        }
        on_message(text);
    }
    return true;
}

void SocketSession::on_message(const std::string& message) {
    ++entry_.received_count;
    if (!is_scripted_) return answer(message);
    if (script_at_ == script_.size() || script_[script_at_].text != message)
        return fail("a message that the script does not have here");
    ++script_at_;
    follow_script();
}

void SocketSession::follow_script() {
    while (script_at_ < script_.size() && !script_[script_at_].is_sent)
        say(script_[script_at_++].text);
    if (script_at_ < script_.size()) return;
    write_frame(8, std::string("\x03\xe8", 2));
    is_over_ = entry_.is_completed = true;
}

// One turn. What it reports goes into the ledger.
void SocketSession::answer(const std::string& message) {
    auto wish = read_wish(message);
    if (is_gemini(path_)) {
        if (wish.is_setup) say(R"({"setupComplete":{}})");
        if (!wish.is_turn_complete) return;
    } else if (wish.type != "response.create") {
        return;
    }
    ResponsesAnswer turn;
    ++turn_count_;
    turn.id = wish.id.empty() ? fmt::format("resp_test{:04}", turn_count_) : wish.id;
    if (!wish.error.empty()) {
        say(fmt::format(
            R"({{"type":"error","event_id":"event_e"{},"error":{{"type":"{}","code":"{}",)"
            R"("message":"The test provider says no.","event_id":null}}}})",
            wish.status.empty() ? "" : ",\"status\":" + wish.status, wish.error, wish.error));
        entry_.turns.push_back({turn.id, 0, 0, wish.model});
        return;
    }
    const auto canned = wish.generates ? next_canned_() : Canned{};
    complete(wish, canned);
    // A Realtime session has a model, its answers name none.
    turn.model = is_realtime(path_) ? "" : wish.model;
    turn.parts = split_text(wish.text, wish.events);
    turn.failure = wish.fail;
    turn.is_cut = !wish.cut.empty();
    if (wish.generates) turn.usage = Usage{wish.model, wish.input_tokens, wish.output_tokens};

    bool is_first = true;
    for (const auto& text : is_gemini(path_)     ? say_live(turn)
                            : is_realtime(path_) ? say_realtime(turn)
                                                 : say_responses(turn)) {
        pause_ = is_first ? std::chrono::milliseconds{0} : canned.pause;
        is_first = false;
        say(text);
    }
    pause_ = {};
    if (turn.is_cut) {
        if (wish.cut == "close") write_frame(8, std::string("\x03\xf3", 2));
        is_over_ = true;
    } else if (turn.failure.empty() && turn.usage) {
        entry_.turns.push_back({turn.id, wish.input_tokens, wish.output_tokens, wish.model});
    }
}

void SocketSession::say(const std::string& text) {
    ++entry_.sent_count;
    const std::string payload = is_deflating_ ? deflate(text) : text;
    // Google speaks JSON in binary frames.
    const int op = is_gemini(path_) ? 2 : 1;
    if (has_word("ping")) write_frame(9, "are you there");
    if (!has_word("fragment") || payload.size() < 3)
        return write_frame(op, payload, true, is_deflating_);
    const std::size_t third = payload.size() / 3;
    write_frame(op, payload.substr(0, third), false, is_deflating_);
    if (has_word("ping")) write_frame(9, "in between");
    write_frame(0, payload.substr(third, third), false);
    write_frame(0, payload.substr(2 * third));
}

void SocketSession::write_frame(int op, std::string_view payload, bool is_final,
                                bool is_compressed) {
    if (output_.empty() || pause_.count() > 0) output_.push_back({pause_, {}});
    auto& bytes = output_.back().bytes;
    bytes += static_cast<char>((is_final ? 0x80 : 0) | (is_compressed ? 0x40 : 0) | op);
    const int extra = payload.size() > 65535 ? 8 : payload.size() > 125 ? 2 : 0;
    bytes += static_cast<char>(extra == 8 ? 127 : extra == 2 ? 126 : payload.size());
    for (int shift = (extra - 1) * 8; shift >= 0; shift -= 8)
        bytes += static_cast<char>(payload.size() >> shift & 0xff);
    bytes += payload;
}

bool SocketSession::inflate(std::string_view payload, std::string& text) {
    std::string wire = std::string(payload) + std::string("\0\0\xff\xff", 4);
    inflater_.next_in = reinterpret_cast<Bytef*>(wire.data());
    inflater_.avail_in = static_cast<uInt>(wire.size());
    char buffer[16384];
    do {
        inflater_.next_out = reinterpret_cast<Bytef*>(buffer);
        inflater_.avail_out = sizeof buffer;
        const int result = ::inflate(&inflater_, Z_SYNC_FLUSH);
        if (result != Z_OK && result != Z_BUF_ERROR) return false;
        text.append(buffer, sizeof buffer - inflater_.avail_out);
    } while (inflater_.avail_out == 0);
    if (drops_context_) inflateReset(&inflater_);
    return true;
}

std::string SocketSession::deflate(const std::string& text) {
    std::string out;
    deflater_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    deflater_.avail_in = static_cast<uInt>(text.size());
    char buffer[16384];
    do {
        deflater_.next_out = reinterpret_cast<Bytef*>(buffer);
        deflater_.avail_out = sizeof buffer;
        ::deflate(&deflater_, Z_SYNC_FLUSH);
        out.append(buffer, sizeof buffer - deflater_.avail_out);
    } while (deflater_.avail_out == 0);
    if (drops_context_) deflateReset(&deflater_);
    return out.substr(0, out.size() - 4);
}

}  // namespace provider
