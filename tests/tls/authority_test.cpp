#include "tls/authority.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "base/limits.h"
#include "support/catch.h"
#include "tls/handshake.h"

using namespace halton;
using namespace halton::tls;
using namespace std::chrono_literals;
using test::client_trusting;
using test::shake_hands;

namespace {

const UtcTime now = *parse_iso8601("2026-09-01T12:00:00Z");
const std::vector<std::string> hosts{"api.anthropic.com", "api.openai.com", "chatgpt.com"};

long seconds(UtcTime time) { return std::chrono::system_clock::to_time_t(time); }

class FakeClock final : public Clock {
public:
    UtcTime now_utc() const override { return utc; }
    SteadyTime now_steady() const override { return {}; }
    UtcTime utc = now;
};

struct Made {
    AuthorityFiles files;
    std::shared_ptr<const Authority> authority;
};

Made make(const std::vector<std::string>& for_hosts = hosts, UtcTime at = now) {
    auto files = make_authority(for_hosts, at);
    REQUIRE(files);
    auto authority = Authority::load(*files);
    REQUIRE(authority);
    return {*files, *authority};
}

// What a client of this library says to a leaf for `host`, `time` being its clock.
test::HandshakeResult try_leaf(const Made& made, const std::string& host, UtcTime time = now) {
    const auto server = made.authority->make_leaf_context(host, now);
    REQUIRE(server);
    const auto client = client_trusting(made.files.certificate_pem);
    return shake_hands(client.get(), server->get(), host, seconds(time));
}

ErrorKind load_error(const AuthorityFiles& files) {
    const auto loaded = Authority::load(files);
    REQUIRE_FALSE(loaded);
    return loaded.error().kind;
}

bssl::UniquePtr<X509> parse(const std::string& pem) {
    const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    return bssl::UniquePtr<X509>(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

}  // namespace

TEST_CASE("clients accept a leaf for a permitted host and for what is below it") {
    const Made made = make();
    for (const std::string host : {"api.anthropic.com", "chatgpt.com", "ws.chatgpt.com"}) {
        const auto result = try_leaf(made, host);
        CHECK(result.is_complete);
        CHECK(result.verify_result == X509_V_OK);
        CHECK(result.version == TLS1_3_VERSION);
        CHECK(result.sent_count == 1);
    }
}

TEST_CASE("a domain in the constraints stands for what is below it, and for nothing beside it") {
    const Made made = make({"openai.azure.com", "bedrock-runtime.us-east-1.amazonaws.com"});
    CHECK(try_leaf(made, "my-resource.openai.azure.com").is_complete);
    CHECK(try_leaf(made, "bedrock-runtime.us-east-1.amazonaws.com").is_complete);
    for (const std::string host : {"portal.azure.com", "evilopenai.azure.com",
                                   "s3.us-east-1.amazonaws.com", "us-east-1.amazonaws.com"}) {
        CHECK(try_leaf(made, host).verify_result == X509_V_ERR_PERMITTED_VIOLATION);
    }
}

TEST_CASE("clients refuse a leaf outside of the constraints") {
    const Made made = make();
    for (const std::string host : {"bank.example", "anthropic.com", "notchatgpt.com"}) {
        const auto result = try_leaf(made, host);
        CHECK_FALSE(result.is_complete);
        CHECK(result.verify_result == X509_V_ERR_PERMITTED_VIOLATION);
    }
    // No address was asked for, so none is permitted.
    for (const std::string host : {"127.0.0.1", "192.0.2.7", "2001:db8::1"}) {
        const auto result = try_leaf(made, host);
        CHECK_FALSE(result.is_complete);
        CHECK(result.verify_result != X509_V_OK);
    }
}

TEST_CASE("clients refuse a leaf of another install's root, for another host, out of its time") {
    const Made made = make();
    const Made other = make();
    const auto server = made.authority->make_leaf_context(hosts[0], now);
    REQUIRE(server);

    const auto stranger = client_trusting(other.files.certificate_pem);
    CHECK_FALSE(shake_hands(stranger.get(), server->get(), hosts[0], seconds(now)).is_complete);

    const auto client = client_trusting(made.files.certificate_pem);
    const auto wrong_host = shake_hands(client.get(), server->get(), hosts[1], seconds(now));
    CHECK(wrong_host.verify_result == X509_V_ERR_HOSTNAME_MISMATCH);

    CHECK(try_leaf(made, hosts[0], now - 23h).is_complete);
    CHECK(try_leaf(made, hosts[0], now - 25h).verify_result == X509_V_ERR_CERT_NOT_YET_VALID);
    CHECK(try_leaf(made, hosts[0], now + 24h * 7 - 1min).is_complete);
    CHECK(try_leaf(made, hosts[0], now + 24h * 7 + 1min).verify_result ==
          X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST_CASE("clients of TLS 1.2 are served, older ones are not") {
    const Made made = make();
    const auto server = made.authority->make_leaf_context(hosts[0], now);
    REQUIRE(server);
    const auto client = client_trusting(made.files.certificate_pem);
    SSL_CTX_set_max_proto_version(client.get(), TLS1_2_VERSION);
    const auto result = shake_hands(client.get(), server->get(), hosts[0], seconds(now));
    CHECK(result.is_complete);
    CHECK(result.version == TLS1_2_VERSION);

    SSL_CTX_set_min_proto_version(client.get(), TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(client.get(), TLS1_1_VERSION);
    CHECK_FALSE(shake_hands(client.get(), server->get(), hosts[0], seconds(now)).is_complete);
}

TEST_CASE("the post-quantum group is taken where the library has it") {
    const Made made = make();
    const auto server = made.authority->make_leaf_context(hosts[0], now);
    REQUIRE(server);
    const auto client = client_trusting(made.files.certificate_pem);
    if (!SSL_CTX_set1_curves_list(client.get(), "X25519MLKEM768")) {
        ERR_clear_error();
        WARN("skipped: this library does not know X25519MLKEM768");
        return;
    }
    CHECK(shake_hands(client.get(), server->get(), hosts[0], seconds(now)).is_complete);
}

TEST_CASE("a client resumes by ticket, and one context serves many connections") {
    const Made made = make();
    const auto server = made.authority->make_leaf_context(hosts[0], now);
    REQUIRE(server);
    const auto client = client_trusting(made.files.certificate_pem);
    static bssl::UniquePtr<SSL_SESSION> ticket;
    SSL_CTX_set_session_cache_mode(client.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client.get(), [](SSL*, SSL_SESSION* session) {
        ticket.reset(session);
        return 1;
    });
    // Tickets carry the library's own clock, so the client's has to be the real one too.
    const auto real_now = system_clock().now_utc();
    const auto current = made.authority->make_leaf_context(hosts[0], real_now);
    REQUIRE(current);
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        SSL_CTX_set_max_proto_version(client.get(), static_cast<uint16_t>(version));
        ticket.reset();
        const auto first = shake_hands(client.get(), current->get(), hosts[0], seconds(real_now));
        REQUIRE(first.is_complete);
        CHECK_FALSE(first.is_resumed);
        REQUIRE(ticket);
        const auto kept = std::move(ticket);
        const auto second =
            shake_hands(client.get(), current->get(), hosts[0], seconds(real_now), kept.get());
        CHECK(second.is_complete);
        CHECK(second.is_resumed);
    }
    ticket.reset();
}

TEST_CASE("the root is what its header says") {
    const Made made = make();
    const auto root = parse(made.files.certificate_pem);
    REQUIRE(root);
    CHECK(X509_check_ca(root.get()));
    CHECK(X509_get_pathlen(root.get()) == 0);
    CHECK(X509_get_key_usage(root.get()) == (X509v3_KU_KEY_CERT_SIGN | X509v3_KU_CRL_SIGN));
    for (const int nid : {NID_basic_constraints, NID_key_usage, NID_name_constraints}) {
        const int index = X509_get_ext_by_NID(root.get(), nid, -1);
        REQUIRE(index >= 0);
        CHECK(X509_EXTENSION_get_critical(X509_get_ext(root.get(), index)));
    }
    const std::string& name = made.authority->common_name();
    CHECK(name.starts_with("Halton Meter local CA "));
    CHECK(name.size() == std::string("Halton Meter local CA ").size() + 8);
    CHECK(made.authority->fingerprint().size() == 64);
    CHECK(made.files.key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));

    const Made other = make();
    CHECK(other.authority->common_name() != name);
    CHECK(other.authority->fingerprint() != made.authority->fingerprint());
}

TEST_CASE("leaves: one key, random serials of 16 bytes, only for servers") {
    const Made made = make();
    const auto first = parse(try_leaf(made, hosts[0]).leaf_pem);
    const auto second = parse(try_leaf(made, hosts[1]).leaf_pem);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(X509_cmp(first.get(), second.get()) != 0);
    const bssl::UniquePtr<EVP_PKEY> first_key(X509_get_pubkey(first.get()));
    const bssl::UniquePtr<EVP_PKEY> second_key(X509_get_pubkey(second.get()));
    CHECK(EVP_PKEY_cmp(first_key.get(), second_key.get()) == 1);
    CHECK(ASN1_STRING_length(X509_get_serialNumber(first.get())) == 16);
    CHECK(ASN1_STRING_cmp(X509_get_serialNumber(first.get()),
                          X509_get_serialNumber(second.get())) != 0);
    CHECK(X509_get_extended_key_usage(first.get()) == XKU_SSL_SERVER);
    CHECK(X509_get_key_usage(first.get()) == X509v3_KU_DIGITAL_SIGNATURE);
    CHECK_FALSE(X509_check_ca(first.get()));
    CHECK(X509_check_host(first.get(), hosts[0].data(), hosts[0].size(), 0, nullptr) == 1);
    CHECK(X509_check_host(first.get(), hosts[1].data(), hosts[1].size(), 0, nullptr) == 0);
}

TEST_CASE("covers() knows hosts, subdomains, addresses and the remaining time") {
    const Made made = make();
    CHECK(made.authority->covers(hosts, now));
    CHECK(made.authority->covers({"chatgpt.com", "a.b.chatgpt.com"}, now));
    CHECK(made.authority->covers({}, now));
    CHECK_FALSE(made.authority->covers({"chatgpt.com", "api.x.ai"}, now));
    CHECK_FALSE(made.authority->covers({"notchatgpt.com"}, now));
    CHECK_FALSE(made.authority->covers({"127.0.0.1"}, now));
    CHECK(made.authority->covers(hosts, now + 24h * 3600));
    CHECK_FALSE(made.authority->covers(hosts, now + 24h * 3625));
    CHECK_FALSE(made.authority->covers(hosts, now - 25h));

    const Made with_ip = make({"gateway.corp.example", "127.0.0.1", "2001:db8::7"});
    CHECK(with_ip.authority->covers({"127.0.0.1", "2001:db8:0::7"}, now));
    CHECK_FALSE(with_ip.authority->covers({"127.0.0.2"}, now));
    CHECK_FALSE(with_ip.authority->covers({"2001:db8::8"}, now));
}

TEST_CASE("a root is made for host names and addresses, for nothing else and not for nothing") {
    CHECK_FALSE(make_authority({}, now));
    for (const std::string host :
         {"", "API.example.com", "a b", "a.example.", ".example", "*.example", "[::1]", "a\n"}) {
        const auto made = make_authority({"api.example.com", host}, now);
        REQUIRE_FALSE(made);
        CHECK(made.error().kind == ErrorKind::malformed);
    }
}

TEST_CASE("files that are no authority are refused") {
    const Made made = make();
    const Made other = make();
    const std::string certificate = made.files.certificate_pem;
    const std::string key = made.files.key_pem;
    CHECK(load_error({"", ""}) == ErrorKind::malformed);
    CHECK(load_error({"garbage", key}) == ErrorKind::malformed);
    CHECK(load_error({certificate, "garbage"}) == ErrorKind::malformed);
    CHECK(load_error({certificate.substr(0, certificate.size() / 2), key}) == ErrorKind::malformed);
    CHECK(load_error({certificate, key.substr(0, key.size() / 2)}) == ErrorKind::malformed);
    CHECK(load_error({certificate, other.files.key_pem}) == ErrorKind::malformed);
    CHECK(load_error({key, certificate}) == ErrorKind::malformed);
    CHECK(load_error({certificate, std::string(limits::ca_bundle_bytes_max + 1, 'x')}) ==
          ErrorKind::malformed);
    // Text around the blocks does no harm.
    CHECK(Authority::load({"# our CA\n" + certificate, "\n" + key + "\n# end"}));
}

TEST_CASE("an encrypted key is refused and nobody is asked for its password") {
    const Made made = make();
    const bssl::UniquePtr<BIO> in(
        BIO_new_mem_buf(made.files.key_pem.data(), static_cast<int>(made.files.key_pem.size())));
    const bssl::UniquePtr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
    char password[] = "password";
    REQUIRE(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), password, 8,
                                          nullptr, nullptr));
    const uint8_t* data = nullptr;
    std::size_t length = 0;
    BIO_mem_contents(out.get(), &data, &length);
    const std::string encrypted(reinterpret_cast<const char*>(data), length);
    CHECK(load_error({made.files.certificate_pem, encrypted}) == ErrorKind::malformed);
}

TEST_CASE("a certificate that is not a CA's is refused as one") {
    // A self-signed certificate with a fitting key, but for a server.
    const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    REQUIRE(EC_KEY_generate_key(ec.get()));
    REQUIRE(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()));
    const bssl::UniquePtr<X509> plain(X509_new());
    X509_set_version(plain.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(plain.get()), 1);
    ASN1_TIME_set(X509_getm_notBefore(plain.get()), seconds(now));
    ASN1_TIME_set(X509_getm_notAfter(plain.get()), seconds(now + 24h));
    X509_set_pubkey(plain.get(), key.get());
    REQUIRE(X509_sign(plain.get(), key.get(), EVP_sha256()));
    const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
    REQUIRE(
        PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
    const uint8_t* data = nullptr;
    std::size_t length = 0;
    BIO_mem_contents(out.get(), &data, &length);
    const std::string key_pem(reinterpret_cast<const char*>(data), length);
    CHECK(load_error({test::handshake::to_pem(plain.get()), key_pem}) == ErrorKind::malformed);
}

TEST_CASE("the leaf cache hands out one context a host until it has to be renewed") {
    const Made made = make();
    FakeClock clock;
    LeafCache cache(made.authority, clock);
    const auto first = cache.find_or_make(hosts[0]);
    REQUIRE(first);
    // References are kept, so that no address is given out twice.
    const auto again = [&] {
        auto context = cache.find_or_make(hosts[0]);
        REQUIRE(context);
        return std::move(*context);
    };
    CHECK(again() == *first);
    const auto other_host = cache.find_or_make(hosts[1]);
    REQUIRE(other_host);
    CHECK(*other_host != *first);
    clock.utc = now + 24h * 6 - 1min;
    CHECK(again() == *first);
    clock.utc = now + 24h * 6 + 1min;
    const auto renewed = again();
    CHECK(renewed != *first);
    CHECK(again() == renewed);
    clock.utc = now - 24h;
    CHECK(again() != renewed);
}

TEST_CASE("the leaf cache is bounded and forgets the least recently used host") {
    const Made made = make();
    FakeClock clock;
    LeafCache cache(made.authority, clock);
    const auto name = [](std::size_t i) { return "h" + std::to_string(i) + ".chatgpt.com"; };
    const auto first = cache.find_or_make(name(0));
    const auto second = cache.find_or_make(name(1));
    REQUIRE(first);
    REQUIRE(second);
    for (std::size_t i = 2; i < limits::leaf_cache_count_max; ++i) cache.find_or_make(name(i));
    CHECK(cache.find_or_make(name(0))->get() == first->get());
    cache.find_or_make("one.more.chatgpt.com");
    CHECK(cache.find_or_make(name(0))->get() == first->get());
    CHECK(cache.find_or_make(name(1))->get() != second->get());
}

namespace {

// The first line that a command prints, both streams; empty when it cannot be run.
std::string first_line_of(const std::string& command) {
    std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    char line[512] = "";
    if (pipe == nullptr) return {};
    const bool has_line = std::fgets(line, sizeof line, pipe) != nullptr;
    while (std::fgetc(pipe) != EOF) {
    }
    pclose(pipe);
    return has_line ? line : "";
}

}  // namespace

TEST_CASE("the openssl command verifies a leaf inside and refuses one outside") {
    if (!first_line_of("openssl version").starts_with("OpenSSL ")) {
        WARN("skipped: no openssl command here");
        return;
    }
    const Made made = make();
    const auto directory = std::filesystem::temp_directory_path() /
                           ("halton-authority-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory);
    const auto write = [&](const std::string& file, const std::string& text) {
        std::ofstream(directory / file) << text;
        return (directory / file).string();
    };
    const std::string root = write("root.pem", made.files.certificate_pem);

    // A client that trusts nobody still receives the leaf when it does not verify.
    const auto leaf_of = [&](const std::string& host) {
        const auto server = made.authority->make_leaf_context(host, now);
        REQUIRE(server);
        const bssl::UniquePtr<SSL_CTX> client(SSL_CTX_new(TLS_method()));
        SSL_CTX_set_verify(client.get(), SSL_VERIFY_NONE, nullptr);
        const auto result = shake_hands(client.get(), server->get(), host, seconds(now));
        REQUIRE(result.is_complete);
        return result.leaf_pem;
    };
    const auto verify = [&](const std::string& host, const std::string& name_option) {
        const std::string leaf = write("leaf.pem", leaf_of(host));
        return first_line_of("openssl verify -x509_strict -purpose sslserver -attime " +
                             std::to_string(seconds(now)) + " -CAfile " + root + " " + name_option +
                             " " + leaf);
    };
    CHECK(verify(hosts[0], "-verify_hostname " + hosts[0]).find(": OK") != std::string::npos);
    CHECK(verify("ws.chatgpt.com", "").find(": OK") != std::string::npos);
    CHECK(verify("bank.example", "").find(": OK") == std::string::npos);
    CHECK(verify("127.0.0.1", "").find(": OK") == std::string::npos);

    const Made with_ip = make({"gateway.corp.example", "127.0.0.1"});
    const std::string ip_root = write("ip-root.pem", with_ip.files.certificate_pem);
    const auto server = with_ip.authority->make_leaf_context("127.0.0.1", now);
    REQUIRE(server);
    const bssl::UniquePtr<SSL_CTX> client(SSL_CTX_new(TLS_method()));
    const std::string leaf = write(
        "ip.pem", shake_hands(client.get(), server->get(), "127.0.0.1", seconds(now)).leaf_pem);
    CHECK(first_line_of("openssl verify -verify_ip 127.0.0.1 -attime " +
                        std::to_string(seconds(now)) + " -CAfile " + ip_root + " " + leaf)
              .find(": OK") != std::string::npos);
    std::filesystem::remove_all(directory);
}
