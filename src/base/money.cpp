#include "base/money.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>

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

std::optional<std::int64_t> scale_decimal(double value, int exponent) {
    if (!std::isfinite(value)) return std::nullopt;
    // The shortest digits that read back as this value: "1.2345e-06".
    std::array<char, 40> buffer{};
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                       std::abs(value), std::chars_format::scientific);
    std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
    const std::size_t mark = text.find('e');
    int power = 0;
    const char* const from = text.data() + mark + (text[mark + 1] == '+' ? 2 : 1);
    std::from_chars(from, written.ptr, power);
    power += exponent;
    std::uint64_t digits = 0;
    for (const char c : text.substr(0, mark)) {
        if (c != '.') digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (mark > 2) power -= static_cast<int>(mark) - 2;  // digits behind the point
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    for (; power > 0 && digits != 0; --power) {
        if (digits > most / 10) return std::nullopt;
        digits *= 10;
    }
    if (power < -18) digits = 0;
    std::uint64_t divisor = 1;
    for (; power < 0 && digits != 0; ++power) divisor *= 10;
    digits = divide_rounded(digits, divisor);
    if (digits > most) return std::nullopt;
    const auto scaled = static_cast<std::int64_t>(digits);
    return value < 0 ? -scaled : scaled;
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
