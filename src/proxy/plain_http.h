// Plain HTTP through the proxy: the one exception to copying. The head of an absolute-form request
// is rewritten to origin form; one exchange is served and the connection closes. Not metered.
#pragma once

#include <string>

#include "http/head.h"

namespace halton::proxy {

// The head for the origin server (or, with `proxy_authorization`, for a corporate proxy, which
// wants the absolute form): hop-by-hop fields of the proxy hop removed, Host set from the target,
// "Connection: close" added (an Upgrade is kept). RFC 9112 section 3.2.2, RFC 9110 section 7.6.1.
std::string rewrite_head(const http::RequestHead& head, const http::AbsoluteUri& uri,
                         bool is_for_proxy, std::string_view proxy_authorization);

}  // namespace halton::proxy
