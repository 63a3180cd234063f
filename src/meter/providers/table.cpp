#include <array>

#include "meter/providers/provider.h"

namespace halton::meter {

std::span<const Provider* const> all_providers() {
    static const std::array<const Provider*, 4> table{&anthropic(), &openai(), &gemini(), &xai()};
    return table;
}

HostMatch find_host(std::string_view host) {
    for (const Provider* provider : all_providers()) {
        for (const Host& row : provider->hosts) {
            if (row.name == host) return {provider, &row};
        }
    }
    return {};
}

const Endpoint* find_endpoint(const Host& host, std::string_view method, std::string_view path) {
    std::string_view model;
    for (const Endpoint& endpoint : host.endpoints) {
        if (endpoint.method == method && matches_path(endpoint.path, path, model)) {
            return &endpoint;
        }
    }
    return nullptr;
}

bool matches_path(std::string_view pattern, std::string_view path, std::string_view& model) {
    static constexpr std::string_view model_mark = "{model}";
    model = {};
    while (!pattern.empty()) {
        const bool is_model = pattern.starts_with(model_mark);
        if (!is_model && pattern.front() != '*') {
            if (path.empty() || path.front() != pattern.front()) return false;
            pattern.remove_prefix(1);
            path.remove_prefix(1);
            continue;
        }
        std::size_t count = path.find_first_of("/:");
        if (count == std::string_view::npos) count = path.size();
        if (count == 0) return false;
        if (is_model) model = path.substr(0, count);
        pattern.remove_prefix(is_model ? model_mark.size() : 1);
        path.remove_prefix(count);
    }
    return path.empty();
}

}  // namespace halton::meter
