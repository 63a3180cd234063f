// Writes HTTP/2 by hand: frames, and header blocks of literal fields without tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halton::test::h2 {

enum Type : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    push_promise = 5,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9,
};

enum Flag : std::uint8_t {
    none = 0,
    ack = 1,
    end_stream = 1,
    end_headers = 4,
    padded = 8,
    has_priority = 0x20,
};

inline const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string number(std::uint32_t value, int size) {
    std::string bytes;
    for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
    return bytes;
}

inline std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
    return number(static_cast<std::uint32_t>(payload.size()), 3) + static_cast<char>(type) +
           static_cast<char>(flags) + number(stream, 4) + std::string(payload);
}

inline std::string pad(std::string_view payload, std::size_t bytes) {
    return static_cast<char>(bytes) + std::string(payload) + std::string(bytes, '\0');
}

// A length of HPACK with a prefix of 7 bits and no Huffman code.
inline std::string length(std::size_t value) {
    if (value < 127) return {static_cast<char>(value)};
    std::string bytes(1, '\x7f');
    for (value -= 127; value >= 128; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string literal(std::string_view name, std::string_view value) {
    return '\0' + length(name.size()) + std::string(name) + length(value.size()) +
           std::string(value);
}

// Enters the dynamic table: index 62 is the newest, 0xbe says it again.
inline std::string indexed_literal(std::string_view name, std::string_view value) {
    std::string bytes = literal(name, value);
    bytes[0] = '\x40';
    return bytes;
}

inline std::string block(const Fields& fields) {
    std::string bytes;
    for (const auto& [name, value] : fields) bytes += literal(name, value);
    return bytes;
}

inline std::string setting(int id, std::uint32_t value) {
    return number(static_cast<std::uint32_t>(id), 2) + number(value, 4);
}

inline Fields request_fields(const std::string& method, const std::string& path) {
    return {
        {":method", method}, {":scheme", "https"}, {":authority", "a.example"}, {":path", path}};
}

inline std::string request(std::uint32_t stream, const std::string& method, const std::string& path,
                           int flags = end_headers | end_stream) {
    return frame(headers, flags, stream, block(request_fields(method, path)));
}

inline std::string answer(std::uint32_t stream, const std::string& status,
                          int flags = end_headers) {
    return frame(headers, flags, stream, block({{":status", status}}));
}

inline std::string body(std::uint32_t stream, std::string_view bytes, int flags = none) {
    return frame(data, flags, stream, bytes);
}

inline std::string reset(std::uint32_t stream, std::uint32_t code) {
    return frame(rst_stream, none, stream, number(code, 4));
}

inline std::string go_away(std::uint32_t last_stream, std::uint32_t code) {
    return frame(goaway, none, 0, number(last_stream, 4) + number(code, 4) + "bye");
}

inline const std::string client_start = preface + frame(settings, none, 0, {});
inline const std::string server_start = frame(settings, none, 0, {}) + frame(settings, ack, 0, {});

}  // namespace halton::test::h2
