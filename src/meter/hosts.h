// Which hosts are decrypted: the provider table's, plus and minus the config's. No second list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace halton::meter {

class HostList {
public:
    // `extra` and `excluded` come from [intercept] of the config; lower case.
    HostList(std::vector<std::string> extra, std::vector<std::string> excluded);

    // Exact host (lower case, no trailing dot).
    bool is_metered(std::string_view host) const;
    // For the CA's name constraints and for display; sorted.
    const std::vector<std::string>& all() const { return hosts_; }

private:
    std::vector<std::string> hosts_;
};

}  // namespace halton::meter
