#include "meter/hosts.h"

#include <algorithm>

#include "meter/custom_providers.h"

namespace halton::meter {

namespace {

constexpr std::string_view below_mark = "*.";

std::string_view without_mark(std::string_view name) {
    return name.starts_with(below_mark) ? name.substr(below_mark.size()) : name;
}

bool is_below(std::string_view host, std::string_view domain) {
    return host.size() > domain.size() + 1 && host.ends_with(domain) &&
           host[host.size() - domain.size() - 1] == '.';
}

void sort_and_thin(std::vector<std::string>& names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

HostList::HostList(const ProviderTable& providers, std::vector<std::string> extra,
                   std::vector<std::string> excluded)
    : exact_(std::move(extra)), excluded_(std::move(excluded)) {
    for (std::string& name : excluded_) name = without_mark(name);
    const auto is_excluded = [&](const std::string& name) {
        return std::any_of(excluded_.begin(), excluded_.end(), [&](const std::string& out) {
            return name == out || is_below(name, out);
        });
    };
    for (const Host* host : providers.hosts()) {
        auto& names = host->name.starts_with(below_mark) ? below_ : exact_;
        for (std::string& domain : domains_of(*host)) names.push_back(std::move(domain));
    }
    for (std::vector<std::string>* names : {&exact_, &below_}) {
        std::erase_if(*names, is_excluded);
        sort_and_thin(*names);
    }
    all_ = exact_;
    all_.insert(all_.end(), below_.begin(), below_.end());
    sort_and_thin(all_);
}

HostList::HostList(std::vector<std::string> extra, std::vector<std::string> excluded)
    : HostList(built_in_providers(), std::move(extra), std::move(excluded)) {}

bool HostList::is_metered(std::string_view host) const {
    if (std::binary_search(exact_.begin(), exact_.end(), host)) return true;
    const auto holds = [&](const std::string& domain) { return is_below(host, domain); };
    if (!std::any_of(below_.begin(), below_.end(), holds)) return false;
    return std::none_of(excluded_.begin(), excluded_.end(),
                        [&](const std::string& out) { return host == out || is_below(host, out); });
}

}  // namespace halton::meter
