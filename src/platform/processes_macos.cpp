#include "platform/processes.h"

#include <algorithm>
#include <chrono>

#include <libproc.h>
#include <sys/sysctl.h>

#include "base/limits.h"
#include "platform/process.h"

namespace halton::platform {
namespace {

// KERN_PROCARGS2: the count of arguments, the program's path, NULs up to a boundary, the arguments,
// then the environment, all ended by NULs. For other users' processes and protected ones it fails.
struct Image {
    std::vector<std::string> arguments;
    std::vector<std::string> entries;  // "NAME=value"
};

Image read_image(int pid) {
    Image image;
    int name[] = {CTL_KERN, KERN_PROCARGS2, pid};
    std::string text(limits::environ_bytes_max, '\0');
    std::size_t size = text.size();
    if (::sysctl(name, 3, text.data(), &size, nullptr, 0) != 0 || size < sizeof(int)) return image;
    int count = 0;
    std::copy_n(text.data(), sizeof count, reinterpret_cast<char*>(&count));
    std::string_view rest = std::string_view(text).substr(sizeof count, size - sizeof count);
    rest.remove_prefix(std::min(rest.find('\0'), rest.size()));
    rest.remove_prefix(std::min(rest.find_first_not_of('\0'), rest.size()));
    std::size_t kept = 0;
    while (!rest.empty()) {
        const auto word = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        if (count-- > 0) {
            kept += word.size() + 1;
            if (kept <= limits::process_arguments_bytes_max) image.arguments.emplace_back(word);
        } else if (word.empty()) {
            break;
        } else {
            image.entries.emplace_back(word);
        }
    }
    return image;
}

}  // namespace

std::vector<setup::ProcessFact> list_own_processes(
    const std::function<bool(const setup::ProcessFact&)>& is_wanted,
    std::span<const std::string_view> variable_names) {
    const auto deadline = std::chrono::steady_clock::now() + limits::process_look_time;
    std::vector<int> pids(limits::process_count_max);
    const int bytes = ::proc_listpids(PROC_UID_ONLY, own_uid(), pids.data(),
                                      static_cast<int>(pids.size() * sizeof(int)));
    pids.resize(bytes > 0 ? static_cast<std::size_t>(bytes) / sizeof(int) : 0);
    std::sort(pids.begin(), pids.end(), std::greater<>());
    std::vector<setup::ProcessFact> processes;
    for (const int pid : pids) {
        if (pid <= 0) continue;
        if (std::chrono::steady_clock::now() >= deadline) break;
        setup::ProcessFact process;
        process.pid = pid;
        char path[PROC_PIDPATHINFO_MAXSIZE] = {};
        if (::proc_pidpath(pid, path, sizeof path) > 0) process.executable = path;
        auto image = read_image(pid);
        process.arguments = std::move(image.arguments);
        if (process.executable.empty() && process.arguments.empty()) continue;
        if (is_wanted(process))
            for (const auto& entry : image.entries) {
                const auto name = std::string_view(entry).substr(0, entry.find('='));
                if (name.size() < entry.size() &&
                    std::find(variable_names.begin(), variable_names.end(), name) !=
                        variable_names.end())
                    process.variables.emplace(name, entry.substr(name.size() + 1));
            }
        processes.push_back(std::move(process));
    }
    return processes;
}

}  // namespace halton::platform
