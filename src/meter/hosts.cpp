#include "meter/hosts.h"

#include <algorithm>

#include "meter/providers/provider.h"

namespace halton::meter {

HostList::HostList(std::vector<std::string> extra, std::vector<std::string> excluded)
    : hosts_(std::move(extra)) {
    for (const Provider* provider : all_providers()) {
        for (const Host& host : provider->hosts) hosts_.emplace_back(host.name);
    }
    std::sort(hosts_.begin(), hosts_.end());
    hosts_.erase(std::unique(hosts_.begin(), hosts_.end()), hosts_.end());
    std::erase_if(hosts_, [&](const std::string& host) {
        return std::find(excluded.begin(), excluded.end(), host) != excluded.end();
    });
}

bool HostList::is_metered(std::string_view host) const {
    return std::binary_search(hosts_.begin(), hosts_.end(), host);
}

}  // namespace halton::meter
