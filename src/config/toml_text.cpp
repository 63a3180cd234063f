#include "config/toml_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

namespace halton::config {
namespace {

enum class Where { plain, comment, basic, literal, long_basic, long_literal };

bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// The character that `text` begins with and its bytes; none: no UTF-8.
struct Character {
    std::uint32_t value = 0;
    std::size_t bytes = 0;
};
Character read_character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {};
    std::uint32_t value = first & (0xffu >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return {};
        value = value << 6 | (next & 0x3f);
    }
    static constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = value >= 0xd800 && value < 0xe000;
    if (value < least[bytes] || value > 0x10ffff || is_surrogate) return {};
    return {value, bytes};
}

class Copier {
public:
    explicit Copier(std::string_view text) : rest_(text) {}

    Result<std::string> run() {
        constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
        if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
        while (!rest_.empty()) {
            if (const char* wrong = step())
                return fail(ErrorKind::malformed, fmt::format("line {}: {}", line_, wrong));
        }
        return std::move(out_);
    }

private:
    // What is wrong, or null.
    const char* step() {
        const char c = rest_.front();
        if (is_beyond_ascii(c)) return take_beyond_ascii();
        if (c == '\n') ++line_;
        switch (where_) {
            case Where::plain: return begin(c);
            case Where::comment:
                if (c == '\n') where_ = Where::plain;
                break;
            case Where::basic:
            case Where::literal:
                if (c == '\\' && where_ == Where::basic) return take_escape();
                if (c == '\n' || c == (where_ == Where::basic ? '"' : '\'')) {
                    where_ = Where::plain;
                    return c == '\'' ? replace(1, "\"") : take(1);
                }
                break;
            case Where::long_basic:
            case Where::long_literal: {
                if (c == '\\' && where_ == Where::long_basic) return take_escape();
                const char quote = where_ == Where::long_basic ? '"' : '\'';
                if (c != quote) break;
                // Up to two quotes may stand before the three that end it.
                const std::size_t count = std::min<std::size_t>(count_quotes(quote), 5);
                if (count < 3 || quote == '"') {
                    if (count >= 3) where_ = Where::plain;
                    return take(count);
                }
                where_ = Where::plain;
                out_.append(count - 3, quote);
                return replace(count, "\"\"\"");
            }
        }
        const bool is_literal = where_ == Where::literal || where_ == Where::long_literal;
        if (is_literal && c == '"') return replace(1, "\\\"");
        if (is_literal && c == '\\') return replace(1, "\\\\");
        return take(1);
    }

    const char* begin(char c) {
        if (c == '#') where_ = Where::comment;
        if (c != '"' && c != '\'') return take(1);
        const bool is_long = count_quotes(c) >= 3;
        if (c == '"')
            where_ = is_long ? Where::long_basic : Where::basic;
        else
            where_ = is_long ? Where::long_literal : Where::literal;
        return replace(is_long ? 3 : 1, is_long ? "\"\"\"" : "\"");
    }

    const char* take_escape() {
        if (rest_.size() < 2) return take(1);
        if (is_beyond_ascii(rest_[1])) return "there is no such escape";
        if (rest_[1] == '\n') return take(1);  // the line's end is for the next step
        return take(2);
    }

    const char* take_beyond_ascii() {
        const Character character = read_character(rest_);
        if (character.bytes == 0) return "not UTF-8";
        switch (where_) {
            case Where::plain: return "a character beyond ASCII outside of a text";
            case Where::comment: out_ += '?'; break;
            default: out_ += fmt::format("\\U{:08X}", character.value); break;
        }
        rest_.remove_prefix(character.bytes);
        return nullptr;
    }

    const char* take(std::size_t bytes) {
        out_ += rest_.substr(0, bytes);
        rest_.remove_prefix(bytes);
        return nullptr;
    }

    const char* replace(std::size_t bytes, std::string_view by) {
        out_ += by;
        rest_.remove_prefix(bytes);
        return nullptr;
    }

    std::size_t count_quotes(char quote) const {
        return std::min(rest_.find_first_not_of(quote), rest_.size());
    }

    std::string_view rest_;
    std::string out_;
    std::size_t line_ = 1;
    Where where_ = Where::plain;
};

}  // namespace

Result<std::string> to_safe_toml(std::string_view text) {
    if (std::none_of(text.begin(), text.end(), is_beyond_ascii)) return std::string(text);
    return Copier(text).run();
}

}  // namespace halton::config
