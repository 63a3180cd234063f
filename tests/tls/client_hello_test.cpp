#include "tls/client_hello.h"

#include <openssl/ssl.h>

#include "base/limits.h"
#include "support/catch.h"
#include "support/feed.h"
#include "tls/handshake.h"

using namespace halton;
using namespace halton::tls;
using test::Chunks;

namespace {

std::string number(std::size_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
    return text;
}

std::string vector_of(std::string_view content, int length_bytes) {
    return number(content.size(), length_bytes) + std::string(content);
}

std::string extension(std::size_t type, std::string_view body) {
    return number(type, 2) + vector_of(body, 2);
}

std::string server_name(std::string_view host) {
    return extension(0, vector_of(number(0, 1) + vector_of(host, 2), 2));
}

std::string alpn(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) list += vector_of(name, 1);
    return extension(16, vector_of(list, 2));
}

// A handshake message with the fields that every client sends.
std::string message(std::string_view extensions) {
    const std::string body = number(0x0303, 2) + std::string(32, 'r') +
                             vector_of(std::string(32, 's'), 1) +
                             vector_of("\x0a\x0a\x13\x01\x13\x02", 2) + vector_of(number(0, 1), 1) +
                             vector_of(extensions, 2);
    return number(1, 1) + vector_of(body, 3);
}

std::string record(std::string_view payload) {
    return number(22, 1) + number(0x0301, 2) + vector_of(payload, 2);
}

std::string hello_for(std::string_view host) { return record(message(server_name(host))); }

struct Verdict {
    HelloState state;
    std::string server_name;
    std::vector<std::string> alpn;
    bool has_alpn;
    bool has_encrypted_client_hello;
    bool operator==(const Verdict&) const = default;
};

Verdict verdict_of(const HelloRead& read) {
    return {read.state, read.hello.server_name, read.hello.alpn, read.hello.has_alpn,
            read.hello.has_encrypted_client_hello};
}

// As a connection uses it: reads grow the same buffer, and the first verdict counts.
Verdict feed(std::string_view bytes) {
    return test::feed_all_ways(bytes, [](const Chunks& chunks) {
        std::string buffer;
        HelloRead read;
        for (const auto chunk : chunks) {
            buffer += chunk;
            read = read_client_hello(buffer);
            if (read.state != HelloState::need_more) break;
        }
        return verdict_of(read);
    });
}

HelloState state_of(std::string_view bytes) { return feed(bytes).state; }

}  // namespace

TEST_CASE("the hello of the library's own client") {
    const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    SSL_CTX_set_grease_enabled(context.get(), 1);
    const std::string bytes =
        test::first_flight(context.get(), "API.Example.com", {"h2", "http/1.1"});
    const Verdict verdict = feed(bytes);
    CHECK(verdict.state == HelloState::complete);
    CHECK(verdict.server_name == "api.example.com");
    CHECK(verdict.alpn == std::vector<std::string>{"h2", "http/1.1"});
    CHECK(verdict.has_alpn);
    CHECK_FALSE(verdict.has_encrypted_client_hello);
}

TEST_CASE("a hello without server name and ALPN") {
    const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    const Verdict verdict = feed(test::first_flight(context.get(), "", {}));
    CHECK(verdict == Verdict{HelloState::complete, "", {}, false, false});
}

TEST_CASE("an encrypted hello is noticed, the dummy one too") {
    const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    const Verdict verdict =
        feed(test::first_flight(context.get(), "outer.example", {}, test::Ech::dummy));
    CHECK(verdict.state == HelloState::complete);
    CHECK(verdict.server_name == "outer.example");
    CHECK(verdict.has_encrypted_client_hello);
}

