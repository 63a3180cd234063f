#include "net/http_server.h"

#include "base/text.h"

namespace halton::net {
namespace {

std::string_view phrase_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 400: return "Bad Request";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 503: return "Service Unavailable";
        default: return "Unknown";
    }
}

std::string to_text(const HttpAnswer& answer, bool is_head, bool is_last) {
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
    text += phrase_of(answer.status);
    text += "\r\nContent-Type: " + answer.content_type +
            "\r\nContent-Length: " + std::to_string(answer.body.size()) +
            "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    for (const auto& header : answer.headers.all())
        text += header.name + ": " + header.value + "\r\n";
    text += is_last ? "Connection: close\r\n\r\n" : "\r\n";
    if (!is_head) text += answer.body;
    return text;
}

}  // namespace

asio::awaitable<void> serve_http(TcpStream client, const Limits& limits,
                                 const HttpHandler& handler) {
    std::string bytes;
    for (;;) {
        std::size_t scanned = 0;
        std::size_t end = 0;
        while ((end = http::find_head_end(bytes, scanned)) == 0) {
            if (bytes.size() > limits::head_bytes_max) co_return;
            const auto more = co_await client.read_more(bytes, 2048, limits.first_head);
            if (!more) co_return;
        }
        const auto head = http::parse_request_head(std::string_view(bytes).substr(0, end));
        bytes.erase(0, end);
        bool is_last = !head || head->headers.has_token("Connection", "close") ||
                       head->version_minor == 0;
        HttpAnswer answer{400, "application/json", R"({"detail":"not a request"})", {}};
        if (head) {
            // Nothing here takes a body; what follows one cannot be told from it.
            const std::string* length = head->headers.find("Content-Length");
            is_last |= (length && *length != "0") || head->headers.find("Transfer-Encoding");
            answer = handler(*head);
        }
        const bool is_head = head && head->method == "HEAD";
        const auto sent =
            co_await client.write_all(to_text(answer, is_head, is_last), limits.first_head);
        if (!sent || is_last) co_return;
    }
}

}  // namespace halton::net
