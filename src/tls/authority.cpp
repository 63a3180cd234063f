#include "tls/authority.h"

#include <algorithm>
#include <array>
#include <list>
#include <map>
#include <mutex>
#include <optional>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pool.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/limits.h"

namespace halton::tls {
namespace {

using std::chrono::hours;

constexpr auto back_dating = hours(24);
constexpr auto root_lifetime = hours(24) * 3652;
constexpr auto leaf_lifetime = hours(24) * 7;
constexpr auto leaf_renewal_margin = hours(24);
constexpr auto root_renewal_margin = hours(24) * 30;

constexpr unsigned tag_dns_name = CBS_ASN1_CONTEXT_SPECIFIC | 2;
constexpr unsigned tag_ip_address = CBS_ASN1_CONTEXT_SPECIFIC | 7;
constexpr unsigned tag_permitted = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
constexpr unsigned tag_excluded = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1;

// The library keeps errors in a queue of the thread, where they would be taken for the next TLS
// connection's.
tl::unexpected<Error> fail_crypto(ErrorKind kind, std::string context) {
    ERR_clear_error();
    return fail(kind, std::move(context));
}

std::string_view view_of(const uint8_t* data, std::size_t length) {
    return {reinterpret_cast<const char*>(data), length};
}

// ---- names --------------------------------------------------------------------------------

// 4 or 16 bytes; nothing when `text` is no IP literal.
std::optional<std::string> parse_ip(std::string_view text) {
    const bssl::UniquePtr<ASN1_OCTET_STRING> ip(a2i_IPADDRESS(std::string(text).c_str()));
    if (!ip) {
        ERR_clear_error();
        return std::nullopt;
    }
    return std::string(view_of(ASN1_STRING_get0_data(ip.get()),
                               static_cast<std::size_t>(ASN1_STRING_length(ip.get()))));
}

bool is_dns_name(std::string_view text) {
    if (text.empty() || text.size() > 253 || text.front() == '.' || text.back() == '.')
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    });
}

// RFC 5280 section 4.2.1.10: a permitted name stands for itself and everything below it.
bool is_at_or_below(std::string_view host, std::string_view permitted) {
    if (host == permitted) return true;
    return host.size() > permitted.size() && host.ends_with(permitted) &&
           host[host.size() - permitted.size() - 1] == '.';
}

// ---- certificate parts ---------------------------------------------------------------------

// Runs `write` on a growing DER buffer; empty when it fails (every extension has content).
template <class Write>
std::string to_der(Write write) {
    bssl::ScopedCBB cbb;
    uint8_t* data = nullptr;
    std::size_t length = 0;
    if (!CBB_init(cbb.get(), 128) || !write(cbb.get()) || !CBB_finish(cbb.get(), &data, &length))
        return {};
    const bssl::UniquePtr<uint8_t> owner(data);
    return std::string(view_of(data, length));
}

bool add_bytes(CBB* out, unsigned tag, std::string_view bytes) {
    CBB child;
    return CBB_add_asn1(out, &child, tag) &&
           CBB_add_bytes(&child, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()) &&
           CBB_flush(out);
}

bool add_extension(X509* certificate, int nid, bool is_critical, const std::string& der) {
    if (der.empty()) return false;
    const bssl::UniquePtr<ASN1_OCTET_STRING> value(ASN1_OCTET_STRING_new());
    if (!value || !ASN1_STRING_set(value.get(), der.data(), static_cast<int>(der.size())))
        return false;
    const bssl::UniquePtr<X509_EXTENSION> extension(
        X509_EXTENSION_create_by_NID(nullptr, nid, is_critical ? 1 : 0, value.get()));
    return extension && X509_add_ext(certificate, extension.get(), -1);
}

// One bit string byte: digitalSignature is the highest bit, keyCertSign the sixth (RFC 5280).
std::string key_usage(uint8_t bits, uint8_t unused_bit_count) {
    const char bytes[] = {static_cast<char>(unused_bit_count), static_cast<char>(bits)};
    return to_der([&](CBB* out) {
        return add_bytes(out, CBS_ASN1_BITSTRING, std::string_view(bytes, sizeof bytes));
    });
}

