#include "http/head.h"

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"

using namespace halton;
using namespace halton::http;

namespace {

ErrorKind request_error(std::string_view head) {
    const auto parsed = parse_request_head(head);
    REQUIRE_FALSE(parsed);
    return parsed.error().kind;
}

ErrorKind response_error(std::string_view head) {
    const auto parsed = parse_response_head(head);
    REQUIRE_FALSE(parsed);
    return parsed.error().kind;
}

std::string authority(std::string_view text) {
    const auto target = parse_authority(text);
    if (!target) return "error " + std::string(name_of(target.error().kind));
    return to_text(*target) + (target->is_ip_literal ? " ip" : "");
}

std::string uri(std::string_view text) {
    const auto parsed = parse_absolute_uri(text);
    if (!parsed) return "error " + std::string(name_of(parsed.error().kind));
    return parsed->scheme + ' ' + to_text(parsed->target) + ' ' + parsed->path_and_query;
}

}  // namespace

TEST_CASE("head: the end of a head is found wherever it is cut") {
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n";
    const auto end = bytes.find("body");
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
        std::size_t scanned = 0;
        const auto early = find_head_end(std::string_view(bytes).substr(0, first), scanned);
        if (first >= end) {
            CHECK(early == end);
        } else {
            CHECK(early == 0);
            CHECK(scanned <= first);
            CHECK(find_head_end(bytes, scanned) == end);
        }
    }
    std::size_t scanned = 0;
    for (std::size_t size = 0; size < end; ++size)
        CHECK(find_head_end(std::string_view(bytes).substr(0, size), scanned) == 0);
    CHECK(scanned == end - 1 - 3);
    CHECK(find_head_end(bytes, scanned) == end);
}

TEST_CASE("head: bare line feeds do not end a head") {
    std::size_t scanned = 0;
    CHECK(find_head_end("GET / HTTP/1.1\n\nxx\r\n\n", scanned) == 0);
}

TEST_CASE("head: a request head becomes a value") {
    const auto head = parse_request_head(
        "POST /v1/messages?beta=true HTTP/1.1\r\n"
        "Host: api.example.com\r\n"
        "X-Empty:\r\n"
        "content-length: 12 \t\r\n"
        "Connection: Keep-Alive, close ,upgrade\r\n"
        "connection: x\r\n"
        "\r\n");
    REQUIRE(head);
    CHECK(head->method == "POST");
    CHECK(head->target == "/v1/messages?beta=true");
    CHECK(head->version_minor == 1);
    REQUIRE(head->headers.all().size() == 5);
    CHECK(head->headers.all()[0].name == "Host");
    CHECK(*head->headers.find("HOST") == "api.example.com");
    CHECK(head->headers.find("x-empty")->empty());
    CHECK(*head->headers.find("Content-Length") == "12");
    CHECK(head->headers.find("missing") == nullptr);
    CHECK(head->headers.has_token("connection", "CLOSE"));
    CHECK(head->headers.has_token("Connection", "x"));
    CHECK_FALSE(head->headers.has_token("connection", "keep"));
    CHECK_FALSE(head->headers.has_token("missing", ""));
    CHECK(head->headers.count("connection") == 2);
}

TEST_CASE("head: requests that real clients send are accepted") {
    const std::string_view good[] = {
        "CONNECT api.example.com:443 HTTP/1.1\r\n\r\n",
        "CONNECT api.example.com:443 HTTP/1.0\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\nX: caf\xe9\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX:\ta\tb\r\n\r\n",
    };
    for (const auto head : good) {
        INFO(head);
        CHECK(parse_request_head(head));
    }
}

TEST_CASE("head: odd requests are malformed") {
    const std::string_view bad[] = {
        "",
        "\r\n",
        "\r\n\r\n",
        "GET / HTTP/1.1",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nmore",
        "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET /  HTTP/1.1\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "GET\t/ HTTP/1.1\r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET / HTTP/1\r\n\r\n",
        "GET / HTTP/11\r\n\r\n",
        "GET / HTTP/1.10\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\n X: a\r\n\r\n",
        "GET / HTTP/1.1\r\nX : a\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nX y: a\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\x02\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x10\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (const auto head : bad) {
        INFO(head);
        CHECK(request_error(head) == ErrorKind::malformed);
    }
    using namespace std::string_view_literals;
    CHECK(request_error("GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"sv) == ErrorKind::malformed);
}

