#include "base/uuid.h"

#include <cstdint>
#include <random>

namespace halton {

namespace {

std::mt19937_64 make_generator() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(),
                       device()};
    return std::mt19937_64(seed);
}

// Sixteen hex digits of `bits`, highest first.
void write_hex(std::uint64_t bits, char* out) {
    static constexpr char digits[] = "0123456789abcdef";
    for (int i = 15; i >= 0; --i) {
        out[i] = digits[bits & 0xF];
        bits >>= 4;
    }
}

}  // namespace

std::string make_uuid() {
    static thread_local std::mt19937_64 generator = make_generator();
    // Version 4 in the top half, variant 10 in the bottom half.
    const std::uint64_t high = (generator() & ~0xF000ull) | 0x4000ull;
    const std::uint64_t low = (generator() & ~(3ull << 62)) | (2ull << 62);
    char hex[32];
    write_hex(high, hex);
    write_hex(low, hex + 16);
    std::string text;
    text.reserve(36);
    text.append(hex, 8).push_back('-');
    text.append(hex + 8, 4).push_back('-');
    text.append(hex + 12, 4).push_back('-');
    text.append(hex + 16, 4).push_back('-');
    text.append(hex + 20, 12);
    return text;
}

}  // namespace halton
