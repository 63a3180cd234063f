// Stable words of ours as sentences: why a connection was not metered, what a failed call asks for.
// Pure tables.
#pragma once

#include <span>
#include <string_view>

namespace halton::api {

struct Reason {
    std::string_view word;
    std::string_view meaning;
    std::string_view what_to_do;  // empty: nothing
};

// Of the proxy; a word that is none of them means itself.
std::span<const Reason> passthrough_reasons();
Reason describe_passthrough(std::string_view word);

// By local error class; one that is none of them counts as unknown.
std::span<const Reason> error_reasons();
Reason describe_error(std::string_view error_class);

}  // namespace halton::api
