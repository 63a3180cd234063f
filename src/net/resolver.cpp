#include "net/resolver.h"

#include <map>

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <asio/experimental/as_tuple.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "net/task_group.h"

namespace halton::net {
namespace {

// RFC 8305 section 3: how long the other family is waited for once one has answered.
constexpr std::chrono::milliseconds resolution_delay{50};

std::int64_t modified_at(const char* path) {
    struct stat status {};
    return ::stat(path, &status) == 0 ? static_cast<std::int64_t>(status.st_mtime) : 0;
}

struct Library {
    Library() { ares_library_init(ARES_LIB_INIT_ALL); }
    ~Library() { ares_library_cleanup(); }
};

}  // namespace

bool is_nobody(std::string_view host) { return host == "invalid" || host.ends_with(".invalid"); }

std::vector<asio::ip::address> interleave(const std::vector<asio::ip::address>& v6,
                                          const std::vector<asio::ip::address>& v4) {
    std::vector<asio::ip::address> all;
    for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
        if (i < v6.size()) all.push_back(v6[i]);
        if (i < v4.size()) all.push_back(v4[i]);
    }
    return all;
}

// One c-ares channel and its sockets. Kept alive by the queries under way, so that a changed
// configuration can replace it at any time.
struct Resolver::Channel : std::enable_shared_from_this<Channel> {
    // c-ares owns the socket; we only wait on it. Its callbacks outlive the entry in the map.
    struct Watch {
        explicit Watch(asio::io_context& io, int socket) : descriptor(io, socket) {}
        ~Watch() { descriptor.release(); }
        asio::posix::stream_descriptor descriptor;
        bool wants_read = false;
        bool wants_write = false;
        bool is_reading = false;
        bool is_writing = false;
    };

    explicit Channel(asio::io_context& context) : io(context), timer(context) {
        static const Library library;
        ares_options options{};
        options.timeout = 1500;
        options.tries = 3;
        options.sock_state_cb = &Channel::on_socket_state;
        options.sock_state_cb_data = this;
        is_open = ares_init_options(&handle, &options,
                                    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) ==
                  ARES_SUCCESS;
    }
    ~Channel() {
        if (is_open) ares_destroy(handle);
    }

    static void on_socket_state(void* self, ares_socket_t socket, int readable, int writable) {
        static_cast<Channel*>(self)->watch(socket, readable != 0, writable != 0);
    }

    void watch(int socket, bool wants_read, bool wants_write) {
        if (!wants_read && !wants_write) {
            watches.erase(socket);
            return;
        }
        auto& entry = watches[socket];
        if (!entry) entry = std::make_shared<Watch>(io, socket);
        entry->wants_read = wants_read;
        entry->wants_write = wants_write;
        arm(socket, entry);
    }

    void arm(int socket, const std::shared_ptr<Watch>& entry) {
        using Descriptor = asio::posix::stream_descriptor;
        const std::weak_ptr<Watch> weak = entry;
        if (entry->wants_read && !entry->is_reading) {
            entry->is_reading = true;
            entry->descriptor.async_wait(Descriptor::wait_read, [self = shared_from_this(), weak,
                                                                 socket](std::error_code error) {
                const auto live = weak.lock();
                if (error || !live) return;
                live->is_reading = false;
                ares_process_fd(self->handle, socket, ARES_SOCKET_BAD);
                if (self->watches.contains(socket)) self->arm(socket, live);
                self->arm_timer();
            });
        }
        if (entry->wants_write && !entry->is_writing) {
            entry->is_writing = true;
            entry->descriptor.async_wait(Descriptor::wait_write, [self = shared_from_this(), weak,
                                                                  socket](std::error_code error) {
                const auto live = weak.lock();
                if (error || !live) return;
                live->is_writing = false;
                ares_process_fd(self->handle, ARES_SOCKET_BAD, socket);
                if (self->watches.contains(socket)) self->arm(socket, live);
                self->arm_timer();
            });
        }
    }

