// Processes of this machine: who we are, whether another one lives, becoming another program.
// One body per system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/environment.h"

namespace halton::platform {

int own_pid();
std::uint32_t own_uid();

// The home directory that the password database names. Errors: not_found.
Result<std::filesystem::path> find_password_home(std::uint32_t uid);

// Of the password database, else USER or LOGNAME; empty when nobody knows.
std::string find_user_name(std::uint32_t uid);

bool is_process_alive(int pid);

// SIGTERM and SIGKILL. False: no such process, or not ours. Check first whose pid it is: see
// platform/listeners.h.
bool ask_to_end(int pid);
bool end_by_force(int pid);

// Becomes `argv[0]` (looked up in the PATH of `environment` when it has no slash). Returns only
// on failure. Errors: not_found, permission (there, but not a program one may run), io.
Error become_program(const std::vector<std::string>& argv, const Environment& environment);

// Whether there is such a program: looked up in PATH, unless the name is a path.
bool has_program(const std::string& name);

struct Finished {
    int exit_code = 0;  // 128 + the signal's number for one that was killed
    std::string output;
    std::string errors;
};
// Runs a program to its end, at most `limit_ms`; what it writes beyond
// setup_command_output_bytes_max is cut. `is_attended`: it has our terminal, and nothing is kept.
// `input` is its stdin (nothing where it is empty), at most process_input_bytes_max.
// Errors: not_found, permission, io, timeout (it was killed).
Result<Finished> run_program(const std::vector<std::string>& argv, const Environment& environment,
                             int limit_ms, bool is_attended = false,
                             std::string_view input = {});

// What a pipe holds everywhere without anybody reading it.
inline constexpr std::size_t process_input_bytes_max = 16 * 1024;

// Starts a program that outlives us: a session of its own, stdin from nothing, what it writes at
// the end of `log_file` (0600). It begins only once `on_pid` has said yes to its pid, and never if
// we end before. Errors: not_found, permission, io.
Result<int> start_detached(const std::vector<std::string>& argv, const Environment& environment,
                           const std::filesystem::path& log_file,
                           const std::function<bool(int pid)>& on_pid);

// Splits off a child that goes on where this process is, so that a supervisor sees this one end
// while its work is finished. Only while one thread runs: others do not come along.
// In the child: child. Errors (no child was made): io.
enum class Fork { parent, child };
Result<Fork> fork_process();
// Ends this process as it is: no destructors, which belong to the child that goes on.
[[noreturn]] void end_without_cleanup(int exit_code);

// Runs a short helper and gives what it wrote to stdout; its stderr is dropped, it is ended at
// `limit_ms`. Errors: not_found, io (also: exit code not 0),
// timeout.
Result<std::string> run_helper(const std::vector<std::string>& argv, int limit_ms);

}  // namespace halton::platform
