// Result<T>: a value or an Error. The call style is
//     auto head = parse_x(text);
//     if (!head) return fail(head.error());
// To become std::expected once every compiler in use has it.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/error.h"

namespace halton {

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

inline tl::unexpected<Error> fail(ErrorKind kind, std::string context = {},
                                  Leg leg = Leg::local) {
    return tl::unexpected<Error>(Error{kind, leg, std::move(context)});
}

}  // namespace halton
