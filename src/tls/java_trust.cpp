#include "tls/java_trust.h"

#include <cstdint>
#include <string_view>
#include <unordered_set>

#include <openssl/bytestring.h>
#include <openssl/mem.h>

#include "base/limits.h"
#include "tls/pem.h"

namespace halton::tls {
namespace {

constexpr unsigned tag_0 = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;

constexpr std::string_view data_oid = "1.2.840.113549.1.7.1";
constexpr std::string_view certificate_bag_oid = "1.2.840.113549.1.12.10.1.3";
constexpr std::string_view x509_oid = "1.2.840.113549.1.9.22.1";
constexpr std::string_view friendly_name_oid = "1.2.840.113549.1.9.20";
// Java's own mark of a certificate that is trusted, and the usage "any" as its value.
constexpr std::string_view trusted_usage_oid = "2.16.840.1.113894.746875.1.1";
constexpr std::string_view any_usage_oid = "2.5.29.37.0";

bool add_oid(CBB* out, std::string_view oid) {
    CBB child;
    return CBB_add_asn1(out, &child, CBS_ASN1_OBJECT) &&
           CBB_add_asn1_oid_from_text(&child, oid.data(), oid.size()) && CBB_flush(out);
}

bool add_bytes(CBB* out, unsigned tag, std::string_view bytes) {
    CBB child;
    return CBB_add_asn1(out, &child, tag) &&
           CBB_add_bytes(&child, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                         bytes.size()) &&
           CBB_flush(out);
}

// Texts of ASCII, two bytes a letter.
bool add_bmp_text(CBB* out, std::string_view text) {
    std::string wide;
    for (const char c : text) wide.append({'\0', c});
    return add_bytes(out, CBS_ASN1_BMPSTRING, wide);
}

// Opens ContentInfo { data, [0] { OCTET STRING ...: `content` is inside of the octets.
bool open_data(CBB* out, CBB* sequence, CBB* explicit_tag, CBB* content) {
    return CBB_add_asn1(out, sequence, CBS_ASN1_SEQUENCE) && add_oid(sequence, data_oid) &&
           CBB_add_asn1(sequence, explicit_tag, tag_0) &&
           CBB_add_asn1(explicit_tag, content, CBS_ASN1_OCTETSTRING);
}

bool add_attributes(CBB* bag, std::string_view name) {
    CBB attributes, attribute, values;
    return CBB_add_asn1(bag, &attributes, CBS_ASN1_SET) &&
           CBB_add_asn1(&attributes, &attribute, CBS_ASN1_SEQUENCE) &&
           add_oid(&attribute, friendly_name_oid) &&
           CBB_add_asn1(&attribute, &values, CBS_ASN1_SET) && add_bmp_text(&values, name) &&
           CBB_add_asn1(&attributes, &attribute, CBS_ASN1_SEQUENCE) &&
           add_oid(&attribute, trusted_usage_oid) &&
           CBB_add_asn1(&attribute, &values, CBS_ASN1_SET) && add_oid(&values, any_usage_oid) &&
           CBB_flush_asn1_set_of(&attributes) && CBB_flush(bag);
}

bool add_certificate(CBB* bags, std::string_view der, std::string_view name) {
    CBB bag, bag_value, certificate, octets;
    return CBB_add_asn1(bags, &bag, CBS_ASN1_SEQUENCE) && add_oid(&bag, certificate_bag_oid) &&
           CBB_add_asn1(&bag, &bag_value, tag_0) &&
           CBB_add_asn1(&bag_value, &certificate, CBS_ASN1_SEQUENCE) &&
           add_oid(&certificate, x509_oid) && CBB_add_asn1(&certificate, &octets, tag_0) &&
           add_bytes(&octets, CBS_ASN1_OCTETSTRING, der) && add_attributes(&bag, name) &&
           CBB_flush(bags);
}

}  // namespace

Result<std::string> make_java_trust_store(const std::vector<std::string>& pem_texts) {
    std::size_t text_bytes = 0;
    for (const std::string& text : pem_texts) text_bytes += text.size();
    if (text_bytes > limits::ca_bundle_bytes_max)
        return fail(ErrorKind::too_large, "CA files of " + std::to_string(text_bytes) + " bytes");

    bssl::ScopedCBB file;
    CBB store, sequence, tag, outer, safe, inner_sequence, inner_tag, inner, bags;
    bool is_good = CBB_init(file.get(), text_bytes) &&
                   CBB_add_asn1(file.get(), &store, CBS_ASN1_SEQUENCE) &&
                   CBB_add_asn1_uint64(&store, 3) && open_data(&store, &sequence, &tag, &outer) &&
                   CBB_add_asn1(&outer, &safe, CBS_ASN1_SEQUENCE) &&
                   open_data(&safe, &inner_sequence, &inner_tag, &inner) &&
                   CBB_add_asn1(&inner, &bags, CBS_ASN1_SEQUENCE);
    // Every entry has a name of its own, or Java keeps the last one only.
    std::unordered_set<std::string> seen;
    for (const std::string& text : pem_texts)
        for_each_certificate(text, [&](std::string_view der) {
            if (!seen.emplace(der).second) return;
            is_good = is_good && add_certificate(&bags, der, "root-" + std::to_string(seen.size()));
        });
    if (seen.empty())
        return fail(ErrorKind::not_found, "there is no certificate for Java's trust store");
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    if (!is_good || !CBB_finish(file.get(), &bytes, &size))
        return fail(ErrorKind::io, "Java's trust store cannot be written");
    const bssl::UniquePtr<std::uint8_t> owner(bytes);
    return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace halton::tls
