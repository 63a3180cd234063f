#include "http/head.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"

namespace halton::http {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::size_t host_bytes_max = 253;  // RFC 1035: 255 on the wire, two are overhead
constexpr std::size_t label_bytes_max = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Token characters of RFC 9110 section 5.6.2.
constexpr std::array<bool, 256> make_token_table() {
    std::array<bool, 256> table{};
    for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        table[static_cast<std::size_t>(c)] = true;
    return table;
}
constexpr std::array<bool, 256> is_token_char = make_token_table();

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_token_char[static_cast<unsigned char>(c)];
    });
}

// Bytes above 127 pass: they are opaque, and common in targets that people type.
bool is_text(std::string_view text, bool may_have_blanks) {
    return std::all_of(text.begin(), text.end(), [may_have_blanks](char c) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == ' ' || c == '\t') return may_have_blanks;
        return byte > 0x20 && byte != 0x7f;
    });
}

tl::unexpected<Error> bad(const char* why) { return fail(ErrorKind::malformed, why); }

// Takes the next line off `rest`. Bare CR and LF stay in the line, where the checks find them.
std::optional<std::string_view> take_line(std::string_view& rest) {
    const auto end = rest.find(crlf);
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + crlf.size());
    return line;
}

// "HTTP/1.x" gives x.
Result<int> parse_version(std::string_view text) {
    if (text.size() != 8 || text.substr(0, 5) != "HTTP/" || !is_digit(text[5]) || text[6] != '.' ||
        !is_digit(text[7]))
        return bad("no HTTP version in the first line");
    if (text[5] != '1') return fail(ErrorKind::unsupported, "not HTTP/1.x");
    return text[7] - '0';
}

Result<void> parse_fields(std::string_view rest, HeaderList& headers) {
    for (std::size_t count = 0;;) {
        const auto line = take_line(rest);
        if (!line) return bad("the head does not end with a blank line");
        if (line->empty()) break;
        if (++count > limits::header_count_max)
            return fail(ErrorKind::too_large, "too many header fields");
        if (line->front() == ' ' || line->front() == '\t') return bad("folded header line");
        const auto colon = line->find(':');
        if (colon == std::string_view::npos) return bad("header line without a colon");
        const auto name = line->substr(0, colon);
        if (!is_token(name)) return bad("bad header name");
        const auto value = line->substr(colon + 1);
        if (!is_text(value, true)) return bad("control byte in a header value");
        headers.add(std::string(name), std::string(trim(value)));
    }
    if (!rest.empty()) return bad("bytes behind the blank line");
    return {};
}

// Two readers that disagree on the length of a message can be played against each other, so
// anything that leaves room for two readings is refused (RFC 9112 section 6.3).
Result<void> check_framing(const HeaderList& headers, int version_minor, bool is_request) {
    std::optional<std::uint64_t> length;
    bool has_coding = false;
    std::string_view last_coding;
    int chunked_count = 0;
    for (const Header& header : headers.all()) {
        if (is_equal_ignoring_case(header.name, "content-length")) {
            const auto value = parse_decimal(header.value);
            if (!value) return bad("bad Content-Length");
            if (length && *length != *value) return bad("two different Content-Length");
            length = value;
        } else if (is_equal_ignoring_case(header.name, "transfer-encoding")) {
            has_coding = true;
            std::string_view list = header.value;
            while (!list.empty()) {
                const auto comma = std::min(list.find(','), list.size());
                const auto coding = trim(list.substr(0, comma));
                list.remove_prefix(std::min(comma + 1, list.size()));
                if (coding.empty()) continue;
                last_coding = coding;
                if (is_equal_ignoring_case(coding, "chunked")) ++chunked_count;
            }
        }
    }
    if (!has_coding) return {};
    if (length) return bad("both Content-Length and Transfer-Encoding");
    if (version_minor == 0) return bad("Transfer-Encoding in HTTP/1.0");
    if (chunked_count > 1) return bad("chunked twice");
    if (is_request && !is_equal_ignoring_case(last_coding, "chunked"))
        return bad("last transfer coding is not chunked");
    return {};
}

