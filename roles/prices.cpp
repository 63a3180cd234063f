#include "roles/prices.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "meter/price_import.h"
#include "platform/files.h"

namespace halton::roles {

Prices read_prices(const platform::Home& home, const config::Config& config, UtcTime now) {
    std::vector<std::string> warnings;
    std::optional<meter::PriceBook> local_set;
    const auto text = platform::read_file(home.local_prices_file(), limits::price_import_bytes_max);
    if (text) {
        auto parsed = meter::PriceBook::parse(*text);
        if (parsed)
            local_set.emplace(std::move(*parsed));
        else
            warnings.push_back(
                fmt::format("{}: {}; not used. Import it again, or remove it with: "
                            "halton-meter pricing import --clear",
                            home.local_prices_file().string(), parsed.error().context));
    } else if (text.error().kind != ErrorKind::not_found) {
        warnings.push_back(fmt::format("{}; not used", text.error().context));
    }
    auto book = meter::PriceBook::bundled().with_local(local_set ? &*local_set : nullptr,
                                                       meter::to_overrides(config.price_overrides),
                                                       to_iso8601(now).substr(0, 10));
    return {std::move(book), std::move(warnings)};
}

}  // namespace halton::roles
