#include "tls/client_hello.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "base/sha256.h"
#include "base/text.h"

namespace halton::tls {
namespace {

constexpr std::uint8_t record_handshake = 22;
constexpr std::uint8_t message_client_hello = 1;
constexpr std::size_t record_header_bytes = 5;
constexpr std::size_t message_header_bytes = 4;
// RFC 8446 section 5.1: a plaintext record carries at most 2^14 bytes.
constexpr std::size_t record_bytes_max = 16 * 1024;

constexpr std::uint16_t extension_server_name = 0;
constexpr std::uint16_t extension_alpn = 16;
constexpr std::uint16_t extension_encrypted_client_hello = 0xfe0d;

// A cursor over untrusted bytes: every take either gives all that was asked for or nothing.
class Reader {
public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    bool is_empty() const { return rest_.empty(); }

    std::optional<std::string_view> take(std::size_t count) {
        if (count > rest_.size()) return std::nullopt;
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    // Big-endian, 1 to 3 bytes.
    std::optional<std::size_t> take_number(std::size_t byte_count) {
        const auto bytes = take(byte_count);
        if (!bytes) return std::nullopt;
        std::size_t value = 0;
        for (const char c : *bytes) value = value << 8 | static_cast<std::uint8_t>(c);
        return value;
    }

    // A vector with its own length in front.
    std::optional<std::string_view> take_vector(std::size_t length_bytes) {
        const auto length = take_number(length_bytes);
        if (!length) return std::nullopt;
        return take(*length);
    }

private:
    std::string_view rest_;
};

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// What may go into a log line, a table look-up and a certificate. Anything else (address
// literals with colons, control characters) counts as no name: the connection is then tunnelled.
std::string to_host_name(std::string_view wire) {
    std::string name = to_lower(wire);
    if (!name.empty() && name.back() == '.') name.pop_back();
    if (name.size() > 253) return {};
    for (const char c : name)
        if (!is_host_character(c)) return {};
    return name;
}

bool read_server_name(std::string_view extension, ClientHello& hello) {
    Reader outer(extension);
    const auto list = outer.take_vector(2);
    if (!list || list->empty() || !outer.is_empty()) return false;
    Reader names(*list);
    bool has_host = false;
    while (!names.is_empty()) {
        const auto type = names.take_number(1);
        const auto name = names.take_vector(2);
        if (!type || !name) return false;
        if (*type != 0) continue;  // only host_name was ever defined
        if (has_host || name->empty()) return false;
        has_host = true;
        hello.server_name = to_host_name(*name);
    }
    return true;
}

bool read_alpn(std::string_view extension, ClientHello& hello) {
    Reader outer(extension);
    const auto list = outer.take_vector(2);
    if (!list || list->empty() || !outer.is_empty()) return false;
    Reader names(*list);
    while (!names.is_empty()) {
        const auto name = names.take_vector(1);
        if (!name || name->empty()) return false;
        hello.alpn.emplace_back(*name);
    }
    hello.has_alpn = true;
    return true;
}

// RFC 8701: values that say nothing, new ones for each connection.
bool is_grease(std::size_t value) {
    return (value & 0x0f0f) == 0x0a0a && (value >> 8 & 0xff) == (value & 0xff);
}

// Extensions that come and go with the connection: server name, padding, session ticket, key of an
// earlier session, early data, cookie.
bool is_fleeting(std::size_t type) {
    constexpr std::array<std::size_t, 6> fleeting{0, 21, 35, 41, 42, 44};
    return std::find(fleeting.begin(), fleeting.end(), type) != fleeting.end();
}

// Some clients shuffle their extensions, so their order does not count.
std::string to_stack(std::string_view ciphers, std::vector<std::size_t> extensions,
                     const std::vector<std::string>& alpn) {
    std::string text;
    for (Reader reader(ciphers); !reader.is_empty();)
        if (const auto cipher = reader.take_number(2); !is_grease(*cipher))
            text += std::to_string(*cipher) + ',';
    text += ';';
    std::sort(extensions.begin(), extensions.end());
    for (const auto type : extensions) text += std::to_string(type) + ',';
    text += ';';
    for (const auto& name : alpn)
        if (name.size() != 2 || name[0] != name[1]) text += name + ',';
    return sha256_hex(text).substr(0, 16);
}

bool read_extensions(std::string_view bytes, ClientHello& hello,
                     std::vector<std::size_t>& types) {
    bool has_server_name = false;
    Reader reader(bytes);
    while (!reader.is_empty()) {
        const auto type = reader.take_number(2);
        const auto body = reader.take_vector(2);
        if (!type || !body) return false;
        if (!is_grease(*type) && !is_fleeting(*type)) types.push_back(*type);
        switch (*type) {
            case extension_server_name:
                // Two names: readers would differ on which one counts, so this one names none.
                if (has_server_name || !read_server_name(*body, hello)) return false;
                has_server_name = true;
                break;
            case extension_alpn:
                if (hello.has_alpn || !read_alpn(*body, hello)) return false;
                break;
            case extension_encrypted_client_hello: hello.has_encrypted_client_hello = true; break;
            default: break;
        }
    }
    return true;
}

std::optional<ClientHello> parse_body(std::string_view body) {
    Reader reader(body);
    ClientHello hello;
    const auto version = reader.take_number(2);
    const auto random = reader.take(32);
    const auto session_id = reader.take_vector(1);
    const auto ciphers = reader.take_vector(2);
    const auto compressions = reader.take_vector(1);
    if (!version || *version >> 8 != 3 || !random || !session_id || session_id->size() > 32 ||
        !ciphers || ciphers->empty() || ciphers->size() % 2 != 0 || !compressions ||
        compressions->empty())
        return std::nullopt;
    std::vector<std::size_t> types;
    if (!reader.is_empty()) {  // clients without extensions still end here
        const auto extensions = reader.take_vector(2);
        if (!extensions || !reader.is_empty() || !read_extensions(*extensions, hello, types))
            return std::nullopt;
    }
    hello.stack = to_stack(*ciphers, std::move(types), hello.alpn);
    return hello;
}

// Whether the bytes can still begin a handshake record.
bool is_record_start(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    if (!bytes.empty() && at(0) != record_handshake) return false;
    if (bytes.size() > 1 && at(1) != 3) return false;
    if (bytes.size() >= record_header_bytes) {
        const std::size_t length = static_cast<std::size_t>(at(3)) << 8 | at(4);
        if (length == 0 || length > record_bytes_max) return false;
    }
    return true;
}

}  // namespace

HelloRead read_client_hello(std::string_view bytes) {
    const HelloRead not_tls{HelloState::not_tls, {}};
    // Reading only up to the limit makes the verdict the same for every cut.
    const bool is_at_limit = bytes.size() >= limits::client_hello_bytes_max;
    std::string_view rest = bytes.substr(0, limits::client_hello_bytes_max);

    std::string message;  // handshake bytes without record headers
    while (!rest.empty()) {
        if (!is_record_start(rest)) return not_tls;
        Reader reader(rest);
        const auto header = reader.take(record_header_bytes);
        if (!header) break;
        const std::size_t length = *Reader(header->substr(3)).take_number(2);
        const auto payload = rest.substr(record_header_bytes, length);
        message += payload;

        Reader start(message);
        const auto type = start.take_number(1);
        if (type && *type != message_client_hello) return not_tls;
        if (const auto body_bytes = start.take_number(3)) {
            if (*body_bytes + message_header_bytes > limits::client_hello_bytes_max) return not_tls;
            if (const auto body = start.take(*body_bytes)) {
                auto hello = parse_body(*body);
                if (!hello) return not_tls;
                return {HelloState::complete, std::move(*hello)};
            }
        }
        if (payload.size() < length) break;
        rest.remove_prefix(record_header_bytes + length);
    }
    if (is_at_limit) return not_tls;
    return {};
}

}  // namespace halton::tls
