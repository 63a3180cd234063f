// PEM: finds the certificates of a text and writes certificates as text.
// In:    whatever stands in somebody's CA file; comments, keys and garbage are stepped over.
// Out:   DER of blocks labelled as certificates that also have the shape of one.
// Fails: never; a block that is broken is counted and skipped. Key blocks are not even decoded.
// Thread: plain functions. Limits: the caller's, on the text.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace halton::tls {

// Calls `take` with the DER of every certificate in order; the view lives during the call only.
// Returns how many certificate blocks were broken (no end line, no base64, no certificate inside).
std::size_t for_each_certificate(std::string_view pem,
                                 const std::function<void(std::string_view der)>& take);

// One block with lines of 64 characters.
std::string to_certificate_pem(std::string_view der);

}  // namespace halton::tls