TEST_CASE("a hello split over records of any size, also within its header") {
    const std::string whole = message(extension(0x1a1a, "") + server_name("api.example.com") +
                                      alpn({"http/1.1"}) + extension(21, std::string(1400, '\0')));
    for (const std::size_t size : {1, 2, 3, 4, 5, 100, 1000}) {
        std::string bytes;
        for (std::size_t at = 0; at < whole.size(); at += size)
            bytes += record(std::string_view(whole).substr(at, size));
        INFO("records of " << size);
        const Verdict verdict = feed(bytes);
        CHECK(verdict.state == HelloState::complete);
        CHECK(verdict.server_name == "api.example.com");
        CHECK(verdict.alpn == std::vector<std::string>{"http/1.1"});
    }
}

TEST_CASE("bytes after the hello are not looked at") {
    const std::string hello = hello_for("api.example.com");
    CHECK(state_of(hello + "\x17\x03\x03 early data") == HelloState::complete);
    CHECK(state_of(hello + std::string(20'000, '\xff')) == HelloState::complete);
}

TEST_CASE("every shorter hello needs more") {
    const std::string hello = hello_for("api.example.com");
    for (std::size_t length = 0; length < hello.size(); ++length)
        REQUIRE(read_client_hello(hello.substr(0, length)).state == HelloState::need_more);
}

TEST_CASE("what is no TLS is known by its first bytes") {
    CHECK(read_client_hello("G").state == HelloState::not_tls);
    CHECK(state_of("GET / HTTP/1.1\r\n\r\n") == HelloState::not_tls);
    CHECK(state_of("SSH-2.0-client\r\n") == HelloState::not_tls);
    CHECK(state_of(std::string("\x80\x2e\x01\x03\x01", 5)) == HelloState::not_tls);  // SSL 2 form
    CHECK(state_of(std::string("\x16\x02\x00\x00\x05", 5)) == HelloState::not_tls);  // major 2
    CHECK(state_of(std::string("\x16\x03\x01\x00\x00", 5)) == HelloState::not_tls);  // empty record
    CHECK(state_of(std::string("\x16\x03\x01\x40\x01", 5)) == HelloState::not_tls);  // too long
    CHECK(state_of(record("\x02")) == HelloState::not_tls);                          // ServerHello
    CHECK(state_of(record(std::string("\x01\x01\x00\x00", 4))) == HelloState::not_tls);  // 64 KiB
    // Another record type in the middle of the hello.
    CHECK(state_of(record("\x01") + std::string("\x15\x03\x01\x00\x02\x02\x28", 7)) ==
          HelloState::not_tls);
}

TEST_CASE("server names are brought to one form, and what is no name counts as none") {
    CHECK(feed(hello_for("API.OpenAI.com.")).server_name == "api.openai.com");
    CHECK(feed(hello_for("127.0.0.1")).server_name == "127.0.0.1");
    for (const std::string& name :
         {std::string("::1"), std::string("a b"), std::string("a\0b.com", 7), std::string("a\n"),
          std::string("caf\xc3\xa9.example"), std::string(254, 'a')}) {
        const Verdict verdict = feed(hello_for(name));
        CHECK(verdict.state == HelloState::complete);
        CHECK(verdict.server_name.empty());
    }
}

TEST_CASE("names of unknown kinds are stepped over") {
    const std::string list =
        number(7, 1) + vector_of("odd", 2) + number(0, 1) + vector_of("api.example.com", 2);
    CHECK(feed(record(message(extension(0, vector_of(list, 2))))).server_name == "api.example.com");
}

TEST_CASE("lengths that lie make it no hello") {
    const auto with = [](std::string_view extensions) {
        return state_of(record(message(extensions)));
    };
    const std::string entry = number(0, 1) + vector_of("a.example", 2);
    CHECK(with(server_name("a.example")) == HelloState::complete);
    CHECK(with(number(0, 2) + number(500, 2) + "x") == HelloState::not_tls);
    CHECK(with(extension(0, "")) == HelloState::not_tls);
    CHECK(with(extension(0, number(0, 2))) == HelloState::not_tls);
    CHECK(with(extension(0, number(99, 2) + entry)) == HelloState::not_tls);
    CHECK(with(extension(0, vector_of(entry, 2) + "x")) == HelloState::not_tls);
    CHECK(with(extension(0, vector_of(number(0, 1) + vector_of("", 2), 2))) == HelloState::not_tls);
    CHECK(with(extension(0, vector_of(entry + entry, 2))) == HelloState::not_tls);
    CHECK(with(server_name("a.example") + server_name("b.example")) == HelloState::not_tls);
    CHECK(with(extension(16, vector_of(vector_of("", 1), 2))) == HelloState::not_tls);
    CHECK(with(extension(16, vector_of(number(9, 1) + "h2", 2))) == HelloState::not_tls);
    CHECK(with(extension(16, number(0, 2))) == HelloState::not_tls);
    CHECK(with(alpn({"h2"}) + alpn({"h2"})) == HelloState::not_tls);

    // The fields in front of the extensions.
    const std::string random = number(0x0303, 2) + std::string(32, 'r');
    const auto body = [](const std::string& bytes) {
        return state_of(record(number(1, 1) + vector_of(bytes, 3)));
    };
    const std::string ciphers = vector_of("\x13\x01", 2);
    const std::string compressions = vector_of(number(0, 1), 1);
    CHECK(body(random + number(0, 1) + ciphers + compressions) == HelloState::complete);
    CHECK(body(random + vector_of(std::string(33, 's'), 1) + ciphers + compressions) ==
          HelloState::not_tls);
    CHECK(body(random + number(0, 1) + vector_of("\x13", 2) + compressions) == HelloState::not_tls);
    CHECK(body(random + number(0, 1) + vector_of("", 2) + compressions) == HelloState::not_tls);
    CHECK(body(random + number(0, 1) + ciphers + number(0, 1)) == HelloState::not_tls);
    CHECK(body(random) == HelloState::not_tls);
    CHECK(body("") == HelloState::not_tls);
    CHECK(body(random + number(0, 1) + ciphers + compressions + number(0, 2) + "x") ==
          HelloState::not_tls);
}

TEST_CASE("a hello without end is given up at the limit, at the same byte for every cut") {
    const auto padded = [](std::size_t padding) {
        const std::string whole =
            message(server_name("a.example") + extension(21, std::string(padding, '\0')));
        return record(whole.substr(0, 8192)) + record(whole.substr(8192));
    };
    const std::size_t fixed = padded(9000).size() - 9000;
    const std::size_t fits = limits::client_hello_bytes_max - fixed;
    CHECK(state_of(padded(fits)) == HelloState::complete);
    CHECK(state_of(padded(fits + 1)) == HelloState::not_tls);
    // One byte a record: six on the wire for one of the hello.
    std::string slow;
    for (const char c : message(extension(21, std::string(4000, '\0'))))
        slow += record(std::string_view(&c, 1));
    CHECK(read_client_hello(slow).state == HelloState::not_tls);
}

TEST_CASE("the stack of a hello: the same for one client, another for another") {
    const auto stack_of = [](const std::string& extensions) {
        const auto read = read_client_hello(record(message(extensions)));
        REQUIRE(read.state == HelloState::complete);
        return read.hello.stack;
    };
    const std::string groups = extension(10, vector_of(number(29, 2), 2));
    const std::string versions = extension(43, vector_of(number(0x0304, 2), 1));
    const auto stack = stack_of(server_name("a.example") + groups + versions);
    CHECK(stack.size() == 16);
    // What changes from connection to connection.
    CHECK(stack_of(server_name("b.example") + versions + groups) == stack);
    CHECK(stack_of(groups + versions + extension(21, "000") + extension(41, "x")) == stack);
    CHECK(stack_of(extension(0x1a1a, "") + groups + versions + extension(0xfafa, "0")) == stack);
    // What tells clients apart.
    CHECK(stack_of(groups) != stack);
    CHECK(stack_of(groups + versions + alpn({"h2"})) != stack);
    CHECK(stack_of(groups + versions + alpn({"h2", "http/1.1"})) !=
          stack_of(groups + versions + alpn({"http/1.1", "h2"})));
    const auto bare = read_client_hello(record(message("")));
    CHECK(bare.hello.stack.size() == 16);
}
