#include "base/json.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <simdjson.h>

#include "base/limits.h"
#include "base/utf8.h"

namespace halton {

// Carries simdjson's element handle through the opaque words of a JsonView.
struct JsonView::Access {
    using Element = simdjson::dom::element;
    static_assert(sizeof(Element) == sizeof(JsonView::element_));
    static_assert(std::is_trivially_copyable_v<Element>);

    static JsonView wrap(const Element& element) {
        JsonView view;
        view.is_present_ = true;
        std::memcpy(view.element_.data(), &element, sizeof element);
        return view;
    }
    static JsonView wrap(const simdjson::simdjson_result<Element>& result) {
        Element element;
        if (result.get(element) != simdjson::SUCCESS) return {};
        return wrap(element);
    }
    static Element unwrap(const JsonView& view) {
        Element element;
        std::memcpy(static_cast<void*>(&element), view.element_.data(), sizeof element);
        return element;
    }
};

bool JsonView::is_object() const { return is_present_ && Access::unwrap(*this).is_object(); }
bool JsonView::is_array() const { return is_present_ && Access::unwrap(*this).is_array(); }
bool JsonView::is_string() const { return is_present_ && Access::unwrap(*this).is_string(); }
bool JsonView::is_null() const { return is_present_ && Access::unwrap(*this).is_null(); }

JsonView JsonView::operator[](std::string_view key) const {
    if (!is_object()) return {};
    return Access::wrap(Access::unwrap(*this).at_key(key));
}

std::optional<std::string_view> JsonView::as_string() const {
    std::string_view text;
    if (!is_present_ || Access::unwrap(*this).get_string().get(text) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return text;
}

std::optional<std::int64_t> JsonView::as_integer() const {
    if (!is_present_) return std::nullopt;
    std::int64_t integer = 0;
    if (Access::unwrap(*this).get_int64().get(integer) == simdjson::SUCCESS) return integer;
    const auto number = as_number();
    // 2^63 is the first double above the range.
    if (!number || std::floor(*number) != *number || std::abs(*number) >= 9223372036854775808.0) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(*number);
}

std::optional<double> JsonView::as_number() const {
    double number = 0;
    if (!is_present_ || Access::unwrap(*this).get_double().get(number) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return number;
}

std::optional<bool> JsonView::as_bool() const {
    bool value = false;
    if (!is_present_ || Access::unwrap(*this).get_bool().get(value) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return value;
}

void JsonView::visit_elements(void* context, void (*visit)(void*, JsonView)) const {
    simdjson::dom::array array;
    if (!is_present_ || Access::unwrap(*this).get_array().get(array) != simdjson::SUCCESS) return;
    for (const auto element : array) visit(context, Access::wrap(element));
}

void JsonView::visit_members(void* context,
                             void (*visit)(void*, std::string_view, JsonView)) const {
    simdjson::dom::object object;
    if (!is_present_ || Access::unwrap(*this).get_object().get(object) != simdjson::SUCCESS) return;
    for (const auto member : object) visit(context, member.key, Access::wrap(member.value));
}

struct JsonParser::State {
    simdjson::dom::parser parser;
    std::string padded;  // simdjson reads a few bytes beyond the text
};

JsonParser::JsonParser() : state_(std::make_unique<State>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

Result<JsonView> JsonParser::parse(std::string_view text) {
    simdjson::dom::parser& parser = state_->parser;
    if (text.size() > parser.capacity()) {
        // Own allocation because the default depth of 1024 levels costs 9 KiB per parser.
        const auto error = parser.allocate(text.size() * 2, limits::json_depth_max);
        if (error != simdjson::SUCCESS) return fail(ErrorKind::too_large, "JSON text");
    }
    state_->padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    state_->padded.assign(text);
    simdjson::dom::element root;
    const auto error =
        parser.parse(state_->padded.data(), text.size(), /*realloc_if_needed=*/false).get(root);
    if (error != simdjson::SUCCESS) {
        return fail(ErrorKind::malformed, simdjson::error_message(error));
    }
    return JsonView::Access::wrap(root);
}

namespace {}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out.push_back('"');
    while (!text.empty()) {
        const char c = text.front();
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            switch (c) {
                case '\n': out += "\\n"; break;
                case '\r': out += "\\r"; break;
                case '\t': out += "\\t"; break;
                default:
                    out += "\\u00";
                    out.push_back(digits[(c >> 4) & 0xF]);
                    out.push_back(digits[c & 0xF]);
            }
        } else {
            const std::size_t count = utf8_bytes(text);
            if (count == 0)
                out += "\xEF\xBF\xBD";
            else
                out.append(text, 0, count);
            text.remove_prefix(count == 0 ? 1 : count);
            continue;
        }
        text.remove_prefix(1);
    }
    out.push_back('"');
}

}  // namespace halton
