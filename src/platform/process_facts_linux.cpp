#include "platform/process_facts.h"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/proc_text.h"

namespace halton::platform {
namespace {

std::string read_link(const std::string& path) {
    std::array<char, 4096> target;
    const auto size = ::readlink(path.c_str(), target.data(), target.size());
    if (size <= 0 || static_cast<std::size_t>(size) == target.size()) return {};
    std::string text(target.data(), static_cast<std::size_t>(size));
    constexpr std::string_view deleted = " (deleted)";
    if (text.ends_with(deleted)) text.resize(text.size() - deleted.size());
    return text;
}

// The next text of a list whose entries end in NUL.
std::string_view take_entry(std::string_view& rest) {
    const auto entry = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    return entry;
}

bool is_there(const std::string& path) {
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0;
}

}  // namespace

Result<ProcessStatus> read_process_status(int pid) {
    const auto folder = fmt::format("/proc/{}", pid);
    struct stat facts {};
    // Its owner is the process's effective user; root's, when the process hides from its own.
    const bool is_here = pid > 0 && ::stat(folder.c_str(), &facts) == 0;
    const auto text = is_here ? read_file(folder + "/stat", 4096)
                              : Result<std::string>(fail(ErrorKind::not_found));
    if (!text) return fail(ErrorKind::not_found, fmt::format("no process {}", pid));
    // The name in field 2 may hold anything, also brackets and spaces, so fields are counted from
    // the last bracket.
    const auto open = text->find('(');
    const auto close = text->rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open)
        return fail(ErrorKind::not_found, fmt::format("no process {}", pid));
    const auto rest = std::string_view(*text).substr(close + 1);
    ProcessStatus status;
    status.pid = pid;
    status.uid = facts.st_uid;
    status.name = text->substr(open + 1, close - open - 1);
    status.parent_pid = static_cast<int>(parse_decimal(field_of(rest, 1)).value_or(0));
    status.session_id = static_cast<int>(parse_decimal(field_of(rest, 3)).value_or(0));
    status.started = parse_decimal(field_of(rest, 19)).value_or(0);
    return status;
}

std::string read_executable(int pid) { return read_link(fmt::format("/proc/{}/exe", pid)); }

std::string read_working_directory(int pid) {
    auto path = read_link(fmt::format("/proc/{}/cwd", pid));
    // "(unreachable)/...": outside of our own root.
    return path.starts_with('/') ? path : std::string();
}

std::vector<std::string> read_arguments(int pid) {
    const auto text = read_file(fmt::format("/proc/{}/cmdline", pid), limits::environ_bytes_max);
    std::vector<std::string> arguments;
    if (!text) return arguments;
    auto rest = std::string_view(*text).substr(0, limits::command_line_bytes_max);
    while (!rest.empty() && arguments.size() < limits::argument_count_max)
        arguments.emplace_back(take_entry(rest));
    return arguments;
}

std::vector<std::optional<std::string>> read_variables(int pid,
                                                       std::span<const std::string_view> names) {
    const auto text = read_file(fmt::format("/proc/{}/environ", pid), limits::environ_bytes_max);
    if (!text || text->empty()) return {};
    std::vector<std::optional<std::string>> values(names.size());
    std::string_view rest = *text;
    while (!rest.empty()) {
        const auto entry = take_entry(rest);
        const auto equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        const auto found = std::find(names.begin(), names.end(), entry.substr(0, equals));
        if (found == names.end()) continue;
        auto& value = values[static_cast<std::size_t>(found - names.begin())];
        // Of two with one name getenv() finds the first.
        if (!value) value = std::string(entry.substr(equals + 1, limits::slug_bytes_max + 1));
    }
    return values;
}

std::string read_file_root(int pid) {
    static const std::string own_namespace = read_link("/proc/self/ns/mnt");
    const auto folder = fmt::format("/proc/{}", pid);
    const auto its_namespace = read_link(folder + "/ns/mnt");
    const bool shares_files = its_namespace.empty() || its_namespace == own_namespace;
    return shares_files ? std::string() : folder + "/root";
}

meter::ContainerFacts read_container_facts(int pid, const std::string& file_root) {
    meter::ContainerFacts facts;
    const auto cgroup = read_file(fmt::format("/proc/{}/cgroup", pid), 64 * 1024);
    if (cgroup) facts.cgroup = *cgroup;
    facts.has_mark =
        is_there(file_root + "/.dockerenv") || is_there(file_root + "/run/.containerenv");
    facts.is_kubernetes = is_there(file_root + "/run/secrets/kubernetes.io") ||
                          is_there(file_root + "/var/run/secrets/kubernetes.io");
    // Engines write the name of a container there; on a machine it is the machine's own, and then
    // nothing above says "container".
    const auto hostname = read_file(file_root + "/etc/hostname", 4096);
    if (hostname) facts.hostname = trim(*hostname);
    return facts;
}

}  // namespace halton::platform
