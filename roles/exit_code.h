// Exit codes of every verb.
#pragma once

namespace halton::roles {

enum ExitCode : int {
    exit_done = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_over_limit = 3,  // `budget`: a limit is reached; `policy test`: it would be blocked
    exit_over_blocking_limit = 4,  // `budget`: that of a budget which blocks
    exit_not_runnable = 126,       // `run`: the command is there, but is no program one may run
    exit_not_found = 127,          // `run`: no such command
    exit_interrupted = 130,
};

}  // namespace halton::roles