using Ipv6 = std::array<std::uint16_t, 8>;

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
    std::uint32_t address = 0;
    for (int part = 0; part < 4; ++part) {
        const auto end = part < 3 ? text.find('.') : text.size();
        if (end == std::string_view::npos || end == 0 || end > 3) return std::nullopt;
        // A leading zero means octal to some readers, so it is a name here.
        if (end > 1 && text[0] == '0') return std::nullopt;
        const auto value = parse_decimal(text.substr(0, end));
        if (!value || *value > 255) return std::nullopt;
        address = (address << 8) | static_cast<std::uint32_t>(*value);
        text.remove_prefix(part < 3 ? end + 1 : end);
    }
    return address;
}

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    c = to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Groups of one side of "::"; an IPv4 tail counts as two. -1 when malformed.
int parse_ipv6_groups(std::string_view text, bool may_end_in_ipv4, Ipv6& out) {
    int count = 0;
    while (!text.empty()) {
        const auto colon = text.find(':');
        const auto group = text.substr(0, colon);
        if (colon == std::string_view::npos && may_end_in_ipv4 &&
            group.find('.') != std::string_view::npos) {
            const auto tail = parse_ipv4(group);
            if (!tail || count > 6) return -1;
            out[static_cast<std::size_t>(count++)] = static_cast<std::uint16_t>(*tail >> 16);
            out[static_cast<std::size_t>(count++)] = static_cast<std::uint16_t>(*tail & 0xffff);
            return count;
        }
        if (group.empty() || group.size() > 4 || count > 7) return -1;
        int value = 0;
        for (const char c : group) {
            const int digit = hex_value(c);
            if (digit < 0) return -1;
            value = value * 16 + digit;
        }
        out[static_cast<std::size_t>(count++)] = static_cast<std::uint16_t>(value);
        if (colon == std::string_view::npos) return count;
        text.remove_prefix(colon + 1);
        if (text.empty()) return -1;
    }
    return count;
}

std::optional<Ipv6> parse_ipv6(std::string_view text) {
    Ipv6 address{};
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) {
        if (parse_ipv6_groups(text, true, address) != 8) return std::nullopt;
        return address;
    }
    Ipv6 tail{};
    const int head_count = parse_ipv6_groups(text.substr(0, gap), false, address);
    const int tail_count = parse_ipv6_groups(text.substr(gap + 2), true, tail);
    if (head_count < 0 || tail_count < 0 || head_count + tail_count > 7) return std::nullopt;
    std::fill(address.begin() + head_count, address.end(), std::uint16_t{0});
    std::copy_n(tail.begin(), tail_count, address.end() - tail_count);
    return address;
}

