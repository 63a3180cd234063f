// Rows as CSV by RFC 4180: CRLF ends, fields quoted where they have to be. A field that a
// spreadsheet would take for a formula begins with an apostrophe. Pure.
#pragma once

#include <string>
#include <string_view>

#include "store/requests.h"

namespace halton::api {

std::string to_csv_field(std::string_view text);

// One line each, with its end. The header's names are the keys of a Request.
std::string csv_header();
std::string to_csv_line(const store::RequestRow& row);

}  // namespace halton::api
