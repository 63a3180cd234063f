// Money is integer nano-dollars (1e-9 USD): every published price per token is exact in it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace halton {

struct NanoUsd {
    std::int64_t value = 0;
    auto operator<=>(const NanoUsd&) const = default;
};

inline NanoUsd operator+(NanoUsd a, NanoUsd b) { return {a.value + b.value}; }

// Half-up rounding to the documented unit of the ledger, 1 USD = 100,000 millicents.
std::int64_t to_millicents(NanoUsd amount);

// "$1.23" from one dollar up, "$0.012346" below: the display rule of the dashboard.
std::string to_dollar_text(NanoUsd amount);

}  // namespace halton
