#include "tls/bundle.h"

#include <unordered_set>

#include "base/limits.h"
#include "tls/pem.h"

namespace halton::tls {

Result<std::string> merge_bundle(const std::vector<std::string>& texts, std::string_view root_pem) {
    std::string root;
    std::size_t root_count = 0;
    const std::size_t broken_count = for_each_certificate(root_pem, [&](std::string_view der) {
        root = der;
        ++root_count;
    });
    if (root_count != 1 || broken_count != 0)
        return fail(ErrorKind::malformed, "the local CA file does not hold one certificate");

    std::size_t text_bytes = root_pem.size();
    for (const std::string& text : texts) text_bytes += text.size();
    if (text_bytes > limits::ca_bundle_bytes_max)
        return fail(ErrorKind::too_large, "CA files of " + std::to_string(text_bytes) + " bytes");

    // Our root counts as seen from the start: in a nested environment it comes with the user's
    // file, and it still stands once and last.
    std::unordered_set<std::string> seen{root};
    std::string merged;
    for (const std::string& text : texts)
        for_each_certificate(text, [&](std::string_view der) {
            if (seen.emplace(der).second) merged += to_certificate_pem(der);
        });
    merged += to_certificate_pem(root);
    // Re-wrapping can make a text longer that came in with endless lines.
    if (merged.size() > limits::ca_bundle_bytes_max)
        return fail(ErrorKind::too_large,
                    "a bundle of " + std::to_string(merged.size()) + " bytes");
    return merged;
}

std::size_t count_certificates(std::string_view pem) {
    std::size_t count = 0;
    for_each_certificate(pem, [&](std::string_view) { ++count; });
    return count;
}

}  // namespace halton::tls