std::string name_constraints(const std::vector<std::string>& hosts) {
    return to_der([&](CBB* out) {
        CBB all, permitted, excluded, subtree;
        if (!CBB_add_asn1(out, &all, CBS_ASN1_SEQUENCE) ||
            !CBB_add_asn1(&all, &permitted, tag_permitted))
            return false;
        bool has_ip = false;
        for (const std::string& host : hosts) {
            unsigned tag = tag_dns_name;
            std::string base = host;
            if (const auto ip = parse_ip(host)) {
                has_ip = true;
                tag = tag_ip_address;
                base = *ip + std::string(ip->size(), '\xff');
            }
            if (!CBB_add_asn1(&permitted, &subtree, CBS_ASN1_SEQUENCE) ||
                !add_bytes(&subtree, tag, base))
                return false;
        }
        // Names of a kind that is not mentioned are unconstrained, so "no addresses" is said.
        if (!has_ip) {
            if (!CBB_add_asn1(&all, &excluded, tag_excluded)) return false;
            for (const std::size_t bytes : {8, 32})
                if (!CBB_add_asn1(&excluded, &subtree, CBS_ASN1_SEQUENCE) ||
                    !add_bytes(&subtree, tag_ip_address, std::string(bytes, '\0')))
                    return false;
        }
        return CBB_flush(out) == 1;
    });
}

std::string subject_alternative_name(std::string_view host) {
    return to_der([&](CBB* out) {
        CBB names;
        if (!CBB_add_asn1(out, &names, CBS_ASN1_SEQUENCE)) return false;
        const auto ip = parse_ip(host);
        return add_bytes(&names, ip ? tag_ip_address : tag_dns_name, ip ? *ip : host) &&
               CBB_flush(out);
    });
}

std::string basic_constraints_of_ca() {
    return to_der([](CBB* out) {
        CBB content;
        return CBB_add_asn1(out, &content, CBS_ASN1_SEQUENCE) && CBB_add_asn1_bool(&content, 1) &&
               CBB_add_asn1_uint64(&content, 0) && CBB_flush(out);
    });
}

std::string server_authentication() {
    return to_der([](CBB* out) {
        CBB content;
        return CBB_add_asn1(out, &content, CBS_ASN1_SEQUENCE) &&
               add_bytes(&content, CBS_ASN1_OBJECT, "\x2b\x06\x01\x05\x05\x07\x03\x01") &&
               CBB_flush(out);
    });
}

// RFC 7093 method 1: the leftmost 160 bits of SHA-256 over the public key's bits.
std::string key_id_of(X509* certificate) {
    const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(certificate);
    if (key == nullptr) return {};
    std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
    SHA256(ASN1_STRING_get0_data(key), static_cast<std::size_t>(ASN1_STRING_length(key)),
           digest.data());
    return std::string(view_of(digest.data(), 20));
}

std::string subject_key_id(std::string_view id) {
    return to_der([&](CBB* out) { return add_bytes(out, CBS_ASN1_OCTETSTRING, id); });
}

std::string authority_key_id(std::string_view id) {
    return to_der([&](CBB* out) {
        CBB content;
        return CBB_add_asn1(out, &content, CBS_ASN1_SEQUENCE) &&
               add_bytes(&content, CBS_ASN1_CONTEXT_SPECIFIC | 0, id) && CBB_flush(out);
    });
}

bool set_random_serial(X509* certificate) {
    std::array<uint8_t, 16> bytes;
    RAND_bytes(bytes.data(), bytes.size());
    // Positive, and never shorter than 16 bytes.
    bytes[0] = static_cast<uint8_t>((bytes[0] & 0x3f) | 0x40);
    const bssl::UniquePtr<BIGNUM> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
    return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate));
}

bool set_name(X509_NAME* name, const std::string& common_name) {
    const auto add = [&](const char* field, const std::string& value) {
        return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                          reinterpret_cast<const uint8_t*>(value.data()),
                                          static_cast<int>(value.size()), -1, 0);
    };
    return add("O", "Halton Meter") && add("CN", common_name);
}

bool set_validity(X509* certificate, UtcTime from, UtcTime until) {
    const auto set = [](ASN1_TIME* field, UtcTime time) {
        return ASN1_TIME_set(field, std::chrono::system_clock::to_time_t(time)) != nullptr;
    };
    return set(X509_getm_notBefore(certificate), from) &&
           set(X509_getm_notAfter(certificate), until);
}

std::optional<UtcTime> to_utc(const ASN1_TIME* time) {
    // A difference to the epoch: the one conversion that all library versions have.
    const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
    int day_count = 0;
    int second_count = 0;
    if (!epoch || !ASN1_TIME_diff(&day_count, &second_count, epoch.get(), time))
        return std::nullopt;
    return UtcTime(hours(24) * day_count + std::chrono::seconds(second_count));
}

