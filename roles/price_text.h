// The texts of `pricing`, `reprice` and `limits`: for people and as JSON. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "meter/price_import.h"
#include "meter/pricing.h"
#include "store/reports.h"
#include "store/reprice.h"

namespace halton::roles {

// Nano-dollars for a thousand as dollars for a million: "3", "0.25", "-" for none.
std::string to_rate_text(std::int64_t nanousd);

// Where prices come from: the bundle, a local set, negotiated ones.
std::string to_sources_text(const meter::PriceBook& book);

// The rows that hold now, one line each; `filter` must occur in the model, `provider` be it.
struct PriceFilter {
    std::string provider;  // empty: every one
    std::string filter;    // without case; empty: every one
    UtcTime now;
};
std::string to_price_list(const meter::PriceBook& book, const PriceFilter& filter, int width);
std::string to_price_list_json(const meter::PriceBook& book, const PriceFilter& filter);

// Every price of one model, as it counts at that time; one for each provider that has it.
std::string to_price_details(const std::vector<meter::FoundPrice>& found, UtcTime at);
std::string to_price_details_json(const std::vector<meter::FoundPrice>& found, UtcTime at);

// What an import took and what it left out.
std::string to_import_text(const meter::PriceImport& import, std::string_view file);

std::string to_reprice_text(const store::RepriceResult& result, bool is_applied, int width);
std::string to_reprice_json(const store::RepriceResult& result, bool is_applied);

std::string to_limits_text(const std::vector<store::PlanLimitRow>& limits, UtcTime now, int width);
std::string to_limits_json(const std::vector<store::PlanLimitRow>& limits, UtcTime now);

}  // namespace halton::roles
