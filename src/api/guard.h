// Who may ask: against pages of other origins (CSRF, DNS rebinding) and against changes by anybody
// who has not read the token file.
// In:    the head of a request. Out: whether it is served, and the headers that say so to a
// browser.
//   Host     one, a loopback name. Anything else is a page that had its name point to us.
//   Origin   none (no browser, or its own address bar), our own, or one of [cors] allow_origins,
//            which may read. Every other one gets no CORS header, and so cannot read.
//            The vendor's hosted dashboard may ask the routes of the cloud part, whatever the
//            list is, and nothing else: how it finds a daemon on this machine.
//   Sec-Fetch-Site: cross-site   refused, unless that origin is one of those or a person follows a
//            link to the dashboard.
//   writing  no foreign origin, listed or not; JSON only; the token.
// Pure. The token is compared in a time that tells nothing about it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/routes.h"
#include "http/head.h"

namespace halton::api {

// Whether that is a loopback name, with a port or without.
bool is_loopback_host(std::string_view host);

struct Guard {
    std::span<const std::string> allow_origins;
    std::string_view token;  // empty: nothing may be written
};

struct Passed {
    std::optional<Answer> refusal;
    std::string cors_origin;  // to be named in the answer's headers
};

// For every request, before anything else of it is looked at. A preflight is answered here.
Passed check_caller(const http::RequestHead& head, const Guard& guard);

// For a route that needs the token. `takes_body`: the body has to be called JSON.
std::optional<Answer> check_token(const http::RequestHead& head, const Guard& guard,
                                  bool takes_body);

bool is_equal_in_constant_time(std::string_view a, std::string_view b);

// What every answer says to browsers; `cors_origin` as in Passed.
void add_security_headers(Answer& answer, std::string_view cors_origin);

}  // namespace halton::api