// RFC 5952, so that equal addresses are equal texts.
std::string ipv6_text(const Ipv6& address) {
    const bool is_mapped = std::all_of(address.begin(), address.begin() + 5,
                                       [](std::uint16_t group) { return group == 0; }) &&
                           address[5] == 0xffff;
    if (is_mapped)
        return fmt::format("::ffff:{}.{}.{}.{}", address[6] >> 8, address[6] & 255, address[7] >> 8,
                           address[7] & 255);
    std::size_t gap_at = 0, gap_size = 0;
    for (std::size_t i = 0; i < address.size();) {
        std::size_t end = i;
        while (end < address.size() && address[end] == 0) ++end;
        if (end - i > gap_size) {
            gap_at = i;
            gap_size = end - i;
        }
        i = end + 1;
    }
    std::string text;
    for (std::size_t i = 0; i < address.size(); ++i) {
        if (gap_size > 1 && i == gap_at) {
            text += "::";
            i += gap_size - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') text += ':';
        text += fmt::format("{:x}", address[i]);
    }
    return text;
}

Result<void> parse_name(std::string_view host, Target& target) {
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    if (host.empty() || host.size() > host_bytes_max) return bad("empty or over-long host");
    std::size_t label_bytes = 0;
    for (const char c : host) {
        if (c == '.') {
            if (label_bytes == 0) return bad("empty label in the host");
            label_bytes = 0;
            continue;
        }
        // The underscore is no host character by the book, but real names have it.
        if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_')
            return bad("forbidden byte in the host");
        if (++label_bytes > label_bytes_max) return bad("over-long label in the host");
    }
    if (label_bytes == 0) return bad("empty label in the host");
    target.host = to_lower(host);
    target.is_ip_literal = parse_ipv4(host).has_value();
    return {};
}

// host [":" port]; `default_port` 0 makes the port a must.
Result<Target> parse_host_port(std::string_view text, std::uint16_t default_port) {
    Target target;
    std::string_view rest;
    if (!text.empty() && text.front() == '[') {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return bad("'[' without ']'");
        const auto address = parse_ipv6(text.substr(1, close - 1));
        if (!address) return bad("bad IPv6 address");
        target.host = ipv6_text(*address);
        target.is_ip_literal = true;
        rest = text.substr(close + 1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        if (const auto parsed = parse_name(text.substr(0, colon), target); !parsed)
            return fail(parsed.error());
        rest = text.substr(colon);
    }
    if (default_port != 0 && (rest.empty() || rest == ":")) {
        target.port = default_port;
        return target;
    }
    if (rest.empty() || rest.front() != ':') return bad("no port");
    rest.remove_prefix(1);
    const auto port = rest.size() <= 5 ? parse_decimal(rest) : std::nullopt;
    if (!port || *port == 0 || *port > 65535) return bad("bad port");
    target.port = static_cast<std::uint16_t>(*port);
    return target;
}

// Text that goes into one line of a head of ours.
std::string one_line(std::string_view text) { return to_safe_text(text, 256); }

}  // namespace

void HeaderList::add(std::string name, std::string value) {
    Header& header = add_empty();
    header.name = std::move(name);
    header.value = std::move(value);
}

Header& HeaderList::add_empty() {
    // Most heads have 8 to 16 fields: one allocation instead of five.
    if (headers_.capacity() == 0) headers_.reserve(16);
    return headers_.emplace_back();
}

const std::string* HeaderList::find(std::string_view name) const {
    for (const Header& header : headers_)
        if (is_equal_ignoring_case(header.name, name)) return &header.value;
    return nullptr;
}

bool HeaderList::has_token(std::string_view name, std::string_view token) const {
    for (const Header& header : headers_) {
        if (!is_equal_ignoring_case(header.name, name)) continue;
        std::string_view list = header.value;
        while (!list.empty()) {
            const auto comma = std::min(list.find(','), list.size());
            if (is_equal_ignoring_case(trim(list.substr(0, comma)), token)) return true;
            list.remove_prefix(std::min(comma + 1, list.size()));
        }
    }
    return false;
}

std::size_t HeaderList::count(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        headers_.begin(), headers_.end(),
        [name](const Header& header) { return is_equal_ignoring_case(header.name, name); }));
}

std::size_t find_head_end(std::string_view bytes, std::size_t& scanned) {
    constexpr std::string_view end_mark = "\r\n\r\n";
    const auto at = bytes.find(end_mark, scanned);
    if (at != std::string_view::npos) return at + end_mark.size();
    // The mark may begin in the last three bytes.
    scanned = std::max(scanned, bytes.size() - std::min<std::size_t>(bytes.size(), 3));
    return 0;
}

Result<RequestHead> parse_request_head(std::string_view head) {
    if (head.size() > limits::head_bytes_max) return fail(ErrorKind::too_large, "request head");
    // One empty line before a request is an old habit that RFC 9112 section 2.2 forgives.
    if (head.substr(0, 2) == crlf) head.remove_prefix(2);
    const auto line = take_line(head);
    if (!line) return bad("no request line");
    if (*line == "PRI * HTTP/2.0") return fail(ErrorKind::unsupported, "HTTP/2 preface");

    const auto method_end = line->find(' ');
    if (method_end == std::string_view::npos) return bad("no request target");
    const auto rest = line->substr(method_end + 1);
    const auto target_end = rest.find(' ');
    RequestHead request;
    request.method = line->substr(0, method_end);
    request.target = rest.substr(0, target_end);
    if (!is_token(request.method)) return bad("bad method");
    if (request.target.empty() || !is_text(request.target, false)) return bad("bad request target");
    if (target_end == std::string_view::npos) return fail(ErrorKind::unsupported, "HTTP/0.9");
    const auto minor = parse_version(rest.substr(target_end + 1));
    if (!minor) return fail(minor.error());
    request.version_minor = *minor;

    if (auto fields = parse_fields(head, request.headers); !fields) return fail(fields.error());
    if (auto framing = check_framing(request.headers, request.version_minor, true); !framing)
        return fail(framing.error());
    // None at all is wrong in HTTP/1.1, but harmless here: the target says where to go.
    if (request.headers.count("host") > 1) return bad("more than one Host");
    return request;
}

