#include "base/json_pick.h"

#include <cstring>

namespace halton {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

const char* skip_blanks(const char* at, const char* end) {
    while (at != end && is_blank(*at)) ++at;
    return at;
}

// What ends a number or a literal.
constexpr bool ends_scalar(char c) { return c == ',' || c == '}' || c == ']' || is_blank(c); }

// The five bytes that matter inside a skipped container; everything else is run over.
constexpr auto skip_marks = [] {
    std::array<bool, 256> marks{};
    for (const char c : {'"', '{', '}', '[', ']'}) marks[static_cast<unsigned char>(c)] = true;
    return marks;
}();

}  // namespace

void JsonPick::reset() {
    const JsonPaths* paths = paths_;
    for (std::size_t i = 0; i < paths->count(); ++i) picks_[i].clear();
    state_ = State::empty;
    at_ = At::document;
    is_list_ = has_document_ = is_escaped_ = is_key_long_ = false;
    key_bytes_ = 0;
    node_ = capture_ = -1;
    depth_ = skip_floor_ = 0;
    is_found_.reset();
    is_dropped_.reset();
}

std::size_t JsonPick::feed(std::string_view bytes) {
    if (state_ == State::malformed) return bytes.size();
    if (has_document_) {
        has_document_ = false;
        for (std::size_t i = 0; i < paths_->count(); ++i) picks_[i].clear();
        is_found_.reset();
        is_dropped_.reset();
    }
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    capture_from_ = at;
    while (at != end && !has_document_ && state_ != State::malformed) at = step(at, end);
    if (state_ == State::malformed) return bytes.size();
    if (capture_ >= 0) keep_captured(end);
    return static_cast<std::size_t>(at - bytes.data());
}

const char* JsonPick::step(const char* at, const char* end) {
    switch (at_) {
        case At::document:
            at = skip_blanks(at, end);
            if (at == end) return at;
            if (*at == '{' && !is_list_) {
                state_ = State::open;
                node_ = 0;
                return begin_value(at, end);
            }
            // Only the very first bracket opens a list of documents.
            if (*at == '[' && state_ == State::empty) {
                state_ = State::open;
                is_list_ = true;
                push(false);
                nodes_[depth_] = -1;
                at_ = At::first_value;
                return at + 1;
            }
            // A byte order mark is tolerated as some gateways send one.
            if (state_ == State::empty && static_cast<unsigned char>(*at) >= 0xBB) return at + 1;
            fail();
            return end;

        case At::first_value:
        case At::value:
            at = skip_blanks(at, end);
            if (at == end) return at;
            if (*at == ']' && at_ == At::first_value) {
                if (pop(false)) end_value(at + 1);
                return at + 1;
            }
            // An element: of the list of documents, or of a watched array.
            if (!is_object_[depth_ - 1]) {
                node_ = is_list_ && depth_ == 1 ? std::int8_t{0}
                                                : paths_->find(nodes_[depth_], "[]");
            }
            return begin_value(at, end);

        case At::first_key:
        case At::key:
            at = skip_blanks(at, end);
            if (at == end) return at;
            if (*at == '}' && at_ == At::first_key) {
                if (pop(true)) end_value(at + 1);
                return at + 1;
            }
            if (*at != '"') {
                fail();
                return end;
            }
            key_bytes_ = 0;
            is_key_long_ = is_escaped_ = false;
            at_ = At::in_key;
            at = read_key(at + 1, end);
            if (at_ != At::colon) return at;
            [[fallthrough]];

        case At::colon:
            at = skip_blanks(at, end);
            if (at == end) return at;
            if (*at != ':') {
                fail();
                return end;
            }
            at_ = At::value;
            at = skip_blanks(at + 1, end);
            return at == end ? at : begin_value(at, end);

        case At::in_key:
            return read_key(at, end);

        case At::in_string: return read_string(at, end);

        case At::in_scalar: return read_scalar(at, end);

        case At::skip:
        case At::skip_string:
            return skip_container(at, end);

        case At::comma:
            at = skip_blanks(at, end);
            if (at == end) return at;
            if (*at == ',') {
                at_ = is_object_[depth_ - 1] ? At::key : At::value;
                return at + 1;
            }
            if (*at == '}' || *at == ']') {
                if (pop(*at == '}')) end_value(at + 1);
                return at + 1;
            }
            fail();
            return end;
    }
    return end;
}

// `at` is the first byte of a value whose node is node_.
const char* JsonPick::begin_value(const char* at, const char* end) {
    const char c = *at;
    const bool has_parts =
        (c == '{' || c == '[') && node_ >= 0 && paths_->node(node_).child >= 0;
    const bool is_wanted = node_ >= 0 && paths_->node(node_).pick >= 0 && !has_parts;
    if (is_wanted) begin_capture(at);
    if (c == '"') {
        is_escaped_ = false;
        at_ = At::in_string;
        return read_string(at + 1, end);
    }
    if (c == '{' || c == '[') {
        if (!push(c == '{')) return at + 1;
        const bool is_watched = has_parts && depth_ < nodes_.size();
        if (is_watched) {
            nodes_[depth_] = node_;
            at_ = c == '{' ? At::first_key : At::first_value;
        } else {
            skip_floor_ = static_cast<std::uint16_t>(depth_ - 1);
            at_ = At::skip;
        }
        return at + 1;
    }
    if (c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n') {
        at_ = At::in_scalar;
        return read_scalar(at + 1, end);
    }
    fail();
    return at + 1;
}

