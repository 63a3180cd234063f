#include "api/dashboard_assets.h"

#include <algorithm>
#include <array>

#include "base/text.h"

// Made by the build; empty where it makes no dashboard, see meson.build.
namespace halton::embedded {
extern const std::string_view dashboard;
}  // namespace halton::embedded

namespace halton::api {
namespace {

constexpr std::size_t word_count = 5;

std::string_view take_word(std::string_view& line) {
    const auto end = std::min(line.find(' '), line.size());
    const auto word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

}  // namespace

std::vector<Asset> parse_assets(std::string_view pack) {
    std::vector<Asset> all;
    while (!pack.empty()) {
        const auto end = pack.find('\n');
        if (end == std::string_view::npos) break;
        auto line = pack.substr(0, end);
        std::array<std::string_view, word_count> words;
        for (auto& word : words) word = take_word(line);
        const auto [path, type, etag, immutable, size_text] = words;
        const auto size = parse_decimal(size_text);
        pack.remove_prefix(end + 1);
        if (!line.empty() || !path.starts_with('/') || type.empty() || etag.empty() || !size ||
            *size > pack.size())
            break;
        all.push_back({path, type, etag, pack.substr(0, *size), immutable == "1"});
        pack.remove_prefix(*size);
    }
    return all;
}

const Asset* find_asset(std::string_view path) {
    static const auto all = parse_assets(embedded::dashboard);
    const auto found = std::find_if(all.begin(), all.end(),
                                    [path](const Asset& asset) { return asset.path == path; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace halton::api
