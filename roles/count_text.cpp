#include "roles/count_text.h"

#include <fmt/format.h>

namespace halton::roles {

std::string with_separators(std::int64_t number) {
    auto text = fmt::format("{}", number);
    const std::ptrdiff_t first = number < 0 ? 1 : 0;
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > first; at -= 3)
        text.insert(static_cast<std::size_t>(at), ",");
    return text;
}

std::string counted(std::int64_t count, std::string_view one) {
    return fmt::format("{} {}{}", with_separators(count), one, count == 1 ? "" : "s");
}

std::string to_short_count(std::int64_t number) {
    if (number < 1'000) return fmt::format("{}", number);
    std::int64_t unit = 1'000;
    for (const char letter : {'k', 'M', 'G', 'T'}) {
        if (number < unit * 10)
            return fmt::format("{}.{}{}", number / unit, number % unit * 10 / unit, letter);
        if (number < unit * 1'000 || letter == 'T')
            return fmt::format("{}{}", number / unit, letter);
        unit *= 1'000;
    }
    return {};
}

}  // namespace halton::roles
