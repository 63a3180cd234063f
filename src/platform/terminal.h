// What the user looks at: whether a stream is a terminal, how wide it is, whether to colour.
#pragma once

namespace halton::platform {

bool is_stdout_terminal();
bool is_stderr_terminal();  // progress may be shown
bool is_stdin_terminal();  // somebody can be asked

// Columns of the terminal on stdout; 0 when it is not one or does not say. COLUMNS wins, so that
// people and scripts can choose.
int terminal_columns();

// Whether the locale's variables name UTF-8.
bool speaks_utf8();

// A terminal, NO_COLOR not set, and TERM not "dumb".
bool wants_colour();

}  // namespace halton::platform
