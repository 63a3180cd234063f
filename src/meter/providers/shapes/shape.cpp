#include "meter/providers/shapes/shape.h"

#include <algorithm>
#include <cstring>  // also memmem, which glibc, musl and Apple have

#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {

std::string_view Document::text(std::size_t index) const {
    const std::string_view text = picks_.text(index);
    return text == "null" ? std::string_view{} : text;
}

JsonView Document::value(std::size_t index) const {
    const std::string_view raw = text(index);
    if (raw.empty()) return {};
    const auto parsed = parser_.parse(raw);
    return parsed ? *parsed : JsonView{};
}

std::string_view Document::string(std::size_t index) const {
    const std::string_view raw = text(index);
    if (raw.size() < 2 || raw.front() != '"') return {};
    // Model names and tiers have no escapes; only then a parser is needed.
    if (raw.find('\\') == std::string_view::npos) return raw.substr(1, raw.size() - 2);
    return value(index).as_string().value_or(std::string_view{});
}

bool has_text(std::string_view text, std::string_view part) {
    if (text.empty()) return part.empty();  // it may have no address at all
    // Not string_view::find: it stops at every quote.
    return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

void take_text(std::string& kept, std::string_view text, std::size_t bytes_max) {
    if (text.empty()) return;
    if (kept != text) kept = to_safe_text(text, bytes_max);
}

std::int64_t to_count(JsonView value) {
    return std::clamp<std::int64_t>(value.as_integer().value_or(0), 0, limits::token_count_max);
}

namespace {

std::int64_t to_count(std::string_view text) {
    const auto number = parse_decimal(text);
    if (!number) return 0;
    return static_cast<std::int64_t>(std::min<std::uint64_t>(*number, limits::token_count_max));
}

}  // namespace

std::int64_t to_count(const std::string* header) {
    return header == nullptr ? 0 : to_count(std::string_view(*header));
}

std::int64_t sum_of(std::string_view joined) {
    std::int64_t sum = 0;
    while (!joined.empty()) {
        const std::size_t comma = std::min(joined.find(','), joined.size());
        std::string_view part = joined.substr(0, comma);
        // "28.0" is a whole number too.
        const std::size_t point = std::min(part.find('.'), part.size());
        const std::string_view fraction = part.substr(point);
        if (fraction.find_first_not_of(".0") == std::string_view::npos) part = part.substr(0, point);
        sum = std::min(sum + to_count(part), limits::token_count_max);
        joined.remove_prefix(std::min(comma + 1, joined.size()));
    }
    return sum;
}

ProviderError& refusal_of(Reading& reading) {
    if (!reading.refusal) reading.refusal.emplace();
    return *reading.refusal;
}

std::optional<ProviderError> read_error(const Document& document, std::size_t error_index,
                                        std::size_t code_index) {
    if (document.text(error_index).empty()) return std::nullopt;
    ProviderError error;
    const std::string top_code(document.string(code_index));
    const JsonView value = document.value(error_index);
    if (const auto message = value.as_string()) {
        // xAI: the code is a sentence beside a plain text.
        error.message = *message;
        error.code = top_code;
        return error;
    }
    if (!value.is_object()) return std::nullopt;
    const auto text = [&](std::string_view key) {
        return std::string(value[key].as_string().value_or(std::string_view{}));
    };
    error.type = text("type");
    error.message = text("message");
    // Google numbers its code and spells the status; the others spell the code, or only the type.
    error.code = text("status");
    if (error.code.empty()) error.code = text("code");
    if (error.code.empty()) error.code = error.type;
    for (const std::string_view key : {"status", "status_code", "code"}) {
        const auto number = value[key].as_integer();
        if (!number || *number < 400 || *number > 599) continue;
        error.status = static_cast<int>(*number);
        // Some have no other code.
        if (error.code.empty()) error.code = std::to_string(*number);
        break;
    }
    value["details"].for_each_element([&](JsonView detail) {
        if (error.reason.empty()) {
            error.reason = detail["reason"].as_string().value_or(std::string_view{});
        }
    });
    return error;
}

}  // namespace halton::meter
