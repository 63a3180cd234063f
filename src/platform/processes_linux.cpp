#include "platform/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/process.h"

namespace halton::platform {
namespace {

std::string read_program(int pid) {
    std::array<char, 4096> target;
    const auto size =
        ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), target.data(), target.size());
    if (size <= 0 || static_cast<std::size_t>(size) == target.size()) return {};
    std::string path(target.data(), static_cast<std::size_t>(size));
    constexpr std::string_view deleted = " (deleted)";
    if (path.ends_with(deleted)) path.resize(path.size() - deleted.size());
    return path;
}

// Words between NULs. A command line that is longer than the limit is cut: its beginning says what
// runs.
std::vector<std::string> read_arguments(int pid) {
    std::vector<std::string> words;
    const int file = ::open(fmt::format("/proc/{}/cmdline", pid).c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return words;
    std::array<char, limits::process_arguments_bytes_max> text;
    const auto size = ::read(file, text.data(), text.size());
    ::close(file);
    if (size <= 0) return words;
    std::string_view rest(text.data(), static_cast<std::size_t>(size));
    while (!rest.empty()) {
        const auto word = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        words.emplace_back(word);
    }
    return words;
}

setup::Variables read_variables(int pid, std::span<const std::string_view> names) {
    setup::Variables variables;
    const auto text = read_file(fmt::format("/proc/{}/environ", pid), limits::environ_bytes_max);
    if (!text) return variables;
    std::string_view rest = *text;
    while (!rest.empty()) {
        const auto entry = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
        const auto name = entry.substr(0, entry.find('='));
        if (name.size() == entry.size()) continue;
        if (std::find(names.begin(), names.end(), name) != names.end())
            variables.emplace(name, entry.substr(name.size() + 1));
    }
    return variables;
}

}  // namespace

std::vector<setup::ProcessFact> list_own_processes(
    const std::function<bool(const setup::ProcessFact&)>& is_wanted,
    std::span<const std::string_view> variable_names) {
    const auto deadline = std::chrono::steady_clock::now() + limits::process_look_time;
    std::vector<int> pids;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(
        ::opendir("/proc"), [](DIR* directory) { return ::closedir(directory); });
    if (!folder) return {};
    while (const dirent* entry = ::readdir(folder.get())) {
        const auto pid = parse_decimal(entry->d_name);
        struct stat facts {};
        if (!pid || *pid >= 1u << 30 || ::fstatat(::dirfd(folder.get()), entry->d_name, &facts, 0))
            continue;
        if (facts.st_uid == own_uid()) pids.push_back(static_cast<int>(*pid));
    }
    std::sort(pids.begin(), pids.end(), std::greater<>());
    std::vector<setup::ProcessFact> processes;
    for (const int pid : pids) {
        if (processes.size() >= limits::process_count_max ||
            std::chrono::steady_clock::now() >= deadline)
            break;
        setup::ProcessFact process{pid, read_program(pid), read_arguments(pid), {}};
        // Kernel threads and what has just ended have neither.
        if (process.executable.empty() && process.arguments.empty()) continue;
        if (is_wanted(process)) process.variables = read_variables(pid, variable_names);
        processes.push_back(std::move(process));
    }
    return processes;
}

}  // namespace halton::platform
