// No file may crash the reader of .haltonrc; what it takes for a project is a slug, and what it
// read is read again from a file that says the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/haltonrc.h"
#include "config/slug.h"

using namespace halton::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Haltonrc rc = parse_haltonrc(text);
    std::string same;
    if (rc.project) {
        if (!is_slug(*rc.project)) std::abort();
        same += "project = \"" + *rc.project + "\"\r\n";
    }
    if (rc.body_capture) same += *rc.body_capture ? "body_capture=on" : "body_capture=off";
    const Haltonrc again = parse_haltonrc(same);
    if (again.project != rc.project || again.body_capture != rc.body_capture) std::abort();
    return 0;
}
