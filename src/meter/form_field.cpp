#include "meter/form_field.h"

#include <cstring>

namespace halton::meter {

namespace {

constexpr std::string_view blank_line = "\r\n\r\n";

// Goes on matching `mark` through `bytes` and drops what it ran over; true behind its end. Every
// mark's first byte occurs in it only where a new match may begin, so falling back to the start
// loses none.
bool run_to(std::string_view mark, std::string_view& bytes, std::size_t& matched) {
    while (!bytes.empty()) {
        if (matched == 0) {
            const auto* first = static_cast<const char*>(
                std::memchr(bytes.data(), mark.front(), bytes.size()));
            if (first == nullptr) {
                bytes = {};
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(first - bytes.data()));
        }
        const char c = bytes.front();
        if (c == mark[matched]) {
            ++matched;
            bytes.remove_prefix(1);
            if (matched == mark.size()) {
                matched = 0;
                return true;
            }
        } else if (c == mark.front() && matched > 0) {
            matched = 0;  // looked at once more, as a beginning
        } else {
            matched = 0;
            bytes.remove_prefix(1);
        }
    }
    return false;
}

}  // namespace

FormField::FormField(std::string_view name, std::size_t bytes_max)
    : mark_(" name=\"" + std::string(name) + '"'), bytes_max_(bytes_max) {}

void FormField::feed(std::string_view bytes) {
    if (at_ == At::seek && run_to(mark_, bytes, matched_)) at_ = At::headers;
    if (at_ == At::headers && run_to(blank_line, bytes, matched_)) at_ = At::value;
    if (at_ != At::value) return;
    const std::size_t end = bytes.find('\r');
    value_.append(bytes.substr(0, end));
    if (end != std::string_view::npos || value_.size() > bytes_max_) at_ = At::done;
    if (value_.size() > bytes_max_) value_.resize(bytes_max_);
}

}  // namespace halton::meter