const char* JsonPick::read_string(const char* at, const char* end) {
    bool ended = false;
    at = scan_string(at, end, ended);
    if (ended) end_value(at);
    return at;
}

const char* JsonPick::read_scalar(const char* at, const char* end) {
    while (at != end && !ends_scalar(*at)) ++at;
    if (at != end) end_value(at);
    return at;
}

// Runs to the closing quote. memchr does the work: completions and base64 are long.
const char* JsonPick::scan_string(const char* at, const char* end, bool& ended) {
    // Many strings are names and words; for them the call costs more than the search.
    if (!is_escaped_) {
        const char* const near_end = end - at > 12 ? at + 12 : end;
        for (const char* c = at; c != near_end && *c != '\\'; ++c) {
            if (*c == '"') {
                ended = true;
                return c + 1;
            }
        }
    }
    const char* from = at;
    while (at != end) {
        const auto* quote = static_cast<const char*>(
            std::memchr(at, '"', static_cast<std::size_t>(end - at)));
        const char* const stop = quote == nullptr ? end : quote;
        // A quote counts unless an odd run of backslashes stands before it; such a run may have
        // begun in an earlier chunk.
        const char* back = stop;
        while (back != from && back[-1] == '\\') --back;
        bool is_odd = ((stop - back) & 1) != 0;
        if (back == from) is_odd = is_odd != is_escaped_;
        is_escaped_ = false;
        if (quote == nullptr) {
            is_escaped_ = is_odd;
            return end;
        }
        at = quote + 1;
        if (!is_odd) {
            ended = true;
            return at;
        }
        from = at;
    }
    return end;
}

const char* JsonPick::skip_container(const char* at, const char* end) {
    while (at != end) {
        if (at_ == At::skip_string) {
            bool ended = false;
            at = scan_string(at, end, ended);
            if (!ended) return end;
            at_ = At::skip;
        }
        while (at != end && !skip_marks[static_cast<unsigned char>(*at)]) ++at;
        if (at == end) return end;
        const char c = *at++;
        if (c == '"') {
            is_escaped_ = false;
            at_ = At::skip_string;
        } else if (c == '{' || c == '[') {
            if (!push(c == '{')) return end;
        } else {
            if (!pop(c == '}')) return end;
            if (depth_ == skip_floor_) {
                end_value(at);
                return at;
            }
        }
    }
    return end;
}

// Ends behind the closing quote with node_ set. A key that lies whole in the chunk, as nearly
// all do, is compared where it is.
const char* JsonPick::read_key(const char* at, const char* end) {
    if (key_bytes_ == 0 && !is_escaped_) {
        const char* stop = at;
        while (stop != end && *stop != '"' && *stop != '\\') ++stop;
        if (stop != end && *stop == '"') {
            const std::string_view key(at, static_cast<std::size_t>(stop - at));
            node_ = paths_->find(nodes_[depth_], key);
            at_ = At::colon;
            return stop + 1;
        }
    }
    while (at != end) {
        const char c = *at++;
        if (c == '"' && !is_escaped_) {
            node_ = is_key_long_
                        ? std::int8_t{-1}
                        : paths_->find(nodes_[depth_], std::string_view(key_.data(), key_bytes_));
            at_ = At::colon;
            return at;
        }
        is_escaped_ = c == '\\' && !is_escaped_;
        if (key_bytes_ == key_.size()) is_key_long_ = true;
        else key_[key_bytes_++] = c;
    }
    return end;
}

bool JsonPick::push(bool is_object) {
    if (depth_ == limits::json_depth_max) {
        fail();
        return false;
    }
    is_object_[depth_++] = is_object;
    return true;
}

bool JsonPick::pop(bool is_object) {
    if (depth_ == 0 || is_object_[depth_ - 1] != is_object) {
        fail();
        return false;
    }
    --depth_;
    return true;
}

// A value, container or not, ended just before `end`.
void JsonPick::end_value(const char* end) {
    if (capture_ >= 0) {
        keep_captured(end);
        const auto index = static_cast<std::size_t>(capture_);
        is_found_[index] = !is_dropped_[index];
        capture_ = -1;
    }
    if (depth_ == 0) {
        // The document, or the list of documents, is over.
        has_document_ = !is_list_;
        at_ = At::document;
        state_ = State::complete;
        return;
    }
    has_document_ = is_list_ && depth_ == 1;
    at_ = At::comma;
}

void JsonPick::begin_capture(const char* at) {
    capture_ = paths_->node(node_).pick;
    capture_from_ = at;
    const auto index = static_cast<std::size_t>(capture_);
    if (paths_->is_joined(index) && (is_found_[index] || is_dropped_[index])) {
        if (is_found_[index]) picks_[index] += ',';
    } else {
        picks_[index].clear();
        is_dropped_[index] = false;
    }
    is_found_[index] = false;
}

void JsonPick::keep_captured(const char* end) {
    const auto index = static_cast<std::size_t>(capture_);
    const auto count = static_cast<std::size_t>(end - capture_from_);
    capture_from_ = end;
    if (is_dropped_[index]) return;
    if (picks_[index].size() + count > limits::json_pick_bytes_max) {
        is_dropped_[index] = true;
        picks_[index].clear();
        picks_[index].shrink_to_fit();
        return;
    }
    picks_[index].append(end - count, count);
}

}  // namespace halton
