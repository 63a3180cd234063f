// Writes messages of an AWS event stream, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace halton::test {

inline std::string big_endian(std::uint64_t number, int size) {
    std::string bytes;
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) {
        bytes += static_cast<char>(number >> shift & 0xff);
    }
    return bytes;
}

// Bit by bit, as the standard writes it down: slow, and nothing in common with the library's.
inline std::string aws_checksum(std::string_view bytes) {
    std::uint32_t sum = 0xffffffff;
    for (const char c : bytes) {
        sum ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return big_endian(~sum, 4);
}

inline std::string aws_text_header(std::string_view name, std::string_view value) {
    return big_endian(name.size(), 1) + std::string(name) + '\7' + big_endian(value.size(), 2) +
           std::string(value);
}

// `headers` as they stand on the wire.
inline std::string aws_frame(std::string_view headers, std::string_view payload) {
    std::string message =
        big_endian(16 + headers.size() + payload.size(), 4) + big_endian(headers.size(), 4);
    message += aws_checksum(message);
    message.append(headers).append(payload);
    return message + aws_checksum(message);
}

using AwsHeaders = std::vector<std::pair<std::string_view, std::string_view>>;

inline std::string aws_message(const AwsHeaders& headers, std::string_view payload) {
    std::string bytes;
    for (const auto& [name, value] : headers) bytes += aws_text_header(name, value);
    return aws_frame(bytes, payload);
}

// As Bedrock writes its events.
inline std::string aws_event(std::string_view type, std::string_view payload) {
    return aws_message(
        {{":event-type", type}, {":content-type", "application/json"}, {":message-type", "event"}},
        payload);
}

}  // namespace halton::test
