#include "platform/proc_text.h"

#include <algorithm>

namespace halton::platform {

std::string_view field_of(std::string_view line, int index) {
    for (;; --index) {
        const auto first = line.find_first_not_of(' ');
        if (first == std::string_view::npos) return {};
        line.remove_prefix(first);
        const auto end = std::min(line.find(' '), line.size());
        if (index == 0) return line.substr(0, end);
        line.remove_prefix(end);
    }
}

}  // namespace halton::platform