Result<ResponseHead> parse_response_head(std::string_view head) {
    if (head.size() > limits::head_bytes_max) return fail(ErrorKind::too_large, "response head");
    const auto line = take_line(head);
    if (!line) return bad("no status line");
    ResponseHead response;
    const auto minor = parse_version(line->substr(0, 8));
    if (!minor) return fail(minor.error());
    response.version_minor = *minor;
    // The blank before an empty reason is often left out.
    if (line->size() < 12 || (*line)[8] != ' ' || (line->size() > 12 && (*line)[12] != ' '))
        return bad("bad status line");
    const auto status = parse_decimal(line->substr(9, 3));
    if (!status || *status < 100) return bad("bad status code");
    response.status = static_cast<int>(*status);
    if (line->size() > 13) response.reason = line->substr(13);
    if (!is_text(response.reason, true)) return bad("control byte in the status line");

    if (auto fields = parse_fields(head, response.headers); !fields) return fail(fields.error());
    if (auto framing = check_framing(response.headers, response.version_minor, false); !framing)
        return fail(framing.error());
    return response;
}

Result<Target> parse_authority(std::string_view authority) { return parse_host_port(authority, 0); }

std::string to_text(const Target& target) {
    if (target.host.find(':') != std::string::npos)
        return fmt::format("[{}]:{}", target.host, target.port);
    return fmt::format("{}:{}", target.host, target.port);
}

Result<AbsoluteUri> parse_absolute_uri(std::string_view uri) {
    const auto scheme_end = uri.find("://");
    if (scheme_end == std::string_view::npos || scheme_end == 0) return bad("no scheme");
    const auto scheme = uri.substr(0, scheme_end);
    const bool is_scheme =
        is_alpha(scheme.front()) && std::all_of(scheme.begin(), scheme.end(), [](char c) {
            return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
        });
    if (!is_scheme) return bad("bad scheme");
    AbsoluteUri parsed;
    parsed.scheme = to_lower(scheme);

    uri.remove_prefix(scheme_end + 3);
    const auto authority_end = std::min(uri.find_first_of("/?#"), uri.size());
    const auto authority = uri.substr(0, authority_end);
    if (authority.find('@') != std::string_view::npos) return bad("user info in the URI");
    const std::uint16_t default_port = parsed.scheme == "http" || parsed.scheme == "ws"     ? 80
                                       : parsed.scheme == "https" || parsed.scheme == "wss" ? 443
                                                                                            : 0;
    auto target = parse_host_port(authority, default_port);
    if (!target) return fail(target.error());
    parsed.target = std::move(*target);

    auto path = uri.substr(authority_end);
    path = path.substr(0, path.find('#'));
    if (!is_text(path, false)) return bad("control byte or blank in the URI");
    if (path.empty() || path.front() != '/') parsed.path_and_query = "/";
    parsed.path_and_query += path;
    return parsed;
}

std::string_view path_of(std::string_view request_target) {
    return request_target.substr(0, request_target.find_first_of("?#"));
}

std::string make_error_response(int status, std::string_view reason_phrase,
                                std::string_view halton_reason, std::string_view body) {
    const std::string_view newline = body.empty() || body.back() != '\n' ? "\n" : "";
    return fmt::format(
        "HTTP/1.1 {} {}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: {}\r\n"
        "Connection: close\r\n"
        "x-halton-reason: {}\r\n"
        "\r\n"
        "{}{}",
        status, one_line(reason_phrase), body.size() + newline.size(), one_line(halton_reason),
        body, newline);
}

}  // namespace halton::http
