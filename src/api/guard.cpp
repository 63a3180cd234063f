#include "api/guard.h"

#include <algorithm>

#include "base/text.h"

namespace halton::api {
namespace {

bool is_port(std::string_view text) {
    const auto port = parse_decimal(text);
    return port && *port <= 65'535;
}

std::string_view value_of(const http::RequestHead& head, std::string_view name) {
    const std::string* value = head.headers.find(name);
    return value ? std::string_view(*value) : std::string_view();
}

enum class Caller { own, listed, hosted, foreign };

constexpr std::string_view hosted_dashboard = "https://app.haltonmeter.com";
constexpr std::string_view hosted_routes = "/v1/cloud/";

// Our pages come from the address that the request names: http and nothing else, for there is no
// TLS.
Caller find_caller(const http::RequestHead& head, const Guard& guard) {
    const auto origin = value_of(head, "Origin");
    if (origin.empty()) return Caller::own;
    constexpr std::string_view scheme = "http://";
    if (origin.starts_with(scheme) &&
        is_equal_ignoring_case(origin.substr(scheme.size()), value_of(head, "Host")))
        return Caller::own;
    if (origin == hosted_dashboard && http::path_of(head.target).starts_with(hosted_routes))
        return Caller::hosted;
    return std::find(guard.allow_origins.begin(), guard.allow_origins.end(), origin) !=
                   guard.allow_origins.end()
               ? Caller::listed
               : Caller::foreign;
}

bool is_reading(std::string_view method) { return method == "GET" || method == "HEAD"; }

Answer answer_preflight(const http::RequestHead& head, Caller caller) {
    Answer answer{204, {}};
    answer.headers = {{"Access-Control-Allow-Origin", std::string(value_of(head, "Origin"))},
                      {"Access-Control-Allow-Methods",
                       caller == Caller::hosted ? "GET, HEAD, POST" : "GET, HEAD"},
                      {"Access-Control-Allow-Headers", "Accept, Content-Type, Last-Event-ID"},
                      {"Access-Control-Max-Age", "600"},
                      {"Vary", "Origin"}};
    if (value_of(head, "Access-Control-Request-Private-Network") == "true")
        answer.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
    return answer;
}

}  // namespace

bool is_loopback_host(std::string_view host) {
    if (host.starts_with('[')) {
        constexpr std::string_view loopback = "[::1]";
        if (!host.starts_with(loopback)) return false;
        host.remove_prefix(loopback.size());
        return host.empty() || (host.starts_with(':') && is_port(host.substr(1)));
    }
    const auto colon = host.find(':');
    if (colon != std::string_view::npos && !is_port(host.substr(colon + 1))) return false;
    host = host.substr(0, colon);
    return host == "127.0.0.1" || is_equal_ignoring_case(host, "localhost");
}

Passed check_caller(const http::RequestHead& head, const Guard& guard) {
    const auto refuse = [](std::string_view why) { return Passed{make_problem(403, why), {}}; };
    const auto host = value_of(head, "Host");
    if (head.headers.count("Host") != 1 || !is_loopback_host(host))
        return refuse("only loopback host names are served");
    if (head.headers.count("Origin") > 1) return refuse("a request has one origin");
    const auto caller = find_caller(head, guard);
    const bool is_named = caller == Caller::listed || caller == Caller::hosted;
    if (head.method == "OPTIONS") {
        if (is_named) return {answer_preflight(head, caller), {}};
        if (caller == Caller::foreign) return refuse("this origin is not listed in [cors]");
        return {};  // of our own page, which needs none: no such method
    }
    // The routes that the hosted dashboard gets to change nothing.
    const bool is_change = !is_reading(head.method) && caller != Caller::hosted;
    if (is_change && caller != Caller::own)
        return refuse("pages of other origins change nothing here");
    const auto site = value_of(head, "Sec-Fetch-Site");
    const bool is_cross_site = is_equal_ignoring_case(site, "cross-site");
    if (is_cross_site && !is_named) {
        const bool is_link = head.method == "GET" && http::path_of(head.target) == "/" &&
                             value_of(head, "Sec-Fetch-Mode") == "navigate" &&
                             value_of(head, "Sec-Fetch-Dest") == "document";
        if (!is_link) return refuse("pages of other sites are not served");
    }
    // Without an Origin, but a browser says that another of our ports asks to change something.
    if (is_change && !site.empty() && site != "same-origin" && site != "none")
        return refuse("pages of other origins change nothing here");
    return {std::nullopt, is_named ? std::string(value_of(head, "Origin")) : std::string()};
}

bool is_equal_in_constant_time(std::string_view a, std::string_view b) {
    unsigned char difference = a.size() == b.size() ? 0 : 1;
    for (std::size_t i = 0; i < b.size(); ++i)
        difference |= static_cast<unsigned char>(
            static_cast<unsigned char>(i < a.size() ? a[i] : 0) ^ static_cast<unsigned char>(b[i]));
    return difference == 0;
}

std::optional<Answer> check_token(const http::RequestHead& head, const Guard& guard,
                                  bool takes_body) {
    if (find_caller(head, guard) != Caller::own)
        return make_problem(403, "pages of other origins see and change nothing here");
    const auto token = value_of(head, "X-Halton-Token");
    if (guard.token.empty() || head.headers.count("X-Halton-Token") != 1 ||
        !is_equal_in_constant_time(token, guard.token))
        return make_problem(401,
                            "this needs the token of the file api-token in the data directory, as "
                            "X-Halton-Token");
    if (takes_body) {
        const auto type = value_of(head, "Content-Type");
        if (!is_equal_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json"))
            return make_problem(415, "the body has to be application/json");
    }
    return std::nullopt;
}

void add_security_headers(Answer& answer, std::string_view cors_origin) {
    const auto has = [&answer](std::string_view name) {
        return std::any_of(answer.headers.begin(), answer.headers.end(),
                           [name](const auto& header) { return header.first == name; });
    };
    const auto add = [&](const char* name, std::string_view value) {
        if (!has(name)) answer.headers.emplace_back(name, value);
    };
    add("Cache-Control", "no-store");
    add("X-Content-Type-Options", "nosniff");
    add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    add("X-Frame-Options", "DENY");
    add("Referrer-Policy", "no-referrer");
    add("Cross-Origin-Resource-Policy", "same-origin");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Vary", "Origin");
    if (!cors_origin.empty()) add("Access-Control-Allow-Origin", cors_origin);
}

}  // namespace halton::api
