#include "platform/process_facts.h"

#include <algorithm>

#include <fmt/format.h>
#include <libproc.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "base/limits.h"

namespace halton::platform {
namespace {

// What KERN_PROCARGS2 shows: the count of arguments, the program's path, padding, the arguments,
// the environment, each ending in NUL.
struct Launch {
    std::vector<std::string> arguments;
    std::string environment;
};

std::string_view take_entry(std::string_view& rest) {
    const auto entry = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    return entry;
}

Launch read_launch(int pid) {
    int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
    std::string text(limits::environ_bytes_max, '\0');
    std::size_t size = text.size();
    Launch launch;
    int count = 0;
    if (::sysctl(name, 3, text.data(), &size, nullptr, 0) != 0 || size < sizeof count)
        return launch;
    text.resize(size);
    std::copy_n(text.data(), sizeof count, reinterpret_cast<char*>(&count));
    auto rest = std::string_view(text).substr(sizeof count);
    take_entry(rest);
    rest.remove_prefix(std::min(rest.find_first_not_of('\0'), rest.size()));
    std::size_t bytes = 0;
    for (; count > 0 && !rest.empty(); --count) {
        const auto entry = take_entry(rest);
        bytes += entry.size();
        if (launch.arguments.size() < limits::argument_count_max &&
            bytes <= limits::command_line_bytes_max)
            launch.arguments.emplace_back(entry);
    }
    launch.environment = rest;
    return launch;
}

}  // namespace

Result<ProcessStatus> read_process_status(int pid) {
    proc_bsdinfo facts{};
    if (pid <= 0 || ::proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &facts, sizeof facts) != sizeof facts)
        return fail(ErrorKind::not_found, fmt::format("no process {}", pid));
    ProcessStatus status;
    status.pid = pid;
    status.parent_pid = static_cast<int>(facts.pbi_ppid);
    status.session_id = static_cast<int>(::getsid(pid));
    status.uid = facts.pbi_uid;
    status.started = facts.pbi_start_tvsec * 1'000'000 + facts.pbi_start_tvusec;
    status.name = facts.pbi_name[0] != '\0' ? facts.pbi_name : facts.pbi_comm;
    return status;
}

std::string read_executable(int pid) {
    char path[PROC_PIDPATHINFO_MAXSIZE] = {};
    return ::proc_pidpath(pid, path, sizeof path) > 0 ? std::string(path) : std::string();
}

std::string read_working_directory(int pid) {
    proc_vnodepathinfo paths{};
    if (::proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, &paths, sizeof paths) != sizeof paths)
        return {};
    return paths.pvi_cdir.vip_path;
}

std::vector<std::string> read_arguments(int pid) { return read_launch(pid).arguments; }

std::vector<std::optional<std::string>> read_variables(int pid,
                                                       std::span<const std::string_view> names) {
    const auto launch = read_launch(pid);
    std::string_view rest = launch.environment;
    if (rest.empty()) return {};
    std::vector<std::optional<std::string>> values(names.size());
    while (!rest.empty()) {
        const auto entry = take_entry(rest);
        const auto equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        const auto found = std::find(names.begin(), names.end(), entry.substr(0, equals));
        if (found == names.end()) continue;
        auto& value = values[static_cast<std::size_t>(found - names.begin())];
        if (!value) value = std::string(entry.substr(equals + 1, limits::slug_bytes_max + 1));
    }
    return values;
}

// Containers run in a virtual machine there, and are no processes of this system.
std::string read_file_root(int) { return {}; }
meter::ContainerFacts read_container_facts(int, const std::string&) { return {}; }

}  // namespace halton::platform
