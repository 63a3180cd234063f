// The OpenAPI 3.1 description of the API, written from the tables of routes and schemas. Pure.
#pragma once

#include <string>

namespace halton::api {

std::string to_openapi();

}  // namespace halton::api
