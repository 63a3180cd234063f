#include "meter/project_registry.h"

#include "base/limits.h"

namespace halton::meter {

std::string ProjectRegistry::note(const std::string& slug, const std::string& folder) {
    if (slug.empty() || folder.empty()) return {};
    if (const auto known = folders_.find(slug); known != folders_.end())
        return known->second == folder ? std::string() : known->second;
    if (folders_.size() < limits::project_registry_count_max) folders_.emplace(slug, folder);
    return {};
}

std::string_view ProjectRegistry::find(const std::string& slug) const {
    const auto known = folders_.find(slug);
    return known == folders_.end() ? std::string_view() : std::string_view(known->second);
}

}  // namespace halton::meter
