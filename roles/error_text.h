// What failed, by class, provider and code, and what the operator does about each class. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/requests.h"
#include "store/usage.h"

namespace halton::roles {

// One line; that of "unknown" for a class nobody knows.
std::string_view advice_of(std::string_view error_class);

std::string to_errors_text(const std::vector<store::ErrorGroup>& groups, const store::DayZone& zone,
                           int width);
std::string to_errors_json(const std::vector<store::ErrorGroup>& groups);

}  // namespace halton::roles
