// PriceBook: prices per model, and the arithmetic from token counts to nano-dollars.
// Integer arithmetic only; one rounding per call. Unknown model: no price, never a guess.
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

namespace halton::meter {

struct PricedCall {
    NanoUsd cost;
    CostState state = CostState::exact;
    std::string rates_source;
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

class PriceBook {
public:
    // The prices embedded in the binary. Aborts on a broken embedded file: a build error.
    static const PriceBook& bundled();

    // Parses a price file (JSON lines, see meter/prices/README.md). Errors: malformed.
    static Result<PriceBook> parse(std::string_view text);

    PriceBook(PriceBook&&) noexcept;
    PriceBook& operator=(PriceBook&&) noexcept;
    ~PriceBook();

    // Nothing when the model is unknown at that time, or its price has another unit than what
    // the usage counts (an image, a character). Estimated when a price had to stand in for one
    // that is not listed.
    std::optional<PricedCall> price(const PriceQuery& query, const TokenUsage& usage) const;

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