    // c-ares repeats and gives up by its own clock; it must be woken for that.
    void arm_timer() {
        timeval wait{};
        if (!ares_timeout(handle, nullptr, &wait)) return;
        timer.expires_after(std::chrono::seconds(wait.tv_sec) +
                            std::chrono::microseconds(wait.tv_usec) + std::chrono::milliseconds(1));
        timer.async_wait([self = shared_from_this()](std::error_code error) {
            if (error) return;
            ares_process_fd(self->handle, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            self->arm_timer();
        });
    }

    asio::io_context& io;
    asio::steady_timer timer;
    ares_channel handle{};
    bool is_open = false;
    std::map<int, std::shared_ptr<Watch>> watches;
};

namespace {

// What the two queries of one look-up have brought so far; shared with c-ares's callbacks.
struct Lookup {
    explicit Lookup(asio::io_context& io) : changed(io) {}
    asio::steady_timer changed;
    std::vector<asio::ip::address> v6;
    std::vector<asio::ip::address> v4;
    int waiting = 2;
    int status = ARES_ENOTFOUND;
};

void on_addresses(void* holder, int status, int, ares_addrinfo* result) {
    const std::unique_ptr<std::shared_ptr<Lookup>> owned(
        static_cast<std::shared_ptr<Lookup>*>(holder));
    Lookup& lookup = **owned;
    --lookup.waiting;
    if (status != ARES_SUCCESS) {
        if (status != ARES_ENODATA || lookup.status == ARES_ENOTFOUND) lookup.status = status;
    } else {
        for (const auto* node = result->nodes; node; node = node->ai_next) {
            if (node->ai_family == AF_INET) {
                const auto* in = reinterpret_cast<const sockaddr_in*>(node->ai_addr);
                lookup.v4.push_back(asio::ip::address_v4(ntohl(in->sin_addr.s_addr)));
            } else if (node->ai_family == AF_INET6) {
                const auto* in = reinterpret_cast<const sockaddr_in6*>(node->ai_addr);
                asio::ip::address_v6::bytes_type bytes;
                std::copy_n(in->sin6_addr.s6_addr, bytes.size(), bytes.begin());
                lookup.v6.push_back(asio::ip::address_v6(bytes, in->sin6_scope_id));
            }
        }
    }
    if (result) ares_freeaddrinfo(result);
    lookup.changed.cancel();
}

}  // namespace

Resolver::Resolver(asio::io_context& io) : io_(io) {}
Resolver::~Resolver() = default;

std::shared_ptr<Resolver::Channel> Resolver::channel() {
    const auto now = modified_at("/etc/resolv.conf");
    if (!channel_ || now != configured_at_) {
        channel_ = std::make_shared<Channel>(io_);
        configured_at_ = now;
    }
    return channel_;
}

asio::awaitable<Result<std::vector<asio::ip::address>>> Resolver::resolve(
    std::string host, std::chrono::milliseconds limit) {
    std::error_code not_literal;
    const auto literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) co_return std::vector{literal};
    if (host == "localhost" || host.ends_with(".localhost"))
        co_return std::vector<asio::ip::address>{asio::ip::address_v4::loopback(),
                                                 asio::ip::address_v6::loopback()};

    if (is_nobody(host))
        co_return fail(ErrorKind::dns, host + ": such a name never exists", Leg::upstream);

    const auto used = channel();
    if (!used->is_open) co_return fail(ErrorKind::dns, "the resolver cannot start", Leg::upstream);
    const auto lookup = std::make_shared<Lookup>(io_);
    for (const int family : {AF_INET6, AF_INET}) {
        ares_addrinfo_hints hints{};
        hints.ai_family = family;
        hints.ai_socktype = SOCK_STREAM;
        ares_getaddrinfo(used->handle, host.c_str(), nullptr, &hints, &on_addresses,
                         new std::shared_ptr<Lookup>(lookup));
    }
    used->arm_timer();

    const auto until = std::chrono::steady_clock::now() + limit;
    auto wait_until = until;
    while (lookup->waiting > 0) {
        lookup->changed.expires_at(wait_until);
        const auto [code] =
            co_await lookup->changed.async_wait(asio::experimental::as_tuple(asio::use_awaitable));
        const bool is_answered = !lookup->v4.empty() || !lookup->v6.empty();
        if (!code) {  // time ran out
            if (is_answered) break;
            co_return fail(ErrorKind::timeout, "resolve " + host, Leg::upstream);
        }
        if (is_answered)
            wait_until = std::min(until, std::chrono::steady_clock::now() + resolution_delay);
        const bool is_over = co_await is_cancelled();
        if (is_over) co_return fail(ErrorKind::cancelled, {}, Leg::upstream);
    }
    auto all = interleave(lookup->v6, lookup->v4);
    if (all.empty())
        co_return fail(ErrorKind::dns, host + ": " + ares_strerror(lookup->status), Leg::upstream);
    co_return all;
}

}  // namespace halton::net
