// Golden files: texts that a test makes and people read. HALTON_UPDATE_GOLDEN=1 rewrites them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "support/catch.h"
#include "support/temp_directory.h"

namespace halton::test {

inline std::filesystem::path source_root() {
    if (const char* root = std::getenv("HALTON_SOURCE_ROOT")) return root;
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

inline std::string read_fixture(const std::string& name) {
    return read_text(source_root() / "tests" / "fixtures" / name);
}

// `name` below tests/fixtures/.
inline void check_golden(const std::string& name, std::string_view text) {
    const auto path = source_root() / "tests" / "fixtures" / name;
    if (std::getenv("HALTON_UPDATE_GOLDEN") != nullptr) {
        write_text(path, text);
        return;
    }
    INFO("golden file " << name << "; to rewrite it: HALTON_UPDATE_GOLDEN=1 meson test");
    CHECK(read_text(path) == text);
}

}  // namespace halton::test
