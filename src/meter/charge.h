// charge(): from what a call counted to what it cost. Used when a call ends and again whenever its
// row is priced anew, so it looks at nothing but what a row keeps. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "meter/call.h"

namespace halton::meter {

class PriceBook;
struct PriceStory;

// Fills cost, cost_state, rates_source, price_id and price_date. By what, in this order:
//   nothing      charged later elsewhere (deferred), or no counts of an answer: no cost
//   "free"       never charged: 0
//   "reported"   the provider states the final cost itself; an estimate where a part of it is one
//   a price row  of the book; the sub-calls one by one, each at its own model's price. Where answers
//                name models as their maker does (Bedrock), the requested model's; for a profile
//                of the account's own the answer's, as an estimate
// What a gateway in between states is kept with the row, and not believed.
// A refusal of a known model costs 0.
// `stories`, if wanted, gets one for each part of the call that was looked up in the book.
void charge(const PriceBook& prices, CallRecord& call, std::vector<PriceStory>* stories = nullptr);

// Whether the costs that a provider's answers state are what it charges.
bool states_final_cost(std::string_view provider);

}  // namespace halton::meter
