#include "http/websocket.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include <zlib.h>

#include "base/limits.h"
#include "base/text.h"

namespace halton::http {
namespace {

constexpr unsigned char final_bit = 0x80, compressed_bit = 0x40, other_reserved_bits = 0x30;
constexpr unsigned char mask_bit = 0x80, length_bits = 0x7f;
constexpr int op_continuation = 0, op_text = 1, op_binary = 2;
constexpr int op_close = 8, op_ping = 9, op_pong = 10;
constexpr std::uint64_t control_bytes_max = 125;
constexpr int window_bits_min = 8, window_bits_max = 15;

// What a sender cuts off the end of each compressed message.
constexpr std::string_view cut_tail("\0\0\xff\xff", 4);

// Where unmasked and inflated pieces stand while they are shown.
using Scratch = std::array<char, 16 * 1024>;

std::string_view cut_at(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return trim(part);
}

std::optional<int> read_window_bits(std::string_view value) {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
    }
    const auto bits = parse_decimal(value);
    if (!bits || *bits < window_bits_min || *bits > window_bits_max) return std::nullopt;
    return static_cast<int>(*bits);
}

bool read_deflate_parameter(std::string_view parameter, WebSocketDeflate& to_upstream,
                            WebSocketDeflate& to_client) {
    const std::string name = to_lower(cut_at(parameter, '='));
    if (name == "client_no_context_takeover") {
        to_upstream.keeps_context = false;
        return true;
    }
    if (name == "server_no_context_takeover") {
        to_client.keeps_context = false;
        return true;
    }
    const bool is_client = name == "client_max_window_bits";
    if (!is_client && name != "server_max_window_bits") return false;
    // Some servers repeat the client's offer, which may be without a value.
    if (trim(parameter).empty()) return true;
    const auto bits = read_window_bits(trim(parameter));
    if (!bits) return false;
    (is_client ? to_upstream : to_client).window_bits = *bits;
    return true;
}

}  // namespace

std::optional<WebSocketTerms> read_websocket_terms(const HeaderList& response_headers) {
    WebSocketTerms terms;
    if (response_headers.count("sec-websocket-extensions") > 1) return std::nullopt;
    const std::string* const value = response_headers.find("sec-websocket-extensions");
    std::string_view rest = value != nullptr ? std::string_view(*value) : std::string_view{};
    while (!rest.empty()) {
        std::string_view extension = cut_at(rest, ',');
        if (extension.empty()) continue;
        const std::string_view name = cut_at(extension, ';');
        if (!is_equal_ignoring_case(name, "permessage-deflate") || terms.to_client) {
            return std::nullopt;
        }
        WebSocketDeflate to_upstream, to_client;
        while (!extension.empty()) {
            if (!read_deflate_parameter(cut_at(extension, ';'), to_upstream, to_client)) {
                return std::nullopt;
            }
        }
        terms = {to_upstream, to_client};
    }
    return terms;
}

bool is_websocket_upgrade(const HeaderList& headers) {
    const std::string* const upgrade = headers.find("upgrade");
    return upgrade != nullptr && is_equal_ignoring_case(trim(*upgrade), "websocket");
}

// A raw deflate stream that may end and begin anew within a message and keeps its window.
struct WebSocketReader::Inflater {
    // A window of eight bits is one that zlib's own compressor cannot make: it takes nine.
    explicit Inflater(int bits) { is_good = inflateInit2(&stream, -std::max(bits, 9)) == Z_OK; }
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    // Behind a final block the window must outlive the stream.
    bool begin_anew() {
        if (++restart_count > limits::websocket_final_blocks_max) return false;
        auto window = std::make_unique<Bytef[]>(std::size_t{1} << window_bits_max);
        uInt size = 0;
        return inflateGetDictionary(&stream, window.get(), &size) == Z_OK &&
               inflateReset(&stream) == Z_OK &&
               (size == 0 || inflateSetDictionary(&stream, window.get(), size) == Z_OK);
    }

    z_stream stream{};
    bool is_good = false;
    int restart_count = 0;  // in the open message
};

WebSocketReader::WebSocketReader(Direction direction, std::optional<WebSocketDeflate> deflate)
    : is_masked_(direction == Direction::to_upstream), deflate_(deflate) {}
WebSocketReader::~WebSocketReader() = default;
WebSocketReader::WebSocketReader(WebSocketReader&&) noexcept = default;
WebSocketReader& WebSocketReader::operator=(WebSocketReader&&) noexcept = default;

void WebSocketReader::feed(std::string_view bytes, OnPiece on_piece) {
    while (!bytes.empty() && !is_broken_ && !is_closed_) {
        if (!is_in_payload_) {
            is_broken_ = !take_head_byte(bytes.front());
            bytes.remove_prefix(1);
            // A frame without a payload ends with its head.
            if (!is_broken_ && is_in_payload_ && payload_left_ == 0) end_frame(on_piece);
            continue;
        }
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
        payload_left_ -= size;
        if (!is_control_) take_payload(bytes.substr(0, size), on_piece);
        bytes.remove_prefix(size);
        if (payload_left_ == 0 && !is_broken_) end_frame(on_piece);
    }
    if (is_broken_) inflater_.reset();
}

