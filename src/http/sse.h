// SseReader: server-sent events (WHATWG HTML, section 9.2.6) from a byte stream.
// In:    decoded body bytes, any chunk size; CRLF, LF and CR line ends; a BOM at the start.
// Out:   events with their type and data ("data" lines joined with LF).
// Fails: never; an event beyond sse_event_bytes_max is dropped and counted.
// Owner: the call that reads the body. Memory: only what is open of one event between two feeds;
//        an event that lies whole within one feed is not copied unless it has several data lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/function_ref.h"

namespace halton::http {

struct SseEvent {
    std::string_view type;   // "event:" field, empty when absent
    std::string_view data;   // joined data lines
    std::string_view error;  // an "error:" field line as some providers send it, else empty
};

class SseReader {
public:
    using OnEvent = FunctionRef<void(const SseEvent&)>;

    // Calls `on_event` for each event that the bytes complete. The views hold
    // during the call. An event without a data or error line is none.
    void feed(std::string_view bytes, OnEvent on_event);

    // The stream ended: an event without its blank line is dispatched too, as some providers
    // leave it out. The reader is then as new, but for the count.
    void finish(OnEvent on_event);

    std::size_t dropped_count() const { return dropped_count_; }

private:
    // The value of a field: a view of the bytes being fed, or a copy when it must outlive them.
    class Value {
    public:
        std::string_view get() const { return is_copy_ ? std::string_view(copy_) : view_; }
        void set(std::string_view text, bool is_lasting);
        void add_line(std::string_view text);
        void keep();
        void clear();

    private:
        std::string_view view_;
        std::string copy_;
        bool is_copy_ = false;
    };

    void skip_byte_order_mark(std::string_view& bytes);
    void take_line(std::string_view line, bool is_lasting, OnEvent on_event);
    void take_partial_line(std::string_view part);
    void take_field(std::string_view name, std::string_view value, bool is_lasting);
    void end_event(OnEvent on_event);
    void drop_event();
    void clear_event();

    std::string line_;  // the start of a line whose end is yet to come
    Value type_, data_, error_;
    std::size_t event_bytes_ = 0;
    std::size_t dropped_count_ = 0;
    int mark_bytes_ = 0;  // of the byte order mark, seen so far
    bool is_at_start_ = true;
    bool is_after_cr_ = false;  // a LF that comes next belongs to the line end
    bool has_data_ = false;
    bool has_error_ = false;
    bool is_dropping_ = false;         // until the next blank line
    bool is_in_dropped_line_ = false;  // a line that is not kept has begun
};

}  // namespace halton::http
