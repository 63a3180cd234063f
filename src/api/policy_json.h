// One policy as JSON, for the routes that list and that change them.
#pragma once

#include "base/json_writer.h"
#include "meter/policy.h"

namespace halton::api {

void write_policy(JsonWriter& json, const meter::Policy& policy);

}  // namespace halton::api
