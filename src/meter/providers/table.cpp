#include "meter/providers/provider.h"

namespace halton::meter {

std::span<const Provider* const> all_providers() {
    static const std::array table{
        &anthropic(),     &openai(),     &gemini(),   &xai(),         &azure(),     &vertex(),
        &bedrock(),       &openrouter(), &mistral(),  &cohere(),      &groq(),      &deepseek(),
        &perplexity(),    &together(),   &cerebras(), &huggingface(), &voyage(),    &watsonx(),
        &writer(),        &replicate(),  &ollama(),   &moonshot(),    &zai(),       &alibaba(),
        &copilot(),       &crusoe(),     &deepgram(), &heroku(),      &portkey(),   &fireworks(),
        &github_models(), &minimax(),    &nebius(),   &nvidia(),      &sambanova(), &vercel(),
    };
    return table;
}

namespace {

constexpr std::string_view below_mark = "*.";
constexpr std::string_view region_mark = "{region}";

bool is_region(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
                                std::string_view::npos;
}

}  // namespace

HostMatch find_host(std::string_view host) {
    for (const Provider* provider : all_providers()) {
        for (const Host& row : provider->hosts) {
            if (matches_host(row.name, host)) return {provider, &row};
        }
    }
    return {};
}

bool matches_host(std::string_view name, std::string_view host) {
    if (name.starts_with(below_mark)) {
        const std::string_view rest = name.substr(1);  // with its dot
        return host.size() > rest.size() && host.ends_with(rest) && host.front() != '.';
    }
    const std::size_t mark = name.find(region_mark);
    if (mark == std::string_view::npos) return name == host;
    const std::string_view before = name.substr(0, mark);
    const std::string_view behind = name.substr(mark + region_mark.size());
    return host.size() > before.size() + behind.size() && host.starts_with(before) &&
           host.ends_with(behind) &&
           is_region(host.substr(before.size(), host.size() - before.size() - behind.size()));
}

std::vector<std::string> domains_of(const Host& host) {
    const std::size_t mark = host.name.find(region_mark);
    if (mark == std::string_view::npos) {
        const bool is_below = host.name.starts_with(below_mark);
        return {std::string(is_below ? host.name.substr(below_mark.size()) : host.name)};
    }
    std::vector<std::string> domains;
    for (const std::string_view region : host.regions) {
        std::string domain(host.name);
        domain.replace(mark, region_mark.size(), region);
        domains.push_back(std::move(domain));
    }
    return domains;
}

const Endpoint* find_endpoint(const Host& host, std::string_view method, std::string_view path) {
    while (path.starts_with("//")) path.remove_prefix(1);
    std::string_view model;
    for (const Endpoint& endpoint : host.endpoints) {
        if (endpoint.method == method && matches_path(endpoint.path, path, model)) {
            return &endpoint;
        }
    }
    return nullptr;
}

namespace {

// Both without "**".
bool matches_exactly(std::string_view pattern, std::string_view path, std::string_view& model) {
    struct Mark {
        std::string_view text;
        std::string_view ends;  // what the part may not hold
        bool is_model;
    };
    static constexpr std::array<Mark, 3> marks{{
        {"{model+}", "/", true},
        {"{model}", "/:", true},
        {"*", "/:", false},
    }};
    model = {};
    while (!pattern.empty()) {
        const Mark* found = nullptr;
        for (const Mark& mark : marks) {
            if (found == nullptr && pattern.starts_with(mark.text)) found = &mark;
        }
        if (found == nullptr) {
            if (path.empty() || path.front() != pattern.front()) return false;
            pattern.remove_prefix(1);
            path.remove_prefix(1);
            continue;
        }
        std::size_t count = path.find_first_of(found->ends);
        if (count == std::string_view::npos) count = path.size();
        if (count == 0) return false;
        if (found->is_model) model = path.substr(0, count);
        pattern.remove_prefix(found->text.size());
        path.remove_prefix(count);
    }
    return path.empty();
}

}  // namespace

bool matches_path(std::string_view pattern, std::string_view path, std::string_view& model) {
    static constexpr std::string_view any_start = "**";
    if (!pattern.starts_with(any_start)) return matches_exactly(pattern, path, model);
    pattern.remove_prefix(any_start.size());
    // Every place where the rest may begin: it begins with a slash.
    for (std::size_t at = 0; at < path.size(); ++at) {
        if (path[at] == '/' && matches_exactly(pattern, path.substr(at), model)) return true;
    }
    return false;
}

}  // namespace halton::meter
