// PriceBook: prices per model, and the arithmetic from token counts to nano-dollars.
// Integer arithmetic only; one rounding per call. Unknown model: no price, never a guess.
// A book has layers: negotiated prices over a local set over the file in the program. The first
// layer that knows the model has the word; a negotiated price changes what it names and no more.
// Const after it was made, so any thread may ask it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "meter/call.h"
#include "meter/price_file.h"

namespace halton::meter {

struct PricedCall {
    NanoUsd cost;
    CostState state = CostState::exact;
    std::string rates_source;  // "bundled-2026-08-21" or "override"
    std::string price_id;      // "anthropic/claude-sonnet-5@2026-09-01"
    std::string price_date;    // of the list: "2026-08-21"
};

// What of a call decides its price.
struct PriceQuery {
    std::string_view provider;
    std::string_view model;
    RequestKind kind = RequestKind::chat;
    std::string_view service_tier;  // "", "default", "batch", "flex", "priority", ...
    UtcTime at;
    std::string_view speed = {};   // "fast": a faster mode of the same model
    std::string_view region = {};  // "us": where it ran, when that has a price
};

// One line of a bill, in the order in which it is added up.
struct PriceStep {
    enum class Kind {
        tokens,  // count at nanousd for a thousand
        units,   // the same, of something else than tokens
        factor,  // everything so far, times count percent
        fee,     // count at nanousd each
    };
    Kind kind = Kind::tokens;
    std::string_view what;  // "input", "cache_read", "image", "web search"
    std::int64_t count = 0;
    std::int64_t nanousd = 0;  // -1: no such price is listed
    bool is_exact = true;      // false: another price stands in for one that is not listed
};

// How a price came about.
struct PriceStory {
    std::string model;               // as it was looked up
    std::string_view tier;           // whose prices: "standard", "batch", ...
    std::int64_t above_tokens = -1;  // the step of the price list that counts; -1: the first
    std::int64_t prompt_tokens = 0;  // which decide on it
    std::vector<PriceStep> steps;
};

// One negotiated price: what it names replaces the list's, in one service tier.
struct PriceOverride {
    std::string provider;
    std::string model;
    Tier tier = Tier::standard;
    std::int64_t above_tokens = -1;  // only for calls with more input; -1: for all
    UtcTime from = UtcTime::min();
    UtcTime until = UtcTime::max();  // exclusive
    Rates rates;
};

// A row as it counts for a query, with where it is from.
struct FoundPrice {
    PriceRow row;
    std::string rates_source;
    std::string price_id;
    std::string price_date;
};

struct ListedPrice {
    const PriceRow* row = nullptr;  // lives as long as the book
    std::string_view rates_source;
};

class PriceBook {
public:
    // The prices embedded in the binary. Aborts on a broken embedded file: a build error.
    static const PriceBook& bundled();

    // Parses a price file (JSON lines, see meter/prices/README.md). Errors: malformed.
    static Result<PriceBook> parse(std::string_view text);

    // This book below a local set (may be null) and negotiated prices that were read on `date`.
    PriceBook with_local(const PriceBook* local_set, std::vector<PriceOverride> overrides,
                         std::string date) const;

    PriceBook(PriceBook&&) noexcept;
    PriceBook& operator=(PriceBook&&) noexcept;
    ~PriceBook();

    // Nothing when the model is unknown at that time, or its price has another unit than what
    // the usage counts (an image, a character). Estimated when a price had to stand in for one
    // that is not listed.
    // `story`, if wanted, tells how, also where it comes to nothing.
    std::optional<PricedCall> price(const PriceQuery& query, const TokenUsage& usage,
                                    PriceStory* story = nullptr) const;

    // The row that prices such a call. Nothing when the model is unknown at that time.
    std::optional<FoundPrice> find(const PriceQuery& query) const;

    // Every row of the local set, then of the bundle; without the provider-wide ones.
    std::vector<ListedPrice> rows() const;
    const std::vector<PriceOverride>& overrides() const;
    // Of the local set; empty when there is none.
    std::string_view local_date() const;

    // "2026-08-21".
    std::string_view bundle_date() const;
    // "bundled-2026-08-21", as rows name it.
    std::string_view source() const;

private:
    PriceBook();
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton::meter
