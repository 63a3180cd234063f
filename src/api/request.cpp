#include "api/request.h"

#include "base/limits.h"
#include "base/text.h"

namespace halton::api {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

const std::string* Request::find(std::string_view key) const {
    for (const auto& [word, value] : query)
        if (word == key) return value.empty() ? nullptr : &value;
    return nullptr;
}

std::optional<std::string> decode_percent(std::string_view text, bool plus_is_blank) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

Result<Request> parse_request(std::string_view method, std::string_view target) {
    if (target.size() > limits::api_target_bytes_max)
        return fail(ErrorKind::too_large, "the address is too long");
    if (!target.starts_with('/')) return fail(ErrorKind::malformed, "the address is no path");
    Request request;
    request.method = method;
    const auto mark = target.find('?');
    std::string_view path = target.substr(0, mark);
    while (!path.empty()) {
        path.remove_prefix(1);  // the slash
        const auto end = std::min(path.find('/'), path.size());
        auto decoded = decode_percent(path.substr(0, end));
        if (!decoded) return fail(ErrorKind::malformed, "the path has a broken percent-encoding");
        request.path.push_back({std::string(path.substr(0, end)), std::move(*decoded)});
        path.remove_prefix(end);
    }
    if (mark == std::string_view::npos) return request;
    std::string_view query = target.substr(mark + 1);
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        if (request.query.size() >= limits::api_query_count_max)
            return fail(ErrorKind::too_large, "the query has too many parts");
        const auto equal = std::min(pair.find('='), pair.size());
        auto name = decode_percent(pair.substr(0, equal), true);
        auto value = decode_percent(pair.substr(std::min(equal + 1, pair.size())), true);
        if (!name || !value)
            return fail(ErrorKind::malformed, "the query has a broken percent-encoding");
        request.query.emplace_back(std::move(*name), std::move(*value));
    }
    return request;
}

std::optional<UtcTime> parse_day(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    auto time = parse_iso8601(std::string(text) + "T00:00:00Z");
    if (!time) return std::nullopt;
    return *time;
}

std::optional<UtcTime> parse_day_or_time(std::string_view text) {
    if (text.size() == 10) return parse_day(text);
    auto time = parse_iso8601(text);
    if (!time) return std::nullopt;
    return *time;
}

std::string to_day(UtcTime time) { return to_iso8601(time).substr(0, 10); }

}  // namespace halton::api
