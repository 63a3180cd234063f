// Processes of this machine: who we are, whether another one lives, becoming another program.
// One body per system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/environment.h"

namespace halton::platform {

int own_pid();
std::uint32_t own_uid();

// The home directory that the password database names. Errors: not_found.
Result<std::filesystem::path> find_password_home(std::uint32_t uid);

bool is_process_alive(int pid);

// Becomes `argv[0]` (looked up in the PATH of `environment` when it has no slash). Returns only
// on failure. Errors: not_found, permission (there, but not a program one may run), io.
Error become_program(const std::vector<std::string>& argv, const Environment& environment);

// Splits off a child that goes on where this process is, so that a supervisor sees this one end
// while its work is finished. Only while one thread runs: others do not come along.
// In the child: child. Errors (no child was made): io.
enum class Fork { parent, child };
Result<Fork> fork_process();
// Ends this process as it is: no destructors, which belong to the child that goes on.
[[noreturn]] void end_without_cleanup(int exit_code);

// Runs a short helper and gives what it wrote to stdout; its stderr is dropped, it is ended at
// `limit_ms`, and output beyond 64 KiB is cut. Errors: not_found, io (also: exit code not 0),
// timeout.
Result<std::string> run_helper(const std::vector<std::string>& argv, int limit_ms);

}  // namespace halton::platform
