#include "platform/socket_owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <unordered_map>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/proc_text.h"
#include "platform/process.h"

namespace halton::platform {
namespace {

// The time that this thread has worked. A machine with more to do than it can must not look like
// a search that leads nowhere: whoever waits for the answer has a limit of its own.
std::chrono::nanoseconds worked_time() {
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

struct Socket {
    std::uint64_t inode = 0;
    std::uint32_t uid = 0;
};

// An address as the kernel's tables hold it: network byte order, one family for both ends.
struct Address {
    int family = AF_INET;
    std::array<std::uint32_t, 4> words{};  // only the first for IPv4
    std::uint16_t port = 0;
};

std::optional<Address> parse_address(const SocketAddress& address) {
    Address parsed;
    parsed.port = htons(address.port);
    std::string_view ip = address.ip;
    constexpr std::string_view mapped = "::ffff:";
    if (ip.find('.') != std::string_view::npos && ip.substr(0, mapped.size()) == mapped)
        ip.remove_prefix(mapped.size());
    const std::string text(ip);
    if (::inet_pton(AF_INET, text.c_str(), parsed.words.data()) == 1) return parsed;
    parsed.family = AF_INET6;
    if (::inet_pton(AF_INET6, text.c_str(), parsed.words.data()) == 1) return parsed;
    return std::nullopt;
}

// Closes on every way out.
struct Descriptor {
    explicit Descriptor(int n) : number(n) {}
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number;
};

// Asks the kernel for exactly this connection (sock_diag(7)): no walk over the socket table.
// Errors: not_found (no such socket, or a kernel without this service says so), unsupported.
Result<Socket> ask_kernel(const Address& local, const Address& remote) {
    const Descriptor netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (netlink.number < 0) return fail(ErrorKind::unsupported);
    // The answer is made while sendto() runs; the limit is against surprises.
    const timeval limit{0, 50'000};
    ::setsockopt(netlink.number, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);

    struct {
        nlmsghdr head;
        inet_diag_req_v2 body;
    } request{};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.head.nlmsg_flags = NLM_F_REQUEST;
    request.body.sdiag_family = static_cast<std::uint8_t>(local.family);
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = ~0u;
    request.body.id.idiag_sport = local.port;
    request.body.id.idiag_dport = remote.port;
    std::copy(local.words.begin(), local.words.end(), request.body.id.idiag_src);
    std::copy(remote.words.begin(), remote.words.end(), request.body.id.idiag_dst);
    request.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    request.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (::sendto(netlink.number, &request, sizeof request, 0,
                 reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0)
        return fail(ErrorKind::unsupported);

    alignas(nlmsghdr) std::array<char, 2048> answer;
    const auto size = ::recv(netlink.number, answer.data(), answer.size(), 0);
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) return fail(ErrorKind::unsupported);
    const auto* head = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (head->nlmsg_type == NLMSG_ERROR &&
        size >= static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) {
        nlmsgerr refusal;
        std::memcpy(&refusal, NLMSG_DATA(head), sizeof refusal);
        return fail(refusal.error == -ENOENT ? ErrorKind::not_found : ErrorKind::unsupported);
    }
    if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        head->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)) ||
        head->nlmsg_len > static_cast<std::uint32_t>(size))
        return fail(ErrorKind::unsupported);
    inet_diag_msg message;
    std::memcpy(&message, NLMSG_DATA(head), sizeof message);
    // Without an established socket the kernel may answer with a listener on that port.
    if (message.id.idiag_sport != local.port || message.id.idiag_dport != remote.port)
        return fail(ErrorKind::not_found);
    return Socket{message.idiag_inode, message.idiag_uid};
}

// "0100007F:1F91" as /proc/net/tcp writes it: each 32-bit word in host order, the port plain.
std::string to_table_text(const Address& address) {
    std::string text;
    for (int i = 0; i < (address.family == AF_INET ? 1 : 4); ++i)
        text += fmt::format("{:08X}", address.words[static_cast<std::size_t>(i)]);
    return text + fmt::format(":{:04X}", ntohs(address.port));
}

// For kernels without the inet_diag module, and sandboxes that forbid netlink.
std::optional<Socket> search_table(const char* file, const Address& local, const Address& remote) {
    const auto table = read_file(file, limits::socket_table_bytes_max);
    if (!table) return std::nullopt;
    const auto local_text = to_table_text(local);
    const auto remote_text = to_table_text(remote);
    std::string_view rest = *table;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (field_of(line, 1) != local_text || field_of(line, 2) != remote_text) continue;
        const auto uid = parse_decimal(field_of(line, 7));
        const auto inode = parse_decimal(field_of(line, 9));
        if (uid && inode) return Socket{*inode, static_cast<std::uint32_t>(*uid)};
    }
    return std::nullopt;
}

