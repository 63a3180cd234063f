// Price lists that are not in the program: a file in LiteLLM's form as a price file of ours, and
// the negotiated prices of config.toml as the price book wants them. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "meter/pricing.h"

namespace halton::meter {

struct PriceImport {
    std::string text;  // a price file, for PriceBook::parse
    std::size_t row_count = 0;
    // Why how many entries were left out, with a few of their names.
    struct Skipped {
        std::size_t count = 0;
        std::vector<std::string> examples;
    };
    std::map<std::string, Skipped> skipped;
};

// One JSON object: the model's key with its provider in "litellm_provider" and prices in USD per
// token. `date` ("2026-11-21") becomes the list's date.
// Errors: malformed (no JSON object, no entry that could be used), too_large.
Result<PriceImport> import_litellm(std::string_view json, std::string_view date);

std::vector<PriceOverride> to_overrides(const std::vector<config::PriceOverride>& entries);

}  // namespace halton::meter
