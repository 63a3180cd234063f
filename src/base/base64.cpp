#include "base/base64.h"

#include <array>
#include <cstdint>

namespace halton {

namespace {

constexpr std::uint8_t no_digit = 255;

constexpr std::array<std::uint8_t, 256> make_digits() {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(no_digit);
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::uint8_t value = 0;
    for (const char c : alphabet) digits[static_cast<unsigned char>(c)] = value++;
    return digits;
}
constexpr auto digits = make_digits();

}  // namespace

bool append_base64_decoded(std::string& out, std::string_view text) {
    for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
    if (text.size() % 4 == 1) return false;
    const std::size_t size_before = out.size();
    out.reserve(size_before + text.size() / 4 * 3 + 3);
    std::uint32_t bits = 0;
    int bit_count = 0;
    for (const char c : text) {
        const std::uint8_t digit = digits[static_cast<unsigned char>(c)];
        if (digit == no_digit) {
            out.resize(size_before);
            return false;
        }
        bits = bits << 6 | digit;
        bit_count += 6;
        if (bit_count < 8) continue;
        bit_count -= 8;
        out += static_cast<char>(bits >> bit_count & 0xff);
    }
    return true;
}

}  // namespace halton
