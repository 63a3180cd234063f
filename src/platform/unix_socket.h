// Unix sockets between processes of one user: a name in a private folder, who is at the other end,
// and passing a descriptor. Plain system calls as values; waiting is net/'s business.
// Fails as values. Limits: the path must fit into the kernel's address (107 bytes; 103 on macOS).
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"
#include "platform/socket.h"

namespace halton::platform {

// Listens at `path`, which it takes over from whoever had it, in one step: there is no moment
// without a listener. Only this user may connect. Errors: too_large (the path), permission, io.
struct NamedListener {
    Socket socket;
    std::filesystem::path path;
    std::uint64_t file_id = 0;  // tells our file from one that took its place
};
Result<NamedListener> listen_at(const std::filesystem::path& path);

// Errors: not_found, refused (nobody listens there any more), too_large, permission, busy (its
// queue is full), io.
Result<Socket> connect_to(const std::filesystem::path& path);

// The next that waits to be accepted. Errors: busy (nobody waits), io.
Result<Socket> accept_from(const Socket& listener);

// Removes the name, unless it leads to somebody else's socket by now. Once: afterwards the system
// may give the file's number to another.
void remove_name(const NamedListener& listener);

// The user at the other end, as the kernel knows it. Errors: io.
Result<std::uint32_t> find_peer_uid(int descriptor);

// Sends `text` with a copy of `passed`, at once. Errors: io (also: its buffer is full).
Result<void> send_descriptor(int descriptor, std::string_view text, int passed);

// Takes what was sent last: text into `buffer`, and the first descriptor that came along, if any
// (further ones are closed). Never waits. Errors: busy (nothing there), closed, io.
struct ReceivedDescriptor {
    std::size_t bytes = 0;
    Socket passed;  // closed on exec
};
Result<ReceivedDescriptor> receive_descriptor(int descriptor, std::span<char> buffer);

// What a listening TCP socket that somebody gave us is bound to.
struct ListeningFacts {
    bool is_v6 = false;
    std::uint16_t port = 0;
};

// Errors: unsupported (it is no TCP socket, does not listen, or not on loopback only).
Result<ListeningFacts> look_at_listener(int descriptor);

}  // namespace halton::platform
