// The files of the dashboard, as the build embeds them. A build without it has none.
#pragma once

#include <string_view>

namespace halton::api {

struct Asset {
    std::string_view path;          // "/", "/assets/index-4f2a.js"
    std::string_view content_type;
    std::string_view etag;          // with its quotes
    std::string_view gzip;          // the bytes, packed
    bool is_immutable = false;      // its name changes with its content
};

// Nothing for a path that is none of them.
const Asset* find_asset(std::string_view path);

}  // namespace halton::api
