// A text table for a terminal: aligned columns, and columns that leave when it gets narrow. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace halton::roles {

struct Column {
    std::string heading;
    bool is_number = false;  // to the right
    int leaves_at = 0;       // the highest leaves first; 0 stays
    bool is_cut = false;     // shortened with ".." where nothing more can leave
};

// Lines with two spaces before each and newlines behind; `width` 0 = as wide as it needs.
std::string render_table(const std::vector<Column>& columns,
                         std::vector<std::vector<std::string>> rows, int width);

// Lines that are too long, broken at spaces; what goes on is two further in than its beginning.
std::string wrap_text(std::string_view text, int width);

}  // namespace halton::roles
