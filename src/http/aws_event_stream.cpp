#include "http/aws_event_stream.h"

#include <algorithm>
#include <array>

#include <zlib.h>

#include "base/limits.h"

namespace halton::http {
namespace {

constexpr std::size_t prelude_bytes = 12;
constexpr std::size_t checksum_bytes = 4;

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint32_t number = 0;
    for (const char c : bytes.substr(at, size)) {
        number = number << 8 | static_cast<unsigned char>(c);
    }
    return number;
}

std::uint32_t checksum_of(std::string_view bytes) {
    const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
    return static_cast<std::uint32_t>(crc32_z(0, data, bytes.size()));
}

bool ends_with_its_checksum(std::string_view bytes) {
    const std::size_t size = bytes.size() - checksum_bytes;
    return checksum_of(bytes.substr(0, size)) == number_at(bytes, size, checksum_bytes);
}

// Types of values: two booleans without bytes, numbers of 1, 2, 4 and 8 bytes, bytes and text
// behind a length of two, a time, a UUID.
constexpr int type_bytes = 6, type_text = 7;
constexpr std::array<std::size_t, 10> fixed_sizes{0, 0, 1, 2, 4, 8, 0, 0, 8, 16};

}  // namespace

std::string_view AwsMessage::header(std::string_view name) const {
    for (const Header& header : headers_) {
        if (header.name == name) return header.value;
    }
    return {};
}

void AwsEventStreamReader::feed(std::string_view bytes, OnMessage on_message) {
    while (!bytes.empty() && !is_broken_) {
        if (skip_bytes_ > 0) {
            const auto count = std::min<std::size_t>(skip_bytes_, bytes.size());
            skip_bytes_ -= static_cast<std::uint32_t>(count);
            bytes.remove_prefix(count);
            continue;
        }
        if (part_.empty() && bytes.size() >= prelude_bytes) {
            if (!check_prelude(bytes)) break;
            if (total_bytes_ <= limits::aws_message_bytes_max && total_bytes_ <= bytes.size()) {
                take_message(bytes.substr(0, total_bytes_), on_message);
                bytes.remove_prefix(total_bytes_);
                continue;
            }
        }
        // Up to the end of the prelude first: only then it is known how much is wanted.
        const bool is_prelude_open = part_.size() < prelude_bytes;
        const std::size_t wanted = (is_prelude_open ? prelude_bytes : total_bytes_) - part_.size();
        const std::size_t count = std::min(wanted, bytes.size());
        part_ += bytes.substr(0, count);
        bytes.remove_prefix(count);
        if (is_prelude_open && part_.size() == prelude_bytes) {
            if (!check_prelude(part_)) break;
            if (total_bytes_ > limits::aws_message_bytes_max) {
                skip_bytes_ = total_bytes_ - static_cast<std::uint32_t>(prelude_bytes);
                ++dropped_count_;
                std::string().swap(part_);
            }
        } else if (!is_prelude_open && part_.size() == total_bytes_) {
            const std::string whole = std::move(part_);
            part_ = std::string();
            take_message(whole, on_message);
        }
    }
    if (is_broken_) std::string().swap(part_);
}

bool AwsEventStreamReader::check_prelude(std::string_view prelude) {
    total_bytes_ = number_at(prelude, 0, 4);
    const std::uint32_t header_bytes = number_at(prelude, 4, 4);
    constexpr std::size_t frame_bytes = prelude_bytes + checksum_bytes;
    is_broken_ = !ends_with_its_checksum(prelude.substr(0, prelude_bytes)) ||
                 total_bytes_ < frame_bytes || header_bytes > total_bytes_ - frame_bytes;
    return !is_broken_;
}

void AwsEventStreamReader::take_message(std::string_view message, OnMessage on_message) {
    const std::uint32_t header_bytes = number_at(message, 4, 4);
    if (!ends_with_its_checksum(message) ||
        !read_headers(message.substr(prelude_bytes, header_bytes))) {
        is_broken_ = true;
        return;
    }
    message.remove_suffix(checksum_bytes);
    on_message(AwsMessage(headers_, message.substr(prelude_bytes + header_bytes)));
    headers_.clear();
}

bool AwsEventStreamReader::read_headers(std::string_view bytes) {
    headers_.clear();
    std::size_t at = 0;
    const auto take = [&](std::size_t size, std::string_view& part) {
        if (bytes.size() - at < size) return false;
        part = bytes.substr(at, size);
        at += size;
        return true;
    };
    while (at < bytes.size()) {
        std::string_view name, type, value;
        const auto name_bytes = number_at(bytes, at++, 1);
        if (name_bytes == 0 || !take(name_bytes, name) || !take(1, type)) return false;
        const auto kind = static_cast<unsigned char>(type.front());
        if (kind >= fixed_sizes.size()) return false;
        std::size_t size = fixed_sizes[kind];
        if (kind == type_bytes || kind == type_text) {
            std::string_view length;
            if (!take(2, length)) return false;
            size = number_at(length, 0, 2);
        }
        if (!take(size, value)) return false;
        if (kind == type_text) headers_.push_back({name, value});
    }
    return true;
}

}  // namespace halton::http