// `is_kernel_asked`: it has found a socket before, so its "no" is the truth. The table is read
// only by those whom it never answers: one read costs milliseconds when many sockets linger.
Result<Socket> find_socket(const SocketAddress& client, const SocketAddress& edge,
                           bool& is_kernel_asked) {
    const auto local = parse_address(client);
    const auto remote = parse_address(edge);
    if (!local || !remote || local->family != remote->family)
        return fail(ErrorKind::not_found, "not a pair of addresses");
    const auto answer = ask_kernel(*local, *remote);
    is_kernel_asked |= answer.has_value();
    std::optional<Socket> found;
    if (answer)
        found = *answer;
    else if (!is_kernel_asked || answer.error().kind != ErrorKind::not_found)
        found = search_table(local->family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", *local,
                             *remote);
    // A closed or orphaned socket has inode 0: nobody holds it any more.
    if (!found || found->inode == 0)
        return fail(ErrorKind::not_found,
                    fmt::format("no local socket {} port {}", client.ip, client.port));
    return *found;
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory open_directory(const std::string& path) {
    return Directory(::opendir(path.c_str()), [](DIR* directory) { return ::closedir(directory); });
}

// The look through /proc under one budget of time and looks.
class Search {
public:
    Search(const Socket& socket, std::chrono::nanoseconds deadline,
           std::unordered_map<std::uint64_t, int>& seen_sockets)
        : inode_(socket.inode), uid_(socket.uid), deadline_(deadline), seen_(seen_sockets) {}

    // Remembers the other sockets that it comes by.
    bool holds_socket(int pid) {
        const auto directory = open_directory(fmt::format("/proc/{}/fd", pid));
        if (!directory) return false;
        const int at = ::dirfd(directory.get());
        constexpr std::string_view mark = "socket:[";
        bool is_found = false;
        std::array<char, 64> target;
        while (const dirent* entry = ::readdir(directory.get())) {
            if (entry->d_name[0] == '.') continue;
            if (++look_count_ % 256 == 0 && is_over()) return false;
            const auto size = ::readlinkat(at, entry->d_name, target.data(), target.size());
            if (size <= 0) continue;
            const std::string_view link(target.data(), static_cast<std::size_t>(size));
            if (link.substr(0, mark.size()) != mark) continue;
            const auto inode =
                parse_decimal(link.substr(mark.size(), link.find(']') - mark.size()));
            if (!inode) continue;
            if (seen_.size() >= limits::seen_socket_count_max) seen_.clear();
            seen_[*inode] = pid;
            is_found = is_found || *inode == inode_;
        }
        return is_found;
    }

    // Whoever was seen with it in an earlier look, if it still has it. 0: nobody.
    int find_seen() {
        const auto found = seen_.find(inode_);
        if (found == seen_.end()) return 0;
        const int pid = found->second;
        return holds_socket(pid) ? pid : 0;
    }

    // All processes of the socket's user, youngest first: a client that has just connected has
    // more often been started lately. 0: none.
    int find_pid() {
        const auto processes = open_directory("/proc");
        if (!processes) return 0;
        std::vector<int> pids;
        while (const dirent* entry = ::readdir(processes.get())) {
            const auto pid = parse_decimal(entry->d_name);
            if (pid && *pid < 1u << 30) pids.push_back(static_cast<int>(*pid));
        }
        std::sort(pids.begin(), pids.end(), std::greater<>());
        for (const int pid : pids) {
            struct stat facts {};
            if (is_over()) return 0;
            if (::fstatat(::dirfd(processes.get()), fmt::format("{}", pid).c_str(), &facts, 0) != 0)
                continue;
            if (facts.st_uid == uid_ && holds_socket(pid)) return pid;
        }
        return 0;
    }

    bool is_over() {
        is_over_ = is_over_ || look_count_ > limits::socket_owner_fd_count_max ||
                   worked_time() >= deadline_;
        return is_over_;
    }

private:
    std::uint64_t inode_;
    std::uint32_t uid_;
    std::chrono::nanoseconds deadline_;  // by worked_time()
    std::unordered_map<std::uint64_t, int>& seen_;
    std::size_t look_count_ = 0;
    bool is_over_ = false;
};

}  // namespace

Result<meter::ClientProcess> SocketOwners::find(const SocketAddress& client,
                                                const SocketAddress& edge) {
    const auto deadline = worked_time() + limits::socket_owner_time_max;
    const auto socket = find_socket(client, edge, is_kernel_asked_);
    if (!socket) return fail(socket.error());
    if (socket->uid != own_uid())
        return fail(ErrorKind::permission,
                    fmt::format("the client belongs to uid {}", socket->uid));

    Search search(*socket, deadline, seen_sockets_);
    int pid = search.find_seen();
    if (pid == 0) {
        const auto known = std::find_if(recent_pids_.begin(), recent_pids_.end(),
                                        [&](int recent) { return search.holds_socket(recent); });
        if (known != recent_pids_.end()) pid = *known;
    }
    if (pid == 0) pid = search.find_pid();
    if (pid == 0)
        return fail(search.is_over() ? ErrorKind::timeout : ErrorKind::not_found,
                    fmt::format("no process holds the socket of port {}", client.port));
    std::erase(recent_pids_, pid);
    recent_pids_.push_front(pid);
    if (recent_pids_.size() > limits::socket_owner_recent_count_max) recent_pids_.pop_back();
    return processes_.read(pid);
}

}  // namespace halton::platform
