#include "platform/listeners.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/proc_text.h"

namespace halton::platform {
namespace {

// Addresses of the tables are words in host order: 127.x.x.x ends in 7F here.
bool is_loopback(std::string_view address) {
    if (address.size() == 8) return address.ends_with("7F");
    return address == "00000000000000000000000001000000" ||
           (address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F"));
}

struct Row {
    std::uint64_t inode = 0;
    std::uint32_t uid = 0;
    bool is_off_loopback = false;
};

std::optional<Row> search_table(std::string_view table, std::uint16_t port) {
    const auto wanted = fmt::format(":{:04X}", port);
    std::string_view rest = table;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const auto local = field_of(line, 1);
        constexpr std::string_view listening = "0A";
        if (!local.ends_with(wanted) || field_of(line, 3) != listening) continue;
        const auto uid = parse_decimal(field_of(line, 7));
        const auto inode = parse_decimal(field_of(line, 9));
        if (uid && inode)
            return Row{*inode, static_cast<std::uint32_t>(*uid),
                       !is_loopback(local.substr(0, local.size() - wanted.size()))};
    }
    return std::nullopt;
}

// Both address families; listeners stand before connections.
std::optional<Row> search_tables(std::uint16_t port, std::size_t bytes_max) {
    for (const char* file : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        const auto table = read_beginning(file, bytes_max);
        if (!table) continue;
        if (auto row = search_table(*table, port)) return row;
    }
    return std::nullopt;
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory open_directory(const std::string& path) {
    return Directory(::opendir(path.c_str()), [](DIR* directory) { return ::closedir(directory); });
}

bool holds_socket(int pid, const std::string& link, std::size_t& look_count) {
    const auto directory = open_directory(fmt::format("/proc/{}/fd", pid));
    if (!directory) return false;
    std::array<char, 64> target;
    while (const dirent* entry = ::readdir(directory.get())) {
        if (entry->d_name[0] == '.') continue;
        if (++look_count > limits::socket_owner_fd_count_max) return false;
        const auto size =
            ::readlinkat(::dirfd(directory.get()), entry->d_name, target.data(), target.size());
        if (size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == link)
            return true;
    }
    return false;
}

// Youngest first, and the supervisor that bound the socket only when nobody else holds it.
std::optional<int> find_holder(std::uint64_t inode) {
    const auto link = fmt::format("socket:[{}]", inode);
    const auto processes = open_directory("/proc");
    if (!processes) return std::nullopt;
    std::vector<int> pids;
    while (const dirent* entry = ::readdir(processes.get())) {
        const auto pid = parse_decimal(entry->d_name);
        if (pid && *pid < 1u << 30) pids.push_back(static_cast<int>(*pid));
    }
    std::sort(pids.begin(), pids.end(), std::greater<>());
    std::size_t look_count = 0;
    std::optional<int> supervisor;
    for (const int pid : pids) {
        if (!holds_socket(pid, link, look_count)) continue;
        const auto look = look_at_process(pid);
        if (!look || !look->executable.ends_with("/systemd")) return pid;
        supervisor = pid;
    }
    return supervisor;
}

}  // namespace

std::optional<ProcessLook> look_at_process(int pid) {
    if (pid <= 0) return std::nullopt;
    std::array<char, 4096> target;
    const auto size =
        ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), target.data(), target.size());
    if (size <= 0 || static_cast<std::size_t>(size) == target.size()) return std::nullopt;
    ProcessLook look;
    look.executable.assign(target.data(), static_cast<std::size_t>(size));
    constexpr std::string_view deleted = " (deleted)";
    if (look.executable.ends_with(deleted)) {
        look.executable.resize(look.executable.size() - deleted.size());
        look.is_outdated = true;
    }
    struct stat facts {};
    if (::stat(fmt::format("/proc/{}", pid).c_str(), &facts) == 0)
        look.uid = static_cast<std::uint32_t>(facts.st_uid);
    return look;
}

std::optional<std::uint32_t> find_listener_uid(std::uint16_t port) {
    const auto row = search_tables(port, limits::listener_table_bytes_max);
    if (!row) return std::nullopt;
    return row->uid;
}

std::optional<Listening> find_listener(std::uint16_t port) {
    const auto row = search_tables(port, limits::socket_table_bytes_max);
    if (!row) return std::nullopt;
    return Listening{row->is_off_loopback, row->uid, find_holder(row->inode)};
}

}  // namespace halton::platform
