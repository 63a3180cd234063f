#include "api/live.h"

#include <algorithm>

#include <fmt/format.h>

namespace halton::api {

std::string to_event(std::string_view name, std::string_view id, std::string_view data) {
    std::string text = fmt::format("event: {}\n", name);
    if (!id.empty()) text += fmt::format("id: {}\n", id);
    // A line break would end the field; JSON has none outside of strings, and strings escape it.
    std::string line(data);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return text + fmt::format("data: {}\n\n", line);
}

std::string LiveFeed::Reader::take() {
    std::string text;
    for (const auto& event : waiting_) text += *event;
    waiting_.clear();
    if (lost_ > 0) text += to_event("lost", {}, fmt::format(R"({{"lost_events":{}}})", lost_));
    lost_ = 0;
    return text;
}

std::size_t LiveFeed::reader_count() {
    std::erase_if(readers_, [](const auto& reader) { return reader.expired(); });
    return readers_.size();
}

std::shared_ptr<LiveFeed::Reader> LiveFeed::join(std::string_view last_event_id) {
    if (reader_count() >= reader_count_max_) return nullptr;
    auto reader = std::make_shared<Reader>();
    reader->queue_max_ = queue_max_;
    if (!last_event_id.empty()) {
        const auto found = std::find_if(kept_.begin(), kept_.end(),
                                        [&](const Kept& kept) { return kept.id == last_event_id; });
        reader->is_resumed_ = found != kept_.end();
        if (reader->is_resumed_)
            for (auto next = found + 1; next != kept_.end(); ++next)
                reader->waiting_.push_back(next->text());
    }
    readers_.push_back(reader);
    return reader;
}

void LiveFeed::send(const Reader::Event& event) {
    // A copy: whoever is woken may leave.
    const auto readers = readers_;
    for (const auto& weak : readers) {
        const auto reader = weak.lock();
        if (!reader) continue;
        if (reader->waiting_.size() >= reader->queue_max_) {
            ++reader->lost_;
            ++reader->lost_total_;
        } else {
            reader->waiting_.push_back(event);
        }
        if (reader->wake) reader->wake();
    }
}

const LiveFeed::Reader::Event& LiveFeed::Kept::text() {
    if (!event) event = std::make_shared<const std::string>(to_event("call", id, to_data()));
    return event;
}

void LiveFeed::publish_call(std::string_view id, std::function<std::string()> to_data) {
    kept_.push_back({std::string(id), std::move(to_data), nullptr});
    if (kept_.size() > replay_max_) kept_.pop_front();
    if (reader_count() > 0) send(kept_.back().text());
}

void LiveFeed::publish(std::string_view name, std::string_view data) {
    send(std::make_shared<const std::string>(to_event(name, {}, data)));
}

std::string to_live_state(const LiveState& state) {
    return fmt::format(R"({{"running_calls":{},"request_count_last_hour":{}}})",
                       state.running_calls, state.request_count_last_hour);
}

std::string to_live_hello(const LiveState& state, bool is_resumed) {
    return fmt::format(R"({{"running_calls":{},"request_count_last_hour":{},"resumed":{}}})",
                       state.running_calls, state.request_count_last_hour, is_resumed);
}

}  // namespace halton::api