TEST_CASE("head: other protocols are unsupported") {
    CHECK(request_error("PRI * HTTP/2.0\r\n\r\n") == ErrorKind::unsupported);
    CHECK(request_error("GET /\r\n\r\n") == ErrorKind::unsupported);
    CHECK(request_error("GET / HTTP/2.0\r\n\r\n") == ErrorKind::unsupported);
    CHECK(response_error("HTTP/2.0 200 OK\r\n\r\n") == ErrorKind::unsupported);
}

TEST_CASE("head: heads have limits") {
    const auto with_fields = [](std::size_t count) {
        std::string head = "GET / HTTP/1.1\r\n";
        for (std::size_t i = 0; i < count; ++i) head += "X: y\r\n";
        return head + "\r\n";
    };
    CHECK(parse_request_head(with_fields(limits::header_count_max)));
    CHECK(request_error(with_fields(limits::header_count_max + 1)) == ErrorKind::too_large);
    const std::string long_head =
        "GET /" + std::string(limits::head_bytes_max, 'a') + " HTTP/1.1\r\n\r\n";
    CHECK(request_error(long_head) == ErrorKind::too_large);
}

TEST_CASE("head: a response head becomes a value") {
    const auto head =
        parse_response_head("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nServer: x\r\n\r\n");
    REQUIRE(head);
    CHECK(head->status == 404);
    CHECK(head->reason == "Not Found");
    CHECK(head->version_minor == 1);
    CHECK(*head->headers.find("server") == "x");

    const auto connect = parse_response_head("HTTP/1.0 200 Connection established\r\n\r\n");
    REQUIRE(connect);
    CHECK(connect->version_minor == 0);
    for (const auto* text : {"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"}) {
        const auto bare = parse_response_head(text);
        REQUIRE(bare);
        CHECK(bare->status == 200);
        CHECK(bare->reason.empty());
    }
    CHECK(parse_response_head("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
    CHECK(parse_response_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"));
}

TEST_CASE("head: odd responses are malformed") {
    const std::string_view bad[] = {
        "",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\t200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n",
        "HTTP/1.1 200 OK\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (const auto head : bad) {
        INFO(head);
        CHECK(response_error(head) == ErrorKind::malformed);
    }
}

TEST_CASE("head: an authority becomes a target") {
    CHECK(authority("api.example.com:443") == "api.example.com:443");
    CHECK(authority("API.Example.COM.:443") == "api.example.com:443");
    CHECK(authority("localhost:1") == "localhost:1");
    CHECK(authority("my_host-1:65535") == "my_host-1:65535");
    CHECK(authority("127.0.0.1:8081") == "127.0.0.1:8081 ip");
    CHECK(authority("127.0.0.1.:8081") == "127.0.0.1:8081 ip");
    CHECK(authority("[::1]:443") == "[::1]:443 ip");
    CHECK(authority("[2001:DB8:0:0:1:0:0:1]:443") == "[2001:db8::1:0:0:1]:443 ip");
    CHECK(authority("[1:2:3:4:5:6:7:8]:443") == "[1:2:3:4:5:6:7:8]:443 ip");
    CHECK(authority("[1:2:3:4:5:6:7::]:443") == "[1:2:3:4:5:6:7:0]:443 ip");
    CHECK(authority("[::]:443") == "[::]:443 ip");
    CHECK(authority("[0:0:0:0:0:0:0:1]:443") == "[::1]:443 ip");
    CHECK(authority("[fe80::]:443") == "[fe80::]:443 ip");
    CHECK(authority("[::ffff:127.0.0.1]:443") == "[::ffff:127.0.0.1]:443 ip");
    CHECK(authority("[::FFFF:7f00:1]:443") == "[::ffff:127.0.0.1]:443 ip");
    CHECK(authority("[64:ff9b::1.2.3.4]:443") == "[64:ff9b::102:304]:443 ip");
}

TEST_CASE("head: numeric names are names") {
    for (const auto* name :
         {"127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "1.2.3.256", "1.2.3.4.5", "01.2.3.4"})
        CHECK(authority(std::string(name) + ":80") == std::string(name) + ":80");
}

TEST_CASE("head: odd authorities are malformed") {
    const std::string_view bad[] = {
        "",
        ":",
        ":443",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "host:000443",
        "host:4 3",
        "host:+443",
        "host:-1",
        "host:443x",
        "host:443:443",
        ".:443",
        "..:443",
        "a..b:443",
        ".a:443",
        "a b:443",
        "user@host:443",
        "host%41:443",
        "h\xc3\xb6st:443",
        "host/:443",
        "host\r\n:443",
        "[]:443",
        "[:443",
        "[::1]",
        "[::1]443",
        "[::1:443",
        "::1:443",
        "[::1%eth0]:443",
        "[::1%25eth0]:443",
        "[1:2:3:4:5:6:7]:443",
        "[1:2:3:4:5:6:7:8:9]:443",
        "[1::2::3]:443",
        "[:::]:443",
        "[12345::]:443",
        "[g::]:443",
        "[1.2.3.4]:443",
        "[1:2:3:4:5:6:7:1.2.3.4]:443",
        "[::1.2.3]:443",
        "[1:]:443",
        "[:1]:443",
        "[1:2:3:4::5:6:7:8]:443",
        "[1.2.3.4::]:443",
        "http://host:443",
    };
    for (const auto text : bad) {
        INFO(text);
        CHECK(authority(text) == "error malformed");
    }
    CHECK(authority(std::string(63, 'a') + ":1") == std::string(63, 'a') + ":1");
    CHECK(authority(std::string(64, 'a') + ":1") == "error malformed");
    std::string longest;
    for (int i = 0; i < 4; ++i) longest += std::string(62, 'a') + '.';
    CHECK(authority(longest + "a:1") == longest + "a:1");
    CHECK(authority(longest + "a.:1") == longest + "a:1");
    CHECK(authority(longest + "aa:1") == "error malformed");
}

TEST_CASE("head: an absolute URI becomes its parts") {
    CHECK(uri("http://example.com") == "http example.com:80 /");
    CHECK(uri("HTTP://Example.com:8080/a?b=c") == "http example.com:8080 /a?b=c");
    CHECK(uri("http://example.com?b") == "http example.com:80 /?b");
    CHECK(uri("http://example.com/a#frag") == "http example.com:80 /a");
    CHECK(uri("http://example.com#frag") == "http example.com:80 /");
    CHECK(uri("http://example.com:/a@b:c") == "http example.com:80 /a@b:c");
    CHECK(uri("https://[::1]/x") == "https [::1]:443 /x");
    CHECK(uri("http://[::1]:81") == "http [::1]:81 /");
    CHECK(uri("ws://a/") == "ws a:80 /");
    CHECK(uri("ftp://a:21/") == "ftp a:21 /");
    for (const auto* text :
         {"", "/", "/a?u=http://b", "example.com:80", "http:/a", "://a", "1x://a", "ht tp://a",
          "http://", "http:///a", "http://u@a/", "http://u:p@a/", "http://a:b/", "http://a:0/",
          "ftp://a/", "http://a b/", "http://a/\x01", "http://a\\b/"}) {
        INFO(text);
        CHECK(uri(text) == "error malformed");
    }
}

TEST_CASE("head: the path has no query") {
    CHECK(path_of("/v1/messages?beta=true") == "/v1/messages");
    CHECK(path_of("/v1/messages") == "/v1/messages");
    CHECK(path_of("/a#b?c") == "/a");
    CHECK(path_of("?") == "");
    CHECK(path_of("") == "");
}

TEST_CASE("head: our own answers are well-formed") {
    const std::string text = make_error_response(502, "Bad Gateway", "upstream_refused",
                                                 "cannot reach a; try: halton-meter status");
    const auto end = text.find("\r\n\r\n") + 4;
    const auto head = parse_response_head(std::string_view(text).substr(0, end));
    REQUIRE(head);
    CHECK(head->status == 502);
    CHECK(head->reason == "Bad Gateway");
    CHECK(*head->headers.find("x-halton-reason") == "upstream_refused");
    CHECK(head->headers.has_token("connection", "close"));
    CHECK(*head->headers.find("content-length") == std::to_string(text.size() - end));
    CHECK(text.substr(end) == "cannot reach a; try: halton-meter status\n");
    CHECK(make_error_response(400, "Bad", "x", "line\n").find("\r\n\r\nline\n") !=
          std::string::npos);
    CHECK(make_error_response(400, "Bad", "x", "line\n").find("\n\n") == std::string::npos);
}

TEST_CASE("head: text from the wire cannot forge a header of ours") {
    const auto text = make_error_response(400, "a\r\nX: 1", "b\r\nY: 2", "body");
    const auto head =
        parse_response_head(std::string_view(text).substr(0, text.find("\r\n\r\n") + 4));
    REQUIRE(head);
    CHECK(head->headers.find("x") == nullptr);
    CHECK(head->headers.find("y") == nullptr);
}
