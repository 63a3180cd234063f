// JsonWriter: builds a JSON text member by member, valid for programs; indented for people, unless
// it is told that nobody reads it.
// Keys are written as given (plain words of ours); values are escaped. Pure; never fails.
// Nesting is the caller's: each begin_ needs its end().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halton {

class JsonWriter {
public:
    enum class Layout { indented, compact };
    explicit JsonWriter(Layout layout = Layout::indented) : layout_(layout) {}

    // The key is empty for the outermost value and for elements of an array.
    JsonWriter& begin_object(std::string_view key = {});
    JsonWriter& begin_array(std::string_view key = {});
    JsonWriter& end();

    JsonWriter& text(std::string_view key, std::string_view value);
    JsonWriter& number(std::string_view key, std::int64_t value);
    // At most three decimals: milliseconds and percentages.
    JsonWriter& real(std::string_view key, double value);
    JsonWriter& flag(std::string_view key, bool value);
    JsonWriter& null(std::string_view key);
    JsonWriter& real_or_null(std::string_view key, std::optional<double> value);
    JsonWriter& text_or_null(std::string_view key, const std::optional<std::string>& value);
    JsonWriter& number_or_null(std::string_view key, std::optional<std::int64_t> value);
    // A JSON text of somebody's, as it stands.
    JsonWriter& json(std::string_view key, std::string_view text);

    // The text with a newline behind it, once everything has ended.
    const std::string& finish();

private:
    void begin_value(std::string_view key);

    Layout layout_;
    std::string text_;
    std::vector<char> closers_;
    bool is_first_ = true;
};

}  // namespace halton
