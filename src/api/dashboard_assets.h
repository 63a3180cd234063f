// The files of the dashboard, as the build packed them into the program (src/dashboard/build.mjs).
// A build without it has none; then api/pages.cpp explains.
// In: the path of a request, without its query. Out: the file, or null.
// Fails: never; a pack that makes no sense has no files. Pure; thread: any.
#pragma once

#include <string_view>
#include <vector>

namespace halton::api {

struct Asset {
    std::string_view path;  // "/", "/assets/index-4f2a.js"
    std::string_view content_type;
    std::string_view etag;      // with its quotes
    std::string_view gzip;      // the bytes, packed
    bool is_immutable = false;  // its name changes with its content
};

// Nothing for a path that is none of them.
const Asset* find_asset(std::string_view path);

// A pack as its files, up to the first one that makes no sense. They point into `pack`.
std::vector<Asset> parse_assets(std::string_view pack);

}  // namespace halton::api
