#include "api/pages.h"

#include "base/text.h"
#include "http/content_decode.h"

namespace halton::api {
namespace {

constexpr std::string_view no_dashboard =
    R"(<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>halton-meter</title>
<h1>halton-meter works</h1>
<p>This build has no dashboard in it. Everything it would show is there all the same:</p>
<ul>
<li><code>halton-meter report</code> and <code>halton-meter status</code> in a terminal</li>
<li><a href="/v1/stats">/v1/stats</a>, <a href="/v1/projects">/v1/projects</a>,
<a href="/v1/requests">/v1/requests</a> as JSON</li>
<li><a href="/v1/openapi.json">/v1/openapi.json</a>: everything else, described</li>
<li><a href="/metrics">/metrics</a> for Prometheus</li>
</ul>
<p>To build one with it: <code>meson configure build -Ddashboard=enabled</code>.</p>
)";

// Nothing from anywhere else, no frame around it, no form that leads elsewhere.
constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

bool takes_gzip(const http::RequestHead& head) {
    const auto* accepted = head.headers.find("Accept-Encoding");
    if (accepted == nullptr) return false;
    for (std::string_view rest = *accepted; !rest.empty();) {
        const auto end = std::min(rest.find(','), rest.size());
        const auto part = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto name = trim(part.substr(0, part.find(';')));
        if (is_equal_ignoring_case(name, "gzip") || name == "*")
            return part.find("q=0") == std::string_view::npos ||
                   part.find("q=0.") != std::string_view::npos;
    }
    return false;
}

}  // namespace

std::optional<Answer> find_page(const http::RequestHead& head,
                                const Asset* (*find)(std::string_view path)) {
    if (head.method != "GET" && head.method != "HEAD") return std::nullopt;
    const auto path = http::path_of(head.target);
    const Asset* asset = find(path);
    if (asset == nullptr) {
        if (path != "/") return std::nullopt;
        Answer answer{200, std::string(no_dashboard), "text/html; charset=utf-8"};
        answer.headers.emplace_back("Content-Security-Policy", page_policy);
        return answer;
    }
    Answer answer{200, {}, std::string(asset->content_type)};
    answer.headers = {{"Content-Security-Policy", std::string(page_policy)},
                      {"ETag", std::string(asset->etag)},
                      {"Cache-Control",
                       asset->is_immutable ? "public, max-age=31536000, immutable" : "no-cache"}};
    const auto* known = head.headers.find("If-None-Match");
    if (known != nullptr && known->find(asset->etag) != std::string::npos) {
        answer.status = 304;
        return answer;
    }
    answer.headers.emplace_back("Vary", "Accept-Encoding, Origin");
    if (takes_gzip(head)) {
        answer.headers.emplace_back("Content-Encoding", "gzip");
        answer.body = asset->gzip;
        return answer;
    }
    // curl, and people who look what we serve.
    if (!http::ContentDecoder("gzip").feed(asset->gzip, answer.body))
        return make_problem(406, "this file is there as gzip only");
    return answer;
}

}  // namespace halton::api
