#include "meter/providers/shapes/turns.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace halton::meter {

namespace {

bool is_counted(const Turn& turn) {
    return turn.reading.has_usage &&
           (turn.reading.usage.input > 0 || turn.reading.usage.output > 0);
}

}  // namespace

Turn& Turns::open() {
    if (open_.size() >= limits::socket_turns_max) {
        Turn given_up = std::move(*open_.front());
        open_.erase(open_.begin());
        finish(std::move(given_up));
    }
    Turn& turn = *open_.emplace_back(std::make_unique<Turn>());
    turn.asked_at = now_;
    turn.reading.is_streamed = true;
    return turn;
}

Turn& Turns::ask() { return open(); }

Turn& Turns::begin(std::string_view id) {
    Turn* found = nullptr;
    for (const auto& turn : open_) {
        if (turn->begun_at && turn->id == id) found = turn.get();
    }
    if (found == nullptr) found = waiting();
    if (found == nullptr) found = &open();
    if (!found->begun_at) found->begun_at = now_.steady;
    take_text(found->id, id, limits::request_id_bytes_max);
    return *found;
}

Turn* Turns::running() {
    for (const auto& turn : open_) {
        if (turn->begun_at) return turn.get();
    }
    return nullptr;
}

Turn* Turns::waiting() {
    for (const auto& turn : open_) {
        if (!turn->begun_at) return turn.get();
    }
    return nullptr;
}

Turn* Turns::find_waiting(std::string_view client_event_id) {
    for (const auto& turn : open_) {
        if (!turn->begun_at && turn->client_event_id == client_event_id) return turn.get();
    }
    return nullptr;
}

Turn& Turns::add(Moment asked_at, RequestKind kind) {
    Turn& turn = open();
    turn.asked_at = asked_at;
    turn.begun_at = now_.steady;
    turn.reading.kind = kind;
    return turn;
}

void Turns::end(Turn& turn) {
    const auto found = std::find_if(open_.begin(), open_.end(),
                                    [&](const auto& open) { return open.get() == &turn; });
    if (found == open_.end()) return;
    Turn ended = std::move(**found);
    open_.erase(found);
    ended.reading.is_ended = true;
    finish(std::move(ended));
}

void Turns::finish(Turn turn) {
    if (turn.is_warm_up && !is_counted(turn) && !turn.reading.error) return;
    if (turn.reading.model.empty() && !turn.reading.kind) turn.reading.model = model;
    ended_.push_back(std::move(turn));
}

std::vector<Turn> Turns::take_ended() { return std::exchange(ended_, {}); }

std::vector<Turn> Turns::take_open() {
    std::vector<std::unique_ptr<Turn>> cut = std::exchange(open_, {});
    for (const auto& turn : cut) finish(std::move(*turn));
    return take_ended();
}

}  // namespace halton::meter
