// Going on in a child: the process that a supervisor watches ends at once, so that its successor
// can start, and a copy of it finishes what is under way. A fork and no exec: every connection
// stays where it is, in the same state. Only with one thread running (net/blocking.h and
// store/ledger.h pause theirs) and with the shuttles paused.
#pragma once

#include <asio/io_context.hpp>

#include "base/result.h"

namespace halton::net {

// Comes back in the child; the parent has ended with exit code 0, its sockets untouched.
// Errors (there is no child and nothing has changed): io.
Result<void> continue_in_child(asio::io_context& io);

}  // namespace halton::net
