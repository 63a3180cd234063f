#include "base/json_writer.h"

#include <cmath>

#include <fmt/format.h>

#include "base/json.h"

namespace halton {

void JsonWriter::begin_value(std::string_view key) {
    if (!is_first_) text_ += ',';
    if (!closers_.empty() && layout_ == Layout::indented) {
        text_ += '\n';
        text_.append(closers_.size() * 2, ' ');
    }
    is_first_ = false;
    if (key.empty()) return;
    append_json_string(text_, key);
    text_ += layout_ == Layout::indented ? ": " : ":";
}

JsonWriter& JsonWriter::begin_object(std::string_view key) {
    begin_value(key);
    text_ += '{';
    closers_.push_back('}');
    is_first_ = true;
    return *this;
}

JsonWriter& JsonWriter::begin_array(std::string_view key) {
    begin_value(key);
    text_ += '[';
    closers_.push_back(']');
    is_first_ = true;
    return *this;
}

JsonWriter& JsonWriter::end() {
    const char closer = closers_.back();
    closers_.pop_back();
    if (!is_first_ && layout_ == Layout::indented) {
        text_ += '\n';
        text_.append(closers_.size() * 2, ' ');
    }
    text_ += closer;
    is_first_ = false;
    return *this;
}

JsonWriter& JsonWriter::text(std::string_view key, std::string_view value) {
    begin_value(key);
    append_json_string(text_, value);
    return *this;
}

JsonWriter& JsonWriter::number(std::string_view key, std::int64_t value) {
    begin_value(key);
    text_ += fmt::format("{}", value);
    return *this;
}

JsonWriter& JsonWriter::real(std::string_view key, double value) {
    // JSON has no word for these; a number that is none says nothing.
    if (!std::isfinite(value)) return null(key);
    begin_value(key);
    auto digits = fmt::format("{:.3f}", value);
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
    text_ += digits == "-0" ? "0" : digits;
    return *this;
}

JsonWriter& JsonWriter::flag(std::string_view key, bool value) {
    begin_value(key);
    text_ += value ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null(std::string_view key) {
    begin_value(key);
    text_ += "null";
    return *this;
}

JsonWriter& JsonWriter::real_or_null(std::string_view key, std::optional<double> value) {
    return value ? real(key, *value) : null(key);
}

JsonWriter& JsonWriter::text_or_null(std::string_view key,
                                     const std::optional<std::string>& value) {
    return value ? text(key, *value) : null(key);
}

JsonWriter& JsonWriter::number_or_null(std::string_view key, std::optional<std::int64_t> value) {
    return value ? number(key, *value) : null(key);
}

JsonWriter& JsonWriter::json(std::string_view key, std::string_view text) {
    begin_value(key);
    text_ += text;
    return *this;
}

const std::string& JsonWriter::finish() {
    if (layout_ == Layout::indented) text_ += '\n';
    return text_;
}

}  // namespace halton