bssl::UniquePtr<EVP_PKEY> make_key() {
    bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
    if (!ec || !key || !EC_KEY_generate_key(ec.get()) || !EVP_PKEY_set1_EC_KEY(key.get(), ec.get()))
        return nullptr;
    return key;
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<uint8_t>(c) >> 4];
        text += digits[static_cast<uint8_t>(c) & 15];
    }
    return text;
}

// ---- files ---------------------------------------------------------------------------------

template <class Write>
std::optional<std::string> to_pem(Write write) {
    const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
    const uint8_t* data = nullptr;
    std::size_t length = 0;
    if (!out || !write(out.get()) || !BIO_mem_contents(out.get(), &data, &length))
        return std::nullopt;
    return std::string(view_of(data, length));
}

bssl::UniquePtr<BIO> reader_of(const std::string& text) {
    return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without it an encrypted key would make the library ask for a password on the terminal.
int no_password(char*, int, int, void*) { return -1; }

// ---- what a root permits ------------------------------------------------------------------

struct Permitted {
    std::vector<std::string> dns_names;
    std::vector<std::string> ips;  // 4 or 16 bytes each, single addresses only
};

// Nothing when the root has no constraints of the form that make_authority writes.
std::optional<Permitted> read_permitted(const X509* certificate) {
    const int index = X509_get_ext_by_NID(certificate, NID_name_constraints, -1);
    if (index < 0) return std::nullopt;
    X509_EXTENSION* extension = X509_get_ext(certificate, index);
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
    CBS in, all, permitted;
    CBS_init(&in, ASN1_STRING_get0_data(value),
             static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (!X509_EXTENSION_get_critical(extension) || !CBS_get_asn1(&in, &all, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&all, &permitted, tag_permitted))
        return std::nullopt;
    Permitted result;
    while (CBS_len(&permitted) != 0) {
        CBS subtree, base;
        unsigned tag = 0;
        std::size_t header_bytes = 0;
        if (!CBS_get_asn1(&permitted, &subtree, CBS_ASN1_SEQUENCE) ||
            !CBS_get_any_asn1_element(&subtree, &base, &tag, &header_bytes) ||
            !CBS_skip(&base, header_bytes))
            return std::nullopt;
        const auto name = view_of(CBS_data(&base), CBS_len(&base));
        if (tag == tag_dns_name) result.dns_names.emplace_back(name);
        if (tag == tag_ip_address && name.size() % 2 == 0 &&
            name.find_first_not_of('\xff', name.size() / 2) == std::string_view::npos)
            result.ips.emplace_back(name.substr(0, name.size() / 2));
    }
    return result;
}

bool is_permitted(const Permitted& permitted, const std::string& host) {
    if (const auto ip = parse_ip(host))
        return std::find(permitted.ips.begin(), permitted.ips.end(), *ip) != permitted.ips.end();
    return std::any_of(permitted.dns_names.begin(), permitted.dns_names.end(),
                       [&](const std::string& name) { return is_at_or_below(host, name); });
}

}  // namespace

// ---- Authority -----------------------------------------------------------------------------

struct Authority::State {
    bssl::UniquePtr<X509> root;
    bssl::UniquePtr<EVP_PKEY> root_key;
    bssl::UniquePtr<EVP_PKEY> leaf_key;
    std::string root_key_id;
    std::string common_name;
    std::optional<Permitted> permitted;
    UtcTime valid_from;
    UtcTime valid_until;
};

Authority::Authority() : state_(std::make_unique<State>()) {}
Authority::~Authority() = default;

Result<AuthorityFiles> make_authority(const std::vector<std::string>& hosts, UtcTime now) {
    // Without a permitted name the constraints would permit every name.
    if (hosts.empty()) return fail(ErrorKind::malformed, "a CA for no host at all");
    for (const std::string& host : hosts)
        if (!parse_ip(host) && !is_dns_name(host))
            return fail(ErrorKind::malformed, "not a host name for the CA: " + host);

    const auto key = make_key();
    const bssl::UniquePtr<X509> root(X509_new());
    const auto fail_making = [] { return fail_crypto(ErrorKind::io, "cannot make a root"); };
    if (!key || !root || !X509_set_pubkey(root.get(), key.get())) return fail_making();
    const std::string id = key_id_of(root.get());
    X509_NAME* name = X509_get_subject_name(root.get());
    constexpr uint8_t certificate_and_crl_sign = 0x06;
    if (id.empty() || !X509_set_version(root.get(), 2) || !set_random_serial(root.get()) ||
        !set_name(name, "Halton Meter local CA " + hex(id.substr(0, 4))) ||
        !X509_set_issuer_name(root.get(), name) ||
        !set_validity(root.get(), now - back_dating, now + root_lifetime) ||
        !add_extension(root.get(), NID_basic_constraints, true, basic_constraints_of_ca()) ||
        !add_extension(root.get(), NID_key_usage, true, key_usage(certificate_and_crl_sign, 1)) ||
        !add_extension(root.get(), NID_name_constraints, true, name_constraints(hosts)) ||
        !add_extension(root.get(), NID_subject_key_identifier, false, subject_key_id(id)) ||
        !X509_sign(root.get(), key.get(), EVP_sha256()))
        return fail_making();

    auto certificate_pem =
        to_pem([&](BIO* out) { return PEM_write_bio_X509(out, root.get()) == 1; });
    auto key_pem = to_pem([&](BIO* out) {
        return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr) == 1;
    });
    if (!certificate_pem || !key_pem) return fail_making();
    return AuthorityFiles{std::move(*certificate_pem), std::move(*key_pem)};
}

