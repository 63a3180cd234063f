#include "base/money.h"

#include <fmt/format.h>

namespace halton {
namespace {

// Rounds half up; by remainder, so that the largest amounts do not overflow.
std::uint64_t divide_rounded(std::uint64_t value, std::uint64_t by) {
    return value / by + (value % by >= by - by / 2 ? 1 : 0);
}

std::uint64_t size_of(NanoUsd amount) {
    const auto bits = static_cast<std::uint64_t>(amount.value);
    return amount.value < 0 ? 0 - bits : bits;
}

}  // namespace

// Half away from zero, so that a negative correction mirrors its charge.
std::int64_t to_millicents(NanoUsd amount) {
    const auto millicents = static_cast<std::int64_t>(divide_rounded(size_of(amount), 10'000));
    return amount.value < 0 ? -millicents : millicents;
}

std::string to_dollar_text(NanoUsd amount) {
    const char* sign = amount.value < 0 ? "-" : "";
    const std::uint64_t size = size_of(amount);
    const std::uint64_t micros = divide_rounded(size, 1'000);
    if (micros < 1'000'000) return fmt::format("{}$0.{:06}", sign, micros);
    const std::uint64_t cents = divide_rounded(size, 10'000'000);
    return fmt::format("{}${}.{:02}", sign, cents / 100, cents % 100);
}

}  // namespace halton
