#include "net/http_server.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "net/task_group.h"

namespace halton::net {
namespace {

std::string_view phrase_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 204: return "No Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 409: return "Conflict";
        case 411: return "Length Required";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 422: return "Unprocessable Content";
        case 503: return "Service Unavailable";
        default: return "Unknown";
    }
}

// Everything up to the fields about the body's length.
std::string to_head(const HttpAnswer& answer) {
    auto text = fmt::format("HTTP/1.1 {} {}\r\n", answer.status, phrase_of(answer.status));
    if (answer.status != 204 && answer.status != 304)
        text += "Content-Type: " + answer.content_type + "\r\n";
    for (const auto& header : answer.headers.all())
        text += header.name + ": " + header.value + "\r\n";
    return text;
}

HttpAnswer make_problem(int status, std::string_view detail) {
    return {status, "application/json", fmt::format(R"({{"detail":"{}"}})", detail), {}};
}

}  // namespace

HttpExchange::HttpExchange(TcpStream& client, const Limits& limits, http::RequestHead head,
                           std::string body, bool is_last)
    : client_(client),
      limits_(limits),
      head_(std::move(head)),
      body_(std::move(body)),
      is_last_(is_last) {}

asio::awaitable<Result<void>> HttpExchange::send(const HttpAnswer& answer) {
    auto text = to_head(answer);
    if (answer.status != 204 && answer.status != 304)
        text += fmt::format("Content-Length: {}\r\n", answer.body.size());
    text += is_last_ ? "Connection: close\r\n\r\n" : "\r\n";
    if (!is_head()) text += answer.body;
    is_done_ = true;
    co_return co_await client_.write_all(text, limits_.first_head);
}

asio::awaitable<Result<void>> HttpExchange::begin(const HttpAnswer& answer) {
    is_chunked_ = head_.version_minor > 0;
    is_last_ |= !is_chunked_;
    auto text = to_head(answer);
    if (is_chunked_) text += "Transfer-Encoding: chunked\r\n";
    text += is_last_ ? "Connection: close\r\n\r\n" : "\r\n";
    co_return co_await client_.write_all(text, limits_.first_head);
}

asio::awaitable<Result<void>> HttpExchange::write(std::string_view piece) {
    // An empty chunk would be the end.
    if (piece.empty() || is_head()) co_return Result<void>();
    std::string text;
    if (is_chunked_)
        text = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    else
        text = piece;
    co_return co_await client_.write_all(text, limits_.first_head);
}

asio::awaitable<Result<void>> HttpExchange::end() {
    is_done_ = true;
    if (!is_chunked_ || is_head()) co_return Result<void>();
    co_return co_await client_.write_all("0\r\n\r\n", limits_.first_head);
}

struct HttpServer::Counted {
    explicit Counted(std::size_t& counted) : count(counted) { ++count; }
    ~Counted() { --count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    std::size_t& count;
};

struct HttpServer::Waiting {
    Waiting(std::list<TcpStream*>& waiting, TcpStream& stream)
        : list(waiting), at(list.insert(list.end(), &stream)) {}
    ~Waiting() { list.erase(at); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    std::list<TcpStream*>& list;
    std::list<TcpStream*>::iterator at;
};

// Whoever comes is let in at the cost of those who came before and ask nothing.
void HttpServer::make_room() {
    if (connection_count_ <= bounds_.connection_count_crowded || waiting_.empty()) return;
    std::error_code ignored;
    waiting_.front()->socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    // Its task ends in a moment; the next in the row is somebody else.
    waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
}

asio::awaitable<void> HttpServer::serve(TcpStream client) {
    const Counted counted(connection_count_);
    make_room();
    std::string bytes;
    for (;;) {
        http::RequestHead head;
        std::string body;
        HttpAnswer refusal;
        bool is_last = false;
        {
            const Waiting waiting(waiting_, client);
            // For all of a head, so that a byte now and then does not hold a connection.
            const auto until = std::chrono::steady_clock::now() + limits_.first_head;
            const auto left = [until] {
                return std::max(std::chrono::duration_cast<Milliseconds>(
                                    until - std::chrono::steady_clock::now()),
                                Milliseconds(1));
            };
            std::size_t scanned = 0;
            std::size_t end = 0;
            while ((end = http::find_head_end(bytes, scanned)) == 0) {
                if (bytes.size() > limits::head_bytes_max) co_return;
                if (std::chrono::steady_clock::now() >= until) co_return;
                const auto more = co_await client.read_more(bytes, 2048, left());
                if (!more) co_return;
            }
            auto parsed = http::parse_request_head(std::string_view(bytes).substr(0, end));
            bytes.erase(0, end);
            refusal.status = 0;
            if (!parsed) {
                refusal = make_problem(400, "not a request");
            } else {
                head = std::move(*parsed);
                is_last = head.headers.has_token("Connection", "close") || head.version_minor == 0;
                const std::string* length = head.headers.find("Content-Length");
                const auto size = length ? parse_decimal(*length) : std::uint64_t{0};
                if (head.headers.find("Transfer-Encoding") != nullptr)
                    refusal = make_problem(411, "a body has to have a length");
                else if (!size)
                    refusal = make_problem(400, "not a request");
                else if (*size > bounds_.body_bytes_max)
                    refusal = make_problem(413, "the body is too large");
                if (refusal.status == 0 && size && bytes.size() < *size &&
                    head.headers.has_token("Expect", "100-continue")) {
                    const auto sent =
                        co_await client.write_all("HTTP/1.1 100 Continue\r\n\r\n", left());
                    if (!sent) co_return;
                }
                while (refusal.status == 0 && bytes.size() < *size) {
                    if (std::chrono::steady_clock::now() >= until) co_return;
                    const auto more = co_await client.read_more(bytes, 4096, left());
                    if (!more) co_return;
                }
                if (refusal.status == 0) {
                    body = bytes.substr(0, *size);
                    bytes.erase(0, *size);
                }
            }
        }
        if (refusal.status != 0) {
            // Where the next request begins cannot be told.
            HttpExchange exchange(client, limits_, std::move(head), {}, true);
            (void)co_await exchange.send(refusal);
            co_return;
        }
        HttpExchange exchange(client, limits_, std::move(head), std::move(body), is_last);
        co_await handler_(exchange);
        // Who was cancelled while it answered would not hear of it again.
        const bool is_over = co_await is_cancelled();
        if (is_over) co_return;
        if (!exchange.is_reusable()) co_return;
    }
}

}  // namespace halton::net
