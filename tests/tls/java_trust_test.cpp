#include "tls/java_trust.h"

#include <cstdint>
#include <optional>

#include "base/limits.h"
#include "support/catch.h"
#include "tls/authority.h"
#include "tls/pem.h"

using namespace halton;
using namespace halton::tls;

namespace {

AuthorityFiles some_authority() {
    return *make_authority({"api.example.com"}, *parse_iso8601("2026-09-01T12:00:00Z"));
}

std::string der_of(const std::string& pem) {
    std::string der;
    for_each_certificate(pem, [&](std::string_view found) { der = found; });
    return der;
}

// One element of DER: its tag and content; takes it off `rest`.
struct Element {
    unsigned tag = 0;
    std::string_view content;
};
std::optional<Element> take_element(std::string_view& rest) {
    if (rest.size() < 2) return std::nullopt;
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(rest[at]); };
    Element element{byte(0), {}};
    std::size_t head = 2, size = byte(1);
    if (size >= 0x80) {
        const std::size_t length_bytes = size - 0x80;
        if (length_bytes > 4 || rest.size() < 2 + length_bytes) return std::nullopt;
        size = 0;
        for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | byte(head++);
    }
    if (rest.size() < head + size) return std::nullopt;
    element.content = rest.substr(head, size);
    rest.remove_prefix(head + size);
    return element;
}

Element must_take(std::string_view& rest, unsigned tag) {
    const auto element = take_element(rest);
    REQUIRE(element);
    CHECK(element->tag == tag);
    return *element;
}

constexpr unsigned sequence = 0x30, set = 0x31, oid = 0x06, octets = 0x04, tag_0 = 0xa0;

// The content of ContentInfo { data, [0] { octets } }.
std::string_view open_data(std::string_view& rest) {
    std::string_view info = must_take(rest, sequence).content;
    CHECK(must_take(info, oid).content == "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
    std::string_view tagged = must_take(info, tag_0).content;
    CHECK(info.empty());
    const std::string_view data = must_take(tagged, octets).content;
    CHECK(tagged.empty());
    return data;
}

}  // namespace

TEST_CASE("java trust: every certificate once, each marked as trusted, nothing else") {
    const AuthorityFiles first = some_authority();
    const std::string second = some_authority().certificate_pem;
    const auto store = make_java_trust_store(
        {first.key_pem + first.certificate_pem, second + "garbage\n" + second});
    REQUIRE(store);
    std::string_view rest = *store;
    std::string_view file = must_take(rest, sequence).content;
    CHECK(rest.empty());
    CHECK(must_take(file, 0x02).content == "\x03");
    std::string_view safe = open_data(file);
    CHECK(file.empty());  // no seal, hence no password
    std::string_view contents = must_take(safe, sequence).content;
    std::string_view inner = open_data(contents);
    CHECK(contents.empty());
    std::string_view bags = must_take(inner, sequence).content;
    for (const std::string& pem : {first.certificate_pem, second}) {
        std::string_view bag = must_take(bags, sequence).content;
        CHECK(must_take(bag, oid).content == "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03");
        std::string_view value = must_take(bag, tag_0).content;
        std::string_view certificate = must_take(value, sequence).content;
        CHECK(must_take(certificate, oid).content == "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01");
        std::string_view tagged = must_take(certificate, tag_0).content;
        CHECK(must_take(tagged, octets).content == der_of(pem));
        std::string_view attributes = must_take(bag, set).content;
        CHECK(bag.empty());
        bool is_named = false, is_trusted = false;
        while (!attributes.empty()) {
            std::string_view attribute = must_take(attributes, sequence).content;
            const std::string_view name = must_take(attribute, oid).content;
            std::string_view values = must_take(attribute, set).content;
            if (name == "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14") {
                is_named = must_take(values, 0x1e).content.size() == 2 * 6;  // "root-1"
            } else {
                CHECK(name == "\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01");
                is_trusted =
                    must_take(values, oid).content == std::string_view("\x55\x1d\x25\0", 4);
            }
        }
        CHECK(is_named);
        CHECK(is_trusted);
    }
    CHECK(bags.empty());
    CHECK(*make_java_trust_store({first.certificate_pem, second}) == *store);
}

TEST_CASE("java trust: what holds no certificate, or too much") {
    CHECK(make_java_trust_store({}).error().kind == ErrorKind::not_found);
    CHECK(make_java_trust_store({"garbage", some_authority().key_pem}).error().kind ==
          ErrorKind::not_found);
    CHECK(make_java_trust_store({std::string(limits::ca_bundle_bytes_max + 1, ' ')}).error().kind ==
          ErrorKind::too_large);
}
