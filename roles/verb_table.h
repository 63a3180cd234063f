// The verbs as one table: what main() dispatches by, and what help, completions and man pages are
// made of. A new verb is a row here and a file.
#pragma once

#include <span>
#include <string_view>

namespace halton::roles {

struct Verb {
    std::string_view name;
    std::string_view help;
    int (*function)(int argc, char** argv);
    bool is_hidden;
    // What may follow the name, with spaces between: commands of its own, or choices.
    std::string_view words = {};
};

std::span<const Verb> verbs();

// Null for an unknown one.
const Verb* find_verb(std::string_view name);

}  // namespace halton::roles
