// Whether clients that trust a bundle will take our certificates: a leaf is made and verified as a
// client would, constraints and all. The presence of files proves nothing. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "tls/authority.h"

namespace halton::tls {

// Empty when a leaf for `host` verifies with the roots of `bundle_pem`; else why not, in the
// library's words.
std::string find_leaf_complaint(const Authority& authority, std::string_view bundle_pem,
                                std::string_view host, UtcTime now);

}  // namespace halton::tls