// False when the byte makes no sense.
bool WebSocketReader::take_head_byte(char byte) {
    head_[head_bytes_++] = static_cast<unsigned char>(byte);
    if (head_bytes_ < 2) return true;
    if (head_bytes_ == 2) {
        const int length = head_[1] & length_bits;
        const int more_length = length == 126 ? 2 : length == 127 ? 8 : 0;
        head_wanted_ = static_cast<std::uint8_t>(2 + more_length + (is_masked_ ? 4 : 0));
        if (((head_[1] & mask_bit) != 0) != is_masked_) return false;
    }
    return head_bytes_ < head_wanted_ || begin_frame();
}

bool WebSocketReader::begin_frame() {
    const unsigned char first = head_[0];
    const int op = first & 0x0f;
    const std::size_t key_bytes = is_masked_ ? 4 : 0;
    const std::size_t length_end = head_wanted_ - key_bytes;
    payload_left_ = head_[1] & length_bits;
    if (length_end > 2) {
        payload_left_ = 0;
        for (std::size_t at = 2; at < length_end; ++at)
            payload_left_ = payload_left_ << 8 | head_[at];
    }
    if (payload_left_ > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return false;
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(length_end), key_bytes, mask_.begin());
    head_bytes_ = 0;
    head_wanted_ = 2;
    is_final_ = (first & final_bit) != 0;
    is_control_ = op >= op_close;
    is_in_payload_ = true;
    if ((first & other_reserved_bits) != 0) return false;
    const bool is_marked = (first & compressed_bit) != 0;
    if (is_control_) {
        return (op == op_close || op == op_ping || op == op_pong) && is_final_ && !is_marked &&
               payload_left_ <= control_bytes_max;
    }
    if (op == op_continuation) return is_message_open_ && !is_marked;
    if ((op != op_text && op != op_binary) || is_message_open_) return false;
    if (is_marked && !deflate_) return false;
    is_message_open_ = is_first_piece_ = true;
    is_compressed_ = is_marked;
    inflated_bytes_ = 0;
    return true;
}

void WebSocketReader::take_payload(std::string_view bytes, OnPiece on_piece) {
    const bool is_end = is_final_ && payload_left_ == 0;
    if (!is_masked_) return take_data(bytes, is_end, on_piece);
    Scratch plain;
    while (!bytes.empty() && !is_broken_) {
        const std::size_t size = std::min(bytes.size(), plain.size());
        // Four bytes of the key over and over; eight at a time is what compilers do well.
        std::uint64_t key = 0;
        std::array<unsigned char, 8> keys{};
        for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = mask_[i % 4];
        std::memcpy(&key, keys.data(), sizeof key);
        std::size_t at = 0;
        for (; at + sizeof key <= size; at += sizeof key) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data() + at, sizeof word);
            word ^= key;
            std::memcpy(plain.data() + at, &word, sizeof word);
        }
        for (; at < size; ++at) {
            plain[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ mask_[at % 4]);
        }
        std::rotate(mask_.begin(), mask_.begin() + static_cast<std::ptrdiff_t>(size % 4),
                    mask_.end());
        bytes.remove_prefix(size);
        take_data({plain.data(), size}, is_end && bytes.empty(), on_piece);
    }
}

// `is_last`: they are the last of the message as it is on the wire.
void WebSocketReader::take_data(std::string_view bytes, bool is_last, OnPiece on_piece) {
    if (is_compressed_)
        inflate(bytes, on_piece);
    else
        show(bytes, is_last, on_piece);
}

void WebSocketReader::inflate(std::string_view bytes, OnPiece on_piece) {
    if (!inflater_) inflater_ = std::make_unique<Inflater>(deflate_->window_bits);
    z_stream& stream = inflater_->stream;
    is_broken_ = !inflater_->is_good;
    Scratch plain;
    while (!is_broken_) {
        const auto size = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream.avail_in = static_cast<uInt>(size);
        stream.next_out = reinterpret_cast<Bytef*>(plain.data());
        stream.avail_out = static_cast<uInt>(plain.size());
        const int result = ::inflate(&stream, Z_SYNC_FLUSH);
        bytes.remove_prefix(size - stream.avail_in);
        const std::size_t written = plain.size() - stream.avail_out;
        inflated_bytes_ += written;
        // What came out before a failure is shown, as it would be in smaller pieces.
        if (written > 0) show({plain.data(), written}, false, on_piece);
        const bool is_good = result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END;
        is_broken_ = !is_good || inflated_bytes_ > limits::decoded_bytes_max;
        if (is_broken_) return;
        if (result == Z_STREAM_END) is_broken_ = !inflater_->begin_anew();
        // A full piece may mean that there is more inside the library.
        if (bytes.empty() && written < plain.size()) return;
    }
}

void WebSocketReader::show(std::string_view bytes, bool is_last, OnPiece on_piece) {
    on_piece({bytes, is_first_piece_, is_last});
    is_first_piece_ = false;
    if (is_last) is_message_open_ = false;
}

void WebSocketReader::end_frame(OnPiece on_piece) {
    is_in_payload_ = false;
    if (is_control_) {
        is_closed_ = (head_[0] & 0x0f) == op_close;
        if (is_closed_) inflater_.reset();
        return;
    }
    if (!is_final_ || !is_message_open_) return;
    if (is_compressed_) {
        inflate(cut_tail, on_piece);
        if (is_broken_) return;
        inflater_->restart_count = 0;
        if (!deflate_->keeps_context) inflater_.reset();
    }
    show({}, true, on_piece);
}

}  // namespace halton::http
