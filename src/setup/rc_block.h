// Our block in a shell's start-up file: between two marker lines, inside of a test that the bundle
// is there, and taken out again byte for byte.
//     # >>> halton-meter >>> made by "halton-meter init", removed by "halton-meter uninstall"
//     if [ -f '/home/ann/.halton-meter/ca-bundle.pem' ]; then ... fi
//     # <<< halton-meter <<<
// The first line also says what stood there before ([new file], [no newline]), so that removing
// needs no other memory. Pure. Bad input (one marker without the other) is somebody's text and
// stays.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "setup/run_environment.h"

namespace halton::setup {

enum class Shell { posix, fish };  // bash and zsh read the same

struct BlockSettings {
    std::string bundle_file;          // the block does nothing once this is gone
    Variables variables;              // as make_run_environment gives them
    bool keeps_foreign_proxy = true;  // another HTTPS_PROXY of the user's stays in force
};

// The lines between the markers.
std::string make_block_body(Shell shell, const BlockSettings& settings);

// `text` with the block in it: in the place of an earlier one, else at the end. `is_new_file`:
// there was no file, and removing the block leaves none.
std::string with_block(std::string_view text, std::string_view body, bool is_new_file);

struct WithoutBlock {
    std::string text;
    bool is_file_ours = false;  // nothing else is in it and we made it
};
// Nothing when there is no block.
std::optional<WithoutBlock> without_block(std::string_view text);

// The lines between the markers, if there is a block.
std::optional<std::string> find_block_body(std::string_view text);

// A file of environment.d(5) with these variables.
std::string make_environment_d(const Variables& variables);

}  // namespace halton::setup
