// What `uninstall --purge` deletes of the data folder. Pure.
#pragma once

#include <vector>

#include "setup/layer.h"

namespace halton::setup {

// The record of calls stays unless `takes_record`. With `is_graceful` so does what a running edge
// and programs that trust us still read.
std::vector<Step> plan_purge(const Facts& facts, bool is_graceful, bool takes_record);

}  // namespace halton::setup
