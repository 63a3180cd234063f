// The stable codes of findings, for scripts and support: what each means and what to type. The
// documentation is printed from this table; a test holds the sources to it, both ways. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace halton::setup {

struct Code {
    std::string_view code;
    std::string_view meaning;
    std::string_view command;  // what repairs it most of the time; the finding has the exact one
};

std::span<const Code> all_codes();
const Code* find_code(std::string_view code);

// As Markdown, for src/setup/README.md.
std::string print_codes();

}  // namespace halton::setup
