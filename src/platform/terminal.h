// What the user looks at: whether a stream is a terminal, how wide it is, whether to colour.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace halton::platform {

bool is_stdout_terminal();
bool is_stderr_terminal();  // progress may be shown
bool is_stdin_terminal();   // somebody can be asked

// What is on stdin, as far as it comes within `limit`, at most `bytes_max`: up to its end, or to
// the moment in which `is_enough` says so of what is there. Nothing from a terminal, which has a
// person behind it.
std::string read_stdin(std::chrono::milliseconds limit, std::size_t bytes_max,
                       const std::function<bool(std::string_view)>& is_enough);

// Between two looks at something that changes. A signal may end it early.
void pause_for(std::chrono::milliseconds time);

// Columns of the terminal on stdout; 0 when it is not one or does not say. COLUMNS wins, so that
// people and scripts can choose.
int terminal_columns();

// Whether the locale's variables name UTF-8.
bool speaks_utf8();

// A terminal, NO_COLOR not set, and TERM not "dumb".
bool wants_colour();

}  // namespace halton::platform
