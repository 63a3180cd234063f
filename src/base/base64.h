// Base64 (RFC 4648, section 4) to bytes.
#pragma once

#include <string>
#include <string_view>

namespace halton {

// Appends what `text` stands for to `out`; false when it is no base64, `out` is then as before.
// Padding may be missing. The result is never longer than three quarters of the text.
bool append_base64_decoded(std::string& out, std::string_view text);

}  // namespace halton
