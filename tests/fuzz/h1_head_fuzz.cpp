// No bytes may crash the readers of heads and targets, and what they accept means one thing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/head.h"

using namespace halton;
using namespace halton::http;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

void check_fields(const HeaderList& headers) {
    for (const Header& header : headers.all()) {
        require(!header.name.empty());
        require(headers.find(header.name) != nullptr);
        require((header.name + header.value).find_first_of("\r\n") == std::string::npos);
    }
}

// What we would write must be read as the same again.
void check_target(const Target& target) {
    const auto again = parse_authority(to_text(target));
    require(again.has_value());
    require(*again == target);
}

void check_head_end(std::string_view bytes) {
    std::size_t scanned = 0, found = 0;
    for (std::size_t size = 0; size <= bytes.size() && found == 0; ++size)
        found = find_head_end(bytes.substr(0, size), scanned);
    std::size_t from_start = 0;
    require(find_head_end(bytes, from_start) == found);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check_head_end(bytes.substr(0, 4096));
    if (const auto request = parse_request_head(bytes)) {
        check_fields(request->headers);
        require(!request->method.empty() && !request->target.empty());
        require(request->headers.count("host") <= 1);
    }
    if (const auto response = parse_response_head(bytes)) {
        check_fields(response->headers);
        require(response->status >= 100 && response->status <= 999);
    }
    if (const auto target = parse_authority(bytes)) check_target(*target);
    if (const auto uri = parse_absolute_uri(bytes)) {
        check_target(uri->target);
        require(uri->path_and_query.front() == '/');
    }
    require(path_of(bytes).size() <= bytes.size());
    return 0;
}
