// From what a provider answered to one of the ten local error classes. Tables only; the status
// alone never decides when the provider said more.
#pragma once

#include "meter/call.h"
#include "meter/providers/provider.h"

namespace halton::meter {

// `error` may be empty in every field (an HTML page, no body at all). Order: the first line of
// the provider's table for this status that asks for a code or words, then the first that asks
// for the status alone; below 400 (an error inside a good answer) the lines without a status, then
// those of the status that the error itself names; then any other 5xx as server_error, then unknown.
CallError classify(const Provider& provider, int http_status, const ProviderError& error);

}  // namespace halton::meter
