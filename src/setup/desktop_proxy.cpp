#include "setup/desktop_proxy.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::setup {
namespace {

std::string_view unquote(std::string_view text) {
    text = trim(text);
    if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'')
        text = text.substr(1, text.size() - 2);
    return text;
}

bool has_port(const std::vector<std::uint16_t>& ports, std::string_view text) {
    const auto port = parse_decimal(text);
    return port && std::find(ports.begin(), ports.end(), *port) != ports.end();
}

// Calls `on_line` with each line, its end included, and whether it belongs to the group.
void for_each_line(std::string_view text, std::string_view group,
                   const std::function<void(std::string_view line, bool is_in_group)>& on_line) {
    bool is_in_group = false;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
        const auto line = text.substr(0, end);
        text.remove_prefix(end);
        const auto content = trim(line);
        if (!content.empty() && content.front() == '[') is_in_group = content == group;
        on_line(line, is_in_group);
    }
}

constexpr std::string_view proxy_group = "[Proxy Settings]";

// The value when the line is "key=value", also with KDE's "key[$e]=value".
std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    auto name = trim(line.substr(0, equals));
    name = name.substr(0, name.find('['));
    if (name != key) return std::nullopt;
    return trim(line.substr(equals + 1));
}

std::string with_proxy_type(std::string_view kioslaverc, std::string_view new_line) {
    std::string text;
    for_each_line(kioslaverc, proxy_group, [&](std::string_view line, bool is_in_group) {
        text += is_in_group && value_of(line, "ProxyType") ? new_line : line;
    });
    return text;
}

}  // namespace

bool is_loopback_host(std::string_view host) {
    return is_equal_ignoring_case(host, "localhost") || host.substr(0, 4) == "127." ||
           host == "::1" || host == "[::1]";
}

bool is_ours(const GnomeProxy& proxy, const std::vector<std::uint16_t>& ports) {
    return unquote(proxy.mode) == "manual" && is_loopback_host(unquote(proxy.https_host)) &&
           has_port(ports, unquote(proxy.https_port));
}

bool is_ours(std::string_view kioslaverc, const std::vector<std::uint16_t>& ports) {
    bool is_manual = false;
    bool points_at_us = false;
    for_each_line(kioslaverc, proxy_group, [&](std::string_view line, bool is_in_group) {
        if (!is_in_group) return;
        if (const auto type = value_of(line, "ProxyType")) is_manual = *type == "1";
        if (auto address = value_of(line, "httpsProxy")) {
            // "http://127.0.0.1 8081", or with a colon as people write it by hand.
            if (const auto scheme = address->find("://"); scheme != std::string_view::npos)
                address->remove_prefix(scheme + 3);
            const auto cut = address->find_last_of(" :");
            if (cut == std::string_view::npos) return;
            auto port = address->substr(cut + 1);
            port = port.substr(0, port.find('/'));
            points_at_us = is_loopback_host(trim(address->substr(0, cut))) && has_port(ports, port);
        }
    });
    return is_manual && points_at_us;
}

bool has_proxy(std::string_view kioslaverc) {
    bool is_on = false;
    for_each_line(kioslaverc, proxy_group, [&](std::string_view line, bool is_in_group) {
        if (!is_in_group) return;
        if (const auto type = value_of(line, "ProxyType")) is_on = !type->empty() && *type != "0";
    });
    return is_on;
}

std::string switch_on_kioslaverc(std::string_view kioslaverc, std::uint16_t port) {
    const auto address = fmt::format("http://127.0.0.1 {}", port);
    struct Line {
        std::string_view key;
        std::string text;
        bool is_there;
    };
    std::array<Line, 3> lines{{{"ProxyType", "ProxyType=1\n", false},
                               {"httpProxy", "httpProxy=" + address + "\n", false},
                               {"httpsProxy", "httpsProxy=" + address + "\n", false}}};
    std::string text;
    // Where the group's last line of content ended, for keys that it lacks.
    std::optional<std::size_t> group_end;
    for_each_line(kioslaverc, proxy_group, [&](std::string_view line, bool is_in_group) {
        bool is_replaced = false;
        for (auto& own : lines) {
            if (!is_in_group || !value_of(line, own.key)) continue;
            if (!own.is_there) text += own.text;
            own.is_there = is_replaced = true;
        }
        if (!is_replaced) {
            text += line;
            // The last line of a file may lack its end.
            if (is_in_group && line.back() != '\n') text += '\n';
        }
        if (is_in_group && !trim(line).empty()) group_end = text.size();
    });
    std::string missing;
    for (const auto& own : lines)
        if (!own.is_there) missing += own.text;
    if (group_end) return text.insert(*group_end, missing);
    if (!text.empty() && text.back() != '\n') text += '\n';
    return text + (text.empty() ? "" : "\n") + std::string(proxy_group) + "\n" + missing;
}

std::string switch_off_kioslaverc(std::string_view kioslaverc) {
    return with_proxy_type(kioslaverc, "ProxyType=0\n");
}

std::optional<std::string> switch_back_on_kioslaverc(std::string_view kioslaverc) {
    bool is_off = false;
    for_each_line(kioslaverc, proxy_group, [&](std::string_view line, bool is_in_group) {
        if (const auto type = value_of(line, "ProxyType"); is_in_group && type)
            is_off = *type == "0";
    });
    if (!is_off) return std::nullopt;
    return with_proxy_type(kioslaverc, "ProxyType=1\n");
}

}  // namespace halton::setup
