#include "setup/trust_stores.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "setup/layers/parts.h"
#include "tls/pem.h"
#include "tls/trust.h"

namespace halton::setup {

const std::vector<AnchorStore>& anchor_stores() {
    // --fresh: without it Debian's leaves a link to an anchor that is gone.
    static const std::vector<AnchorStore> stores{
        {"/usr/local/share/ca-certificates",
         {"update-ca-certificates", "--fresh"}},                               // Debian, Ubuntu
        {"/etc/pki/ca-trust/source/anchors", {"update-ca-trust", "extract"}},  // Fedora
        {"/etc/ca-certificates/trust-source/anchors", {"trust", "extract-compat"}},  // Arch
        {"/etc/pki/trust/anchors", {"update-ca-certificates", "--fresh"}},           // openSUSE
    };
    return stores;
}

std::string short_hash(std::string_view root_pem) {
    std::string hash;
    tls::for_each_certificate(root_pem, [&hash](std::string_view der) {
        if (hash.empty()) hash = sha256_hex(der).substr(0, 16);
    });
    return hash;
}

std::string anchor_file(const AnchorStore& store, std::string_view root_pem) {
    return fmt::format("{}/halton-meter-{}.crt", store.folder, short_hash(root_pem));
}

std::string nss_name(std::string_view root_pem) {
    return fmt::format("halton-meter {}", short_hash(root_pem));
}

std::vector<std::string> find_changed_stores(const Facts& facts) {
    const auto& root = facts.file(facts.folders.in_data("ca.pem")).text;
    bool is_changed = false;
    for (const auto& store : anchor_stores())
        is_changed = is_changed || is_present(facts, anchor_file(store, root));
    if (!is_changed) return {};
    for (const auto& path : tls::system_bundle_paths())
        if (is_present(facts, path)) return {path};
    return {};
}

}  // namespace halton::setup
