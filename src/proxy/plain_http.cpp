#include "proxy/plain_http.h"

#include "base/text.h"

namespace halton::proxy {
namespace {

// The proxy hop's own fields, and those the Connection field names. What says where the body ends
// belongs to the message, whatever Connection says.
bool is_of_this_hop(const http::HeaderList& headers, std::string_view name) {
    for (const std::string_view own :
         {"Host", "Proxy-Connection", "Proxy-Authorization", "Connection", "Keep-Alive"})
        if (is_equal_ignoring_case(name, own)) return true;
    for (const std::string_view framing : {"Content-Length", "Transfer-Encoding"})
        if (is_equal_ignoring_case(name, framing)) return false;
    return headers.has_token("Connection", name);
}

}  // namespace

std::string rewrite_head(const http::RequestHead& head, const http::AbsoluteUri& uri,
                         bool is_for_proxy, std::string_view proxy_authorization) {
    const bool is_upgrade = head.headers.has_token("Connection", "upgrade");
    std::string host = uri.target.host.find(':') == std::string::npos
                           ? uri.target.host
                           : '[' + uri.target.host + ']';
    if (uri.target.port != 80) host += ':' + std::to_string(uri.target.port);

    std::string text = head.method + ' ';
    if (is_for_proxy) text += "http://" + host;
    text += uri.path_and_query + " HTTP/1.1\r\nHost: " + host + "\r\n";
    for (const auto& header : head.headers.all()) {
        if (is_equal_ignoring_case(header.name, "Upgrade")) {
            if (!is_upgrade) continue;
        } else if (is_of_this_hop(head.headers, header.name)) {
            continue;
        }
        text += header.name + ": " + header.value + "\r\n";
    }
    if (is_for_proxy && !proxy_authorization.empty())
        text.append("Proxy-Authorization: ").append(proxy_authorization).append("\r\n");
    text += is_upgrade ? "Connection: Upgrade\r\n\r\n" : "Connection: close\r\n\r\n";
    return text;
}

}  // namespace halton::proxy
