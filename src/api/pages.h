// What a browser is shown: the files of the dashboard, or a page that says that this build has
// none. In:    a request's head. Out: an answer, or nothing where the path is none of them. Pure.
#pragma once

#include <optional>

#include "api/dashboard_assets.h"
#include "api/routes.h"
#include "http/head.h"

namespace halton::api {

// `find` is find_asset, or a test's.
std::optional<Answer> find_page(const http::RequestHead& head,
                                const Asset* (*find)(std::string_view path) = &find_asset);

}  // namespace halton::api
