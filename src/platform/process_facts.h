// What the system tells of one process, question by question. One body per system.
// Fails: never, unless said; what cannot be read is empty. A process may end between two questions,
// and its number may then be somebody else's: compare `started`.
// Limits: environ_bytes_max, command_line_bytes_max, argument_count_max. Blocking, some
// microseconds each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "meter/sandbox.h"

namespace halton::platform {

struct ProcessStatus {
    int pid = 0;
    int parent_pid = 0;
    int session_id = 0;  // of terminals and daemons: who was started together
    std::uint32_t uid = 0;
    std::uint64_t started = 0;  // in a unit of the system's
    std::string name;           // as the system shows it, shortened
};

// Errors: not_found.
Result<ProcessStatus> read_process_status(int pid);

// Absolute; of a deleted program as it was.
std::string read_executable(int pid);

// As the process sees it; of a deleted folder as it was.
std::string read_working_directory(int pid);

std::vector<std::string> read_arguments(int pid);

// The values of those variables, in their order, at most slug_bytes_max + 1 bytes each: as they
// were when the program began; what it sets in itself later is not visible from outside. None at
// all when there is nothing to read: no environment, or a program that is just being loaded.
std::vector<std::optional<std::string>> read_variables(int pid,
                                                       std::span<const std::string_view> names);

// Where the paths of that process begin for us: empty for those that share our files, the way
// into its root for one in a container.
std::string read_file_root(int pid);

// `file_root` of that process.
meter::ContainerFacts read_container_facts(int pid, const std::string& file_root);

}  // namespace halton::platform
