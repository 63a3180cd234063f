// What an API over a WebSocket tells about its turns. A turn is one answer: from the client's
// message that asks for it, or where nobody asked (the provider heard a pause) from its start, to
// its end. Each becomes one row.
// A SocketShape is to a WebSocket what a Shape is to a body: which values to pick out of the
// messages of both directions, and what they mean for the turns. Turns keeps them meanwhile.
// Limits: socket_turns_max open ones; one more, and the oldest is given up as it is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "meter/providers/shapes/shape.h"

namespace halton::meter {

struct Moment {
    SteadyTime steady;
    UtcTime utc;
};

struct Turn {
    Moment asked_at;
    std::optional<SteadyTime> begun_at;  // the provider began to answer
    std::string id;                      // the provider's, once it is known
    std::string client_event_id;         // of the message that asked, when it has one
    std::string requested_model;
    ClientSignals client;     // session, thread, turn and agent, where the message says them
    bool is_warm_up = false;  // asked to prepare only: without counts it is no call
    int error_status = 0;     // the HTTP status that an error states, 0: none
    Reading reading;
};

class Turns {
public:
    // Of the message that is being read.
    void set_now(Moment now) { now_ = now; }
    Moment now() const { return now_; }

    // The client asks for an answer.
    Turn& ask();
    // The provider begins the answer with that id ("" where it has none): the open turn of that
    // id, else the one that waits longest, else one that nobody asked for.
    Turn& begin(std::string_view id);
    // The one that began first and has not ended; null: none.
    Turn* running();
    // The one that waits longest for its beginning; null: none.
    Turn* waiting();
    // The one that waits and was asked for by that message; null: none.
    Turn* find_waiting(std::string_view client_event_id);
    // Something that was charged apart and is over when it is told.
    Turn& add(Moment asked_at, RequestKind kind);
    // The turn is over. The reference is gone then.
    void end(Turn& turn);

    // What a session states once for all its turns.
    std::string model;
    std::string transcription_model;
    std::optional<Moment> heard_at;  // when the client's last speech was handed over

    bool has_open() const { return !open_.empty(); }
    std::vector<Turn> take_ended();
    // Those that the end of the socket cut.
    std::vector<Turn> take_open();

private:
    Turn& open();
    void finish(Turn turn);

    Moment now_{};
    std::vector<std::unique_ptr<Turn>> open_;  // in order of their asking
    std::vector<Turn> ended_;
};

struct SocketShape {
    std::string_view name;
    const JsonPaths* sent_paths;      // by the client
    const JsonPaths* received_paths;  // by it
    void (*read_sent)(const Document& message, Turns& turns);
    void (*read_received)(const Document& message, Turns& turns);
};

}  // namespace halton::meter
