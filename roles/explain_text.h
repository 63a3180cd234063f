// How the cost of one recorded call came about: counts, price row, tier, and the sum to the
// nano-dollar; or why there is no price, and what to do. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json_writer.h"
#include "meter/pricing.h"
#include "store/stored_call.h"
#include "store/usage.h"

namespace halton::roles {

struct Explanation {
    store::StoredCall row;
    // The same call, priced by the book as it is now.
    meter::CallRecord charged;
    std::vector<meter::PriceStory> stories;  // a part of the call each
    // One sentence: by what it is charged, or why it is not.
    std::string reason;
    std::string next;  // a command without the program's name; empty: nothing to do
    // Whether the row has the cost that the book would give it today.
    bool is_current() const;
};

Explanation explain_cost(store::StoredCall row, const meter::PriceBook& book);

std::string to_explain_text(const Explanation& explanation, const store::DayZone& zone,
                            std::string_view zone_name, int width);
// `project` is what the project is called there. Writes members into an open object.
void write_explanation(JsonWriter& json, const Explanation& explanation, std::string_view project);

}  // namespace halton::roles
