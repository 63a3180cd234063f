// Random identifiers (RFC 9562, version 4) for rows. Unique, not secret: a fast generator per
// thread, seeded from the system.
#pragma once

#include <string>

namespace halton {

// "0b6a3f0e-1f5e-4c3b-9a53-2f6c1d0e7a44". Thread: any.
std::string make_uuid();

}  // namespace halton
