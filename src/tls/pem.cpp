#include "tls/pem.h"

#include <openssl/base64.h>
#include <openssl/bytestring.h>

namespace halton::tls {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr std::string_view certificate_label = "CERTIFICATE-----";
constexpr std::string_view old_certificate_label = "X509 CERTIFICATE-----";
constexpr std::string_view end_mark = "-----END ";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// The outer structure of RFC 5280 section 4.1 and nothing deeper: a root that this program's
// library dislikes may still be one that somebody's client needs. Private keys and certificate
// requests do not have this shape, whatever their label says.
bool is_certificate_shape(std::string_view der) {
    CBS in, certificate, tbs, part;
    CBS_init(&in, reinterpret_cast<const uint8_t*>(der.data()), der.size());
    if (!CBS_get_asn1(&in, &certificate, CBS_ASN1_SEQUENCE) || CBS_len(&in) != 0) return false;
    if (!CBS_get_asn1(&certificate, &tbs, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&certificate, &part, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&certificate, &part, CBS_ASN1_BITSTRING) || CBS_len(&certificate) != 0)
        return false;
    const auto version = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
    if (!CBS_get_optional_asn1(&tbs, &part, nullptr, version) ||
        !CBS_get_asn1(&tbs, &part, CBS_ASN1_INTEGER))
        return false;
    // Signature algorithm, issuer, validity, subject, key.
    for (int i = 0; i < 5; ++i)
        if (!CBS_get_asn1(&tbs, &part, CBS_ASN1_SEQUENCE)) return false;
    return true;
}

// The bytes of a base64 body with white space anywhere; false for anything else in it.
bool decode_body(std::string_view body, std::string& der) {
    std::string packed;
    packed.reserve(body.size());
    for (const char c : body)
        if (!is_space(c)) packed += c;
    std::size_t length = 0;
    if (!EVP_DecodedLength(&length, packed.size())) return false;
    der.resize(length);
    if (!EVP_DecodeBase64(reinterpret_cast<uint8_t*>(der.data()), &length, der.size(),
                          reinterpret_cast<const uint8_t*>(packed.data()), packed.size()))
        return false;
    der.resize(length);
    return true;
}

}  // namespace

std::size_t for_each_certificate(std::string_view pem,
                                 const std::function<void(std::string_view)>& take) {
    std::size_t broken_count = 0;
    std::string der;
    for (std::size_t at = pem.find(begin_mark); at != std::string_view::npos;) {
        std::string_view rest = pem.substr(at + begin_mark.size());
        // A block ends at its end line or where the next one begins, whichever is first, so that
        // a cut-off certificate does not take its neighbour with it.
        const std::size_t next = rest.find(begin_mark);
        const std::string_view block = rest.substr(0, next);
        at = next == std::string_view::npos ? next : at + begin_mark.size() + next;

        std::size_t label_bytes = 0;
        if (block.starts_with(certificate_label)) label_bytes = certificate_label.size();
        if (block.starts_with(old_certificate_label)) label_bytes = old_certificate_label.size();
        if (label_bytes == 0) continue;
        const std::size_t end = block.find(end_mark);
        if (end == std::string_view::npos ||
            !decode_body(block.substr(label_bytes, end - label_bytes), der) ||
            !is_certificate_shape(der)) {
            ++broken_count;
            continue;
        }
        take(der);
    }
    return broken_count;
}

std::string to_certificate_pem(std::string_view der) {
    std::string base64(der.size() * 4 / 3 + 8, '\0');
    base64.resize(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(base64.data()),
                                  reinterpret_cast<const uint8_t*>(der.data()), der.size()));
    std::string text = "-----BEGIN CERTIFICATE-----\n";
    for (std::size_t at = 0; at < base64.size(); at += 64) {
        text.append(base64, at, 64);
        text += '\n';
    }
    text += "-----END CERTIFICATE-----\n";
    return text;
}

}  // namespace halton::tls
