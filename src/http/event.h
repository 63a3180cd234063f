// Event: what a tap saw on one connection. One vocabulary for HTTP/1.1 and HTTP/2.
// A response_end is the last event of its exchange: when an answer ends before its request does,
// the rest of the request is not reported.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/head.h"

namespace halton::http {

enum class Direction { to_upstream, to_client };

struct Event {
    enum class Kind {
        request_head,   // `request`
        request_body,   // `bytes`: transfer coding removed, content coding still on
        request_end,    // `is_complete`: false when the client ended inside the request
        response_head,  // `response`; interim 1xx heads are not reported, 101 is
        response_body,  // `bytes`, as above
        response_end,   // `is_complete`: false when it ended inside the message, by `leg`
        upgraded,       // after a 101 or a 2xx CONNECT: HTTP is over on this connection
        socket_bytes,   // `bytes` of a WebSocket behind its 101, in `direction`; nothing is shown
                        // of any other protocol
        unseen,         // a request that is passed and not followed, for its form (CONNECT, a
                        // WebSocket of RFC 8441) or for a limit: all that is told of it
        lost,           // the tap turned blind; all open exchanges end here, incomplete
    };
    Kind kind;
    std::uint32_t stream = 0;  // exchange on this connection: 1, 2, ... in order of requests
    std::string_view bytes;
    const RequestHead* request = nullptr;
    const ResponseHead* response = nullptr;
    Direction direction = Direction::to_upstream;
    bool is_complete = true;
    Leg leg = Leg::upstream;
};

// Views and pointers in events hold until the next feed() of the tap that made them.
using EventList = std::vector<Event>;

}  // namespace halton::http
