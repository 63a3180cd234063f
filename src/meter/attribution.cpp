#include "meter/attribution.h"

#include <array>

#include "base/limits.h"
#include "base/text.h"
#include "config/haltonrc.h"
#include "config/slug.h"

namespace halton::meter {
namespace {

using Answer = std::optional<std::string>;

std::string_view base_name(std::string_view path) {
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

Answer from_environment(const ClientProcess& process) {
    if (!process.halton_project) return std::nullopt;
    return config::parse_slug(*process.halton_project);
}

// A file without a usable project does not end the walk: the next one up may have one.
Answer from_haltonrc(const ClientProcess& process) {
    for (const auto& text : process.haltonrc_texts)
        if (auto project = config::parse_haltonrc(text).project) return project;
    return std::nullopt;
}

Answer from_git(const ClientProcess& process) {
    return to_slug(base_name(process.git_directory_parent));
}

Answer from_working_directory(const ClientProcess& process) {
    return to_slug(base_name(process.working_directory));
}

// Order is meaning: the first answer wins.
struct Tier {
    std::string_view layer;
    Answer (*ask)(const ClientProcess&);
};

constexpr std::array<Tier, 4> tiers{{
    {"env", from_environment},
    {"rcfile", from_haltonrc},
    {"git", from_git},
    {"workdir", from_working_directory},
}};

}  // namespace

Attribution attribute(const ClientProcess& process, std::string_view default_project) {
    for (const auto& tier : tiers)
        if (auto slug = tier.ask(process)) return {std::move(*slug), std::string(tier.layer)};
    return {std::string(default_project), "smart_default"};
}

std::optional<std::string> to_slug(std::string_view text) {
    const std::string lower = to_lower(text);
    const bool has_dots = config::is_generated_form(lower);
    std::string slug;
    for (const char c : lower) {
        if (slug.size() == limits::slug_bytes_max) break;
        if (config::is_slug_character(c) || (c == '.' && has_dots))
            slug += c;
        else if (!slug.empty() && slug.back() != '-')
            slug += '-';
    }
    const auto first = slug.find_first_not_of('-');
    if (first == std::string::npos) return std::nullopt;
    slug = slug.substr(first, slug.find_last_not_of('-') - first + 1);
    if (!config::is_slug(slug)) return std::nullopt;
    return slug;
}

}  // namespace halton::meter
