#include "meter/sandbox.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"
#include "config/slug.h"

namespace halton::meter {
namespace {

// Parts of a control group's path that only container engines write.
constexpr std::array<std::string_view, 6> engine_marks{"/docker/",        "docker-", "libpod-",
                                                       "cri-containerd-", "/lxc/",   "crio-"};

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// The last run of 64 hex digits: a container's id.
std::string_view find_id(std::string_view cgroup) {
    constexpr std::size_t id_size = 64;
    std::string_view found;
    for (std::size_t i = 0; i < cgroup.size();) {
        if (!is_hex(cgroup[i])) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < cgroup.size() && is_hex(cgroup[end])) ++end;
        if (end - i == id_size) found = cgroup.substr(i, id_size);
        i = end;
    }
    return found;
}

std::optional<std::string> to_boxed_slug(std::string_view form, std::string_view name) {
    std::string slug(form);
    for (const char c : to_lower(name)) {
        if (slug.size() == limits::slug_bytes_max) break;
        const bool is_plain = config::is_slug_character(c) && c != ':' && c != '/';
        if (is_plain || c == '.')
            slug += c;
        else if (slug.back() != '-')
            slug += '-';
    }
    while (slug.back() == '-' || slug.back() == '.') slug.pop_back();
    if (slug.size() <= form.size() || !config::is_slug(slug)) return std::nullopt;
    return slug;
}

}  // namespace

std::optional<std::string> container_slug(const ContainerFacts& facts) {
    const std::string_view cgroup = facts.cgroup;
    const bool is_pod = facts.is_kubernetes || cgroup.find("kubepods") != std::string_view::npos;
    const bool is_container =
        facts.has_mark || std::any_of(engine_marks.begin(), engine_marks.end(), [&](auto mark) {
            return cgroup.find(mark) != std::string_view::npos;
        });
    if (!is_pod && !is_container) return std::nullopt;
    std::string_view name = facts.hostname;
    if (name.empty()) name = find_id(cgroup).substr(0, 12);
    return to_boxed_slug(is_pod ? "k8s:" : "docker:", name);
}

std::optional<std::string> app_sandbox_slug(std::string_view working_directory) {
    constexpr std::string_view users = "/Users/";
    constexpr std::string_view containers = "/Library/Containers/";
    if (working_directory.substr(0, users.size()) != users) return std::nullopt;
    const auto at = working_directory.find(containers, users.size());
    // Directly in a home: "/Users/<name>/Library/...".
    if (at == std::string_view::npos || at == users.size() ||
        working_directory.substr(users.size(), at - users.size()).find('/') !=
            std::string_view::npos)
        return std::nullopt;
    auto bundle = working_directory.substr(at + containers.size());
    bundle = bundle.substr(0, bundle.find('/'));
    if (bundle.find('.') == std::string_view::npos) return std::nullopt;
    return to_boxed_slug("mac:", bundle);
}

}  // namespace halton::meter
