#include "proxy/edge_counts.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"

namespace halton::proxy {
namespace {

constexpr std::array<std::string_view, 5> pass_names{"daemon-down", "chain-failed", "declined",
                                                     "loopback", "plain-http"};

bool is_loopback_host(std::string_view host) {
    if (host.starts_with('[')) return host == "[::1]" || host.starts_with("[::1]:");
    host = host.substr(0, host.rfind(':'));
    return host == "127.0.0.1" || is_equal_ignoring_case(host, "localhost");
}

}  // namespace

void EdgeCounts::note_health(bool is_healthy, UtcTime now) {
    if (!is_healthy && (is_healthy_ || down_since_ == UtcTime{})) down_since_ = now;
    is_healthy_ = is_healthy;
}

std::string EdgeCounts::to_json(const About& about) const {
    JsonWriter json;
    json.begin_object();
    json.text("role", "edge").text("version", about.version).number("pid", about.pid);
    json.number("port", about.port).number("internal_port", about.internal_port);
    json.text("mode", is_healthy_ ? "chain" : "passthrough");
    is_healthy_ ? json.null("daemon_down_since")
                : json.text("daemon_down_since", to_iso8601(down_since_));
    json.number("chained", static_cast<std::int64_t>(chained_));
    json.begin_object("passthrough");
    for (std::size_t i = 0; i < pass_names.size(); ++i)
        json.number(pass_names[i], static_cast<std::int64_t>(passed_[i]));
    json.end().end();
    return json.finish();
}

bool is_health_question(const http::RequestHead& head) {
    if (head.method != "GET" || http::path_of(head.target) != "/health") return false;
    const auto* host = head.headers.find("Host");
    return host != nullptr && is_loopback_host(*host);
}

std::string make_health_response(std::string_view json) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n{}",
        json.size(), json);
}

}  // namespace halton::proxy
