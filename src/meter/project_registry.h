// ProjectRegistry: which real folder a slug stands for, as earlier resolutions found it. Labels,
// which are names for people, are believed only when a folder is known by that slug.
// The first folder of a slug stays; a second one with the same name shares its rows.
// Owner: the daemon. Thread: one. Limits: project_registry_count_max; when full, nothing is added.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace halton::meter {

class ProjectRegistry {
public:
    // Another folder that goes by the same slug already; empty in all other cases.
    std::string note(const std::string& slug, const std::string& folder);

    // The folder of a slug; empty when none is known.
    std::string_view find(const std::string& slug) const;

    std::size_t size() const { return folders_.size(); }

private:
    std::unordered_map<std::string, std::string> folders_;
};

}  // namespace halton::meter
