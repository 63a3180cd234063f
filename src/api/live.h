// LiveFeed: finished calls and the number of running ones, as server-sent events for everybody who
// watches.
// In:    events; the text of a call is made when somebody reads it, once for all.
// Out:   for each reader a bounded queue, in order.
// A slow reader loses events and is told how many; nobody waits for it.
// Owner: the role. Thread: the I/O thread. Limits: live_queue_max, live_replay_max,
// live_client_count_max.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace halton::api {

// One event as it goes over the wire. `data` is one line of JSON.
std::string to_event(std::string_view name, std::string_view id, std::string_view data);

struct LiveState {
    std::int64_t running_calls = 0;
    std::int64_t request_count_last_hour = 0;
    bool operator==(const LiveState&) const = default;
};

class LiveFeed {
public:
    class Reader {
    public:
        // Everything that waits, in order, with what was lost in between; empty: nothing.
        std::string take();
        std::uint64_t lost_count() const { return lost_total_; }
        bool is_resumed() const { return is_resumed_; }
        // Called when something waits for it again.
        std::function<void()> wake;

    private:
        friend class LiveFeed;
        using Event = std::shared_ptr<const std::string>;
        std::deque<Event> waiting_;
        std::uint64_t lost_ = 0;  // since it was told last
        std::uint64_t lost_total_ = 0;
        bool is_resumed_ = false;
        std::size_t queue_max_ = 0;
    };

    explicit LiveFeed(std::size_t reader_count_max = limits::live_client_count_max,
                      std::size_t queue_max = limits::live_queue_max,
                      std::size_t replay_max = limits::live_replay_max)
        : reader_count_max_(reader_count_max), queue_max_(queue_max), replay_max_(replay_max) {}

    // Nothing when there are too many. With the id of an event that is still kept, all that came
    // after it waits already. A reader leaves by letting go of it.
    std::shared_ptr<Reader> join(std::string_view last_event_id);

    // A call that ended. `to_data` is asked for its line at the first reader, which may be one who
    // comes back later; mostly nobody reads.
    void publish_call(std::string_view id, std::function<std::string()> to_data);
    // For those who are there; not kept.
    void publish(std::string_view name, std::string_view data);

    std::size_t reader_count();

private:
    struct Kept {
        std::string id;
        std::function<std::string()> to_data;
        Reader::Event event;  // null until somebody reads it

        const Reader::Event& text();
    };
    void send(const Reader::Event& event);

    std::size_t reader_count_max_;
    std::size_t queue_max_;
    std::size_t replay_max_;
    std::vector<std::weak_ptr<Reader>> readers_;
    std::deque<Kept> kept_;
};

// Data of the events state and hello.
std::string to_live_state(const LiveState& state);
std::string to_live_hello(const LiveState& state, bool is_resumed);

}  // namespace halton::api
