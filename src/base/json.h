// Reading small JSON texts whole, and writing strings into JSON. The only door to simdjson.
// For bodies of unknown size use json_pick.h first and parse only what it kept.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace halton {

// One value of a parsed text, or nothing: every question about an absent value has the answer
// of an empty one, so that look-ups chain. Holds until the parser's next parse.
class JsonView {
public:
    JsonView() = default;

    bool is_present() const { return is_present_; }
    bool is_object() const;
    bool is_array() const;
    bool is_string() const;
    bool is_null() const;  // an explicit null; false when absent

    // The member of that key; absent when this is no object or has no such key.
    JsonView operator[](std::string_view key) const;

    std::optional<std::string_view> as_string() const;
    // Whole numbers; also a float that is one ("12.0").
    std::optional<std::int64_t> as_integer() const;
    std::optional<double> as_number() const;
    std::optional<bool> as_bool() const;

    // Calls on_element(value) for each element of an array; does nothing for anything else.
    template <class OnElement>
    void for_each_element(OnElement&& on_element) const {
        visit_elements(&on_element, [](void* context, JsonView value) {
            (*static_cast<std::remove_reference_t<OnElement>*>(context))(value);
        });
    }
    // Calls on_member(key, value) for each member of an object.
    template <class OnMember>
    void for_each_member(OnMember&& on_member) const {
        visit_members(&on_member, [](void* context, std::string_view key, JsonView value) {
            (*static_cast<std::remove_reference_t<OnMember>*>(context))(key, value);
        });
    }

private:
    friend class JsonParser;
    struct Access;

    void visit_elements(void* context, void (*visit)(void*, JsonView)) const;
    void visit_members(void* context, void (*visit)(void*, std::string_view, JsonView)) const;

    bool is_present_ = false;
    std::array<std::uint64_t, 2> element_{};  // simdjson's own handle, two words
};

// Reusable; keeps its buffers. Thread: one at a time.
class JsonParser {
public:
    JsonParser();
    ~JsonParser();
    JsonParser(JsonParser&&) noexcept;
    JsonParser& operator=(JsonParser&&) noexcept;

    // The whole text as one value. Errors: malformed (also deeper than json_depth_max).
    Result<JsonView> parse(std::string_view text);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace halton