Result<std::shared_ptr<const Authority>> Authority::load(const AuthorityFiles& files) {
    const std::shared_ptr<Authority> made(new Authority());
    State& state = *made->state_;
    for (const std::string* text : {&files.certificate_pem, &files.key_pem})
        if (text->size() > limits::ca_bundle_bytes_max)
            return fail(ErrorKind::malformed, "the local CA's files are too large");

    const auto certificate_reader = reader_of(files.certificate_pem);
    state.root.reset(PEM_read_bio_X509(certificate_reader.get(), nullptr, no_password, nullptr));
    if (!state.root)
        return fail_crypto(ErrorKind::malformed, "the local CA's certificate is not PEM");
    const auto key_reader = reader_of(files.key_pem);
    state.root_key.reset(PEM_read_bio_PrivateKey(key_reader.get(), nullptr, no_password, nullptr));
    if (!state.root_key)
        return fail_crypto(ErrorKind::malformed, "the local CA's key is not a plain PEM key");
    if (!X509_check_private_key(state.root.get(), state.root_key.get()))
        return fail_crypto(ErrorKind::malformed, "the local CA's key is another certificate's");
    if (!X509_check_ca(state.root.get()))
        return fail_crypto(ErrorKind::malformed, "the local CA's certificate is not a CA's");

    const auto from = to_utc(X509_get0_notBefore(state.root.get()));
    const auto until = to_utc(X509_get0_notAfter(state.root.get()));
    if (!from || !until)
        return fail_crypto(ErrorKind::malformed, "the local CA's validity is not readable");
    state.valid_from = *from;
    state.valid_until = *until;
    state.permitted = read_permitted(state.root.get());

    const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(state.root.get());
    state.root_key_id =
        id == nullptr ? key_id_of(state.root.get())
                      : std::string(view_of(ASN1_STRING_get0_data(id),
                                            static_cast<std::size_t>(ASN1_STRING_length(id))));
    char name[256] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(state.root.get()), NID_commonName, name,
                              sizeof name);
    state.common_name = name;

    state.leaf_key = make_key();
    if (!state.leaf_key) return fail_crypto(ErrorKind::io, "cannot make a key for the leaves");
    ERR_clear_error();
    return std::shared_ptr<const Authority>(made);
}

bool Authority::covers(const std::vector<std::string>& hosts, UtcTime now) const {
    if (!state_->permitted || now < state_->valid_from ||
        now + root_renewal_margin > state_->valid_until)
        return false;
    return std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
        return is_permitted(*state_->permitted, host);
    });
}

std::string Authority::fingerprint() const {
    std::array<uint8_t, SHA256_DIGEST_LENGTH> digest{};
    unsigned length = 0;
    X509_digest(state_->root.get(), EVP_sha256(), digest.data(), &length);
    return hex(view_of(digest.data(), length));
}

const std::string& Authority::common_name() const { return state_->common_name; }

