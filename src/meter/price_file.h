// The price file: JSON lines, described in meter/prices/README.md, as values.
// Prices are whole nano-dollars per thousand tokens, which every published price is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace halton::meter {

// What a price is for.
enum class Rate : std::uint8_t {
    input,
    output,
    cache_read,
    cache_write,
    cache_write_1h,
    audio_input,
    audio_output,
    audio_cache_read,
    image_input,
    image_output,
    reasoning_output,
};
inline constexpr std::size_t rate_count = 11;

// What some models are charged by instead of tokens, or beside them.
enum class Unit : std::uint8_t { query, page, image, character, second };
inline constexpr std::size_t unit_count = 5;

// Service tiers with prices of their own; "standard" is what all other tiers cost.
enum class Tier : std::uint8_t { standard, batch, flex, priority };
inline constexpr std::size_t tier_count = 4;

// Per thousand. A dollar for a token, and a thousand for a unit, are beyond every price there is; the
// arithmetic of a call has room for them.
inline constexpr std::int64_t rate_nanousd_max = 1'000'000'000'000;
inline constexpr std::int64_t unit_nanousd_max = 1'000 * rate_nanousd_max;

class Rates {
public:
    Rates() { nanousd_.fill(-1); }
    bool has(Rate rate) const { return get(rate) >= 0; }
    std::int64_t get(Rate rate) const { return nanousd_[static_cast<std::size_t>(rate)]; }
    void set(Rate rate, std::int64_t nanousd) { nanousd_[static_cast<std::size_t>(rate)] = nanousd; }
    bool operator==(const Rates&) const = default;

private:
    std::array<std::int64_t, rate_count> nanousd_;  // per thousand tokens; -1: not listed
};

// Per thousand units; -1: not listed.
class Units {
public:
    Units() { nanousd_.fill(-1); }
    std::int64_t get(Unit unit) const { return nanousd_[static_cast<std::size_t>(unit)]; }
    void set(Unit unit, std::int64_t nanousd) { nanousd_[static_cast<std::size_t>(unit)] = nanousd; }
    bool operator==(const Units&) const = default;

private:
    std::array<std::int64_t, unit_count> nanousd_;
};

// Prices of a whole call whose input has more than `above_tokens` tokens.
struct PriceBand {
    std::int64_t above_tokens = -1;  // -1: any
    std::array<Rates, tier_count> rates;
};

struct PriceRow {
    std::string provider;
    std::string model;  // "*": what holds for every model of the provider that lists none
    std::vector<std::string> also;   // other ids of the same model
    std::vector<std::string> stems;  // ids whose dated previews have this price too
    UtcTime from = UtcTime::min();   // until the next row of the same model begins
    std::vector<PriceBand> bands;    // rising
    Units units;
    std::int64_t web_search_nanousd = -1;     // per search
    std::int64_t grounded_call_nanousd = -1;  // per call that searched, however often
    std::int64_t request_nanousd = -1;        // per call
    bool is_fee_varying = false;  // with something no answer tells: a free quota, a context size
    std::int64_t fast_percent = 100;       // of the whole, for the faster mode
    std::int64_t us_percent = 100;         // of the whole, when it ran in the US on demand
};

struct PriceFile {
    std::string date;  // "2026-08-21"
    std::vector<PriceRow> rows;
};

// The names that the file has for rates, units and service tiers, in the order of the enums.
std::string_view name_of(Rate rate);
std::string_view name_of(Unit unit);
std::string_view name_of(Tier tier);  // "standard", "batch", ...

// One line of the file for a row, without its newline: what parse_price_file reads back.
std::string to_price_line(const PriceRow& row);

// Errors: malformed, with the line's number.
Result<PriceFile> parse_price_file(std::string_view text);

}  // namespace halton::meter
