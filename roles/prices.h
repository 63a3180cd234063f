// The price book of an installation: the prices in the program, below a local set that was imported
// into the data directory, below the negotiated ones of config.toml.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "meter/pricing.h"
#include "platform/home.h"

namespace halton::roles {

struct Prices {
    meter::PriceBook book;
    std::vector<std::string> warnings;  // one clear line each; what they name is not used
};

// Never fails: what cannot be read is left out, with a warning.
Prices read_prices(const platform::Home& home, const config::Config& config, UtcTime now);

}  // namespace halton::roles
