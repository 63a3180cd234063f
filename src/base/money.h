// Money is integer nano-dollars (1e-9 USD): every published price per token is exact in it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace halton {

struct NanoUsd {
    std::int64_t value = 0;
    auto operator<=>(const NanoUsd&) const = default;
};

inline NanoUsd operator+(NanoUsd a, NanoUsd b) { return {a.value + b.value}; }

// Half-up rounding to the documented unit of the ledger, 1 USD = 100,000 millicents.
std::int64_t to_millicents(NanoUsd amount);

// `value` times 10^exponent as a whole number, half away from zero: by the digits that the value is
// written with, so that 1.2345e-6 dollars are 1234.5 nano-dollars and nothing below. Nothing when
// it does not fit.
std::optional<std::int64_t> scale_decimal(double value, int exponent);

// "$1.23" from one dollar up, "$0.012346" below: the display rule of the dashboard.
std::string to_dollar_text(NanoUsd amount);

}  // namespace halton