Result<bssl::UniquePtr<SSL_CTX>> Authority::make_leaf_context(std::string_view host,
                                                              UtcTime now) const {
    const auto fail_making = [&] {
        return fail_crypto(ErrorKind::io, "cannot make a leaf for " + std::string(host));
    };
    const bssl::UniquePtr<X509> leaf(X509_new());
    if (!leaf || !X509_set_pubkey(leaf.get(), state_->leaf_key.get())) return fail_making();
    constexpr uint8_t digital_signature = 0x80;
    // The common name is no host on purpose: old clients would match it against constraints that
    // only speak of the alternative name.
    if (!X509_set_version(leaf.get(), 2) || !set_random_serial(leaf.get()) ||
        !set_name(X509_get_subject_name(leaf.get()), "Halton Meter local leaf") ||
        !X509_set_issuer_name(leaf.get(), X509_get_subject_name(state_->root.get())) ||
        !set_validity(leaf.get(), now - back_dating, now + leaf_lifetime) ||
        !add_extension(leaf.get(), NID_key_usage, true, key_usage(digital_signature, 7)) ||
        !add_extension(leaf.get(), NID_ext_key_usage, false, server_authentication()) ||
        !add_extension(leaf.get(), NID_subject_key_identifier, false,
                       subject_key_id(key_id_of(leaf.get()))) ||
        !add_extension(leaf.get(), NID_authority_key_identifier, false,
                       authority_key_id(state_->root_key_id)) ||
        !add_extension(leaf.get(), NID_subject_alt_name, false, subject_alternative_name(host)) ||
        !X509_sign(leaf.get(), state_->root_key.get(), EVP_sha256()))
        return fail_making();
    uint8_t* der = nullptr;
    const int der_bytes = i2d_X509(leaf.get(), &der);
    if (der_bytes <= 0) return fail_making();
    const bssl::UniquePtr<uint8_t> der_owner(der);
    const bssl::UniquePtr<CRYPTO_BUFFER> buffer(
        CRYPTO_BUFFER_new(der, static_cast<std::size_t>(der_bytes), nullptr));

    // The "with buffers" method leaves out the X.509 half of the library, which a server that asks
    // for no client certificate never needs: less memory per context and per connection.
    bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_with_buffers_method()));
    CRYPTO_BUFFER* const chain[] = {buffer.get()};
    if (!buffer || !context || !SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) ||
        !SSL_CTX_set_chain_and_key(context.get(), chain, 1, state_->leaf_key.get(), nullptr))
        return fail_making();
    // An older library does not know the hybrid group and refuses the whole list.
    if (!SSL_CTX_set1_curves_list(context.get(), "X25519MLKEM768:X25519:P-256:P-384") &&
        !SSL_CTX_set1_curves_list(context.get(), "X25519:P-256:P-384"))
        return fail_making();
    // Resumption by tickets alone: nothing of a client stays in memory after its connection.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    ERR_clear_error();
    return context;
}

// ---- LeafCache -----------------------------------------------------------------------------

struct LeafCache::State {
    struct Entry {
        std::string host;
        bssl::UniquePtr<SSL_CTX> context;
        UtcTime made_at;
    };

    std::shared_ptr<const Authority> authority;
    const Clock& clock;
    std::mutex mutex;
    std::list<Entry> entries;  // most recently used first
    std::map<std::string, std::list<Entry>::iterator, std::less<>> by_host;
};

LeafCache::LeafCache(std::shared_ptr<const Authority> authority, const Clock& clock)
    : state_(new State{std::move(authority), clock, {}, {}, {}}) {}
LeafCache::~LeafCache() = default;

Result<bssl::UniquePtr<SSL_CTX>> LeafCache::find_or_make(std::string_view host) {
    const UtcTime now = state_->clock.now_utc();
    const std::lock_guard lock(state_->mutex);
    auto& entries = state_->entries;

    const auto found = state_->by_host.find(host);
    if (found != state_->by_host.end()) {
        const auto entry = found->second;
        const bool is_fresh = now + back_dating >= entry->made_at &&
                              now < entry->made_at + leaf_lifetime - leaf_renewal_margin;
        if (is_fresh) {
            entries.splice(entries.begin(), entries, entry);
            return bssl::UpRef(entry->context);
        }
        entries.erase(entry);
        state_->by_host.erase(found);
    }

    // Signing takes a fraction of a millisecond, so it may happen under the lock: a second
    // connection to a new host then waits for the first one's leaf and does not mint its own.
    auto made = state_->authority->make_leaf_context(host, now);
    if (!made) return fail(made.error());
    entries.push_front({std::string(host), bssl::UpRef(*made), now});
    state_->by_host.emplace(host, entries.begin());
    if (entries.size() > limits::leaf_cache_count_max) {
        state_->by_host.erase(entries.back().host);
        entries.pop_back();
    }
    return made;
}

}  // namespace halton::tls
