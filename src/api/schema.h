// The shapes of what the API answers and takes, as one table: the OpenAPI description is written
// from it, and tests hold every answer against it. Pure data.
// Every field of a shape is always there; what is not known is null, where the type allows it.
#pragma once

#include <span>
#include <string_view>

namespace halton::api {

// `type` in short: int, num, bool, text, time (UTC, six digits, Z), date, any; #Name another shape;
// [x] a list, {x} an object with any keys; a ? behind it: may be null.
// The name * takes the fields of that shape over as they are.
struct Field {
    std::string_view name;
    std::string_view type;
    std::string_view text;  // what it means, with its unit
};

struct Schema {
    std::string_view name;
    std::string_view text;
    std::span<const Field> fields;
    bool is_input = false;  // of a request's body: its fields may be left out
};

std::span<const Schema> schemas();

// Nothing for an unknown name.
const Schema* find_schema(std::string_view name);

}  // namespace halton::api
