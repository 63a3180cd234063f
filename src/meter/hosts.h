// Which hosts are decrypted: the provider table's, plus and minus the config's. No second list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace halton::meter {

class ProviderTable;

// Names that exist nowhere (RFC 2606), for `init`'s self-test. The daemon answers the first by
// itself over TLS; the second is one that nobody may decrypt.
inline constexpr std::string_view self_test_host = "self-test.halton-meter.invalid";
inline constexpr std::string_view unlisted_test_host = "unlisted.example.invalid";

class HostList {
public:
    // `extra` and `excluded` come from [intercept] of the config; lower case. Excluding a name
    // excludes what is below it too, "*.openai.azure.com" the same as "openai.azure.com".
    HostList(const ProviderTable& providers, std::vector<std::string> extra,
             std::vector<std::string> excluded);
    // With the built-in providers only.
    HostList(std::vector<std::string> extra, std::vector<std::string> excluded);

    // Whether this host (lower case, no trailing dot) is decrypted.
    bool is_metered(std::string_view host) const;
    // For the CA's name constraints, which are domains with everything below them, and for display;
    // sorted.
    const std::vector<std::string>& all() const { return all_; }

private:
    std::vector<std::string> exact_;  // sorted
    std::vector<std::string> below_;  // domains below which everything is metered
    std::vector<std::string> excluded_;
    std::vector<std::string> all_;
};

}  // namespace halton::meter
