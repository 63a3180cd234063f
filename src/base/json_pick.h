// JsonPick: finds a few wanted values in JSON of any size without keeping the rest.
// In:    JSON bytes, any chunk size. A text may be one document, documents one after another
//        (NDJSON), or a top-level array whose elements are then the documents.
// Out:   after each document the raw text of every wanted value that it held (last one wins).
// Fails: once, for good, on bytes that cannot be JSON; only structure is checked.
// Limits: json_depth_max, json_pick_bytes_max per value (a longer one is dropped).
// A path is "model", "message.usage" or "candidates[].finishReason". With a '+' behind it, all values
// are kept instead of the last one, with commas between: "results[].tokenCount+". A path that others
// continue ("message" beside "message.usage") finds its value only when that is no container.
// Keys are compared as they are written, so a key with escapes in it is never the wanted one; no
// provider writes such keys.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/limits.h"

namespace halton {

// The wanted paths as a tree, built at compile time.
class JsonPaths {
public:
    static constexpr std::size_t count_max = 24;
    static constexpr std::size_t level_max = 6;
    static constexpr std::size_t key_bytes_max = 32;

    struct Node {
        std::string_view key;       // "[]" for "each element"
        std::int8_t pick = -1;      // index of the path that ends here
        std::int8_t child = -1;     // first node below
        std::int8_t sibling = -1;   // next node with the same parent
    };

    constexpr JsonPaths(std::initializer_list<std::string_view> paths) {
        for (const std::string_view path : paths) add(path);
    }

    constexpr std::size_t count() const { return count_; }
    // Whether all values of that path are kept.
    constexpr bool is_joined(std::size_t index) const { return is_joined_[index]; }
    constexpr const Node& node(std::int8_t index) const {
        return nodes_[static_cast<std::size_t>(index)];
    }
    // The node below `parent` with that key, or -1.
    constexpr std::int8_t find(std::int8_t parent, std::string_view key) const {
        std::int8_t at = node(parent).child;
        while (at >= 0 && node(at).key != key) at = node(at).sibling;
        return at;
    }

private:
    constexpr void add(std::string_view path) {
        if (path.ends_with('+')) {
            is_joined_[count_] = true;
            path.remove_suffix(1);
        }
        std::int8_t at = 0;
        while (!path.empty()) {
            std::size_t end = path.find_first_of(".[");
            if (end == std::string_view::npos) end = path.size();
            if (end > 0) at = descend(at, path.substr(0, end));
            path.remove_prefix(end);
            if (path.starts_with("[]")) {
                at = descend(at, path.substr(0, 2));
                path.remove_prefix(2);
            }
            if (path.starts_with('.')) path.remove_prefix(1);
        }
        nodes_[static_cast<std::size_t>(at)].pick = static_cast<std::int8_t>(count_++);
    }
    constexpr std::int8_t descend(std::int8_t parent, std::string_view key) {
        if (const std::int8_t known = find(parent, key); known >= 0) return known;
        const auto made = static_cast<std::int8_t>(node_count_++);
        Node& parent_node = nodes_[static_cast<std::size_t>(parent)];
        nodes_[static_cast<std::size_t>(made)] = Node{key, -1, -1, parent_node.child};
        parent_node.child = made;
        return made;
    }

    std::array<Node, 64> nodes_{};  // node 0 is the document itself
    std::array<bool, count_max> is_joined_{};
    std::size_t node_count_ = 1;
    std::size_t count_ = 0;
};

class JsonPick {
public:
    enum class State {
        empty,      // nothing but blanks so far
        open,       // inside a document or a list of documents
        complete,   // every document that began has ended
        malformed,  // gave up
    };

    // `paths` outlives the machine.
    explicit JsonPick(const JsonPaths& paths) : paths_(&paths) {}

    // Consumes bytes up to the end of a document at most and says how many: none when the next
    // byte only shows that a number before it has ended. When has_document() is then true, read
    // the picks; in any case feed the rest.
    std::size_t feed(std::string_view bytes);

    // True right after the feed that ended a document, until the next feed.
    bool has_document() const { return has_document_; }

    // Raw JSON text of wanted path `index` in the document: a string with its quotes, a number,
    // an object, ... Empty when it was not there, was too long or has not ended yet.
    std::string_view text(std::size_t index) const {
        return is_found_[index] ? std::string_view(picks_[index]) : std::string_view{};
    }

    // Whether every wanted path was found: what follows can only repeat them.
    bool is_satisfied() const { return is_found_.count() == paths_->count(); }

    State state() const { return state_; }
    // Whether the text is a list of documents (a top-level array).
    bool is_list() const { return is_list_; }

    // Back to the start, for the next text with the same paths.
    void reset();

private:
    enum class At : std::uint8_t {
        document,       // between documents
        value,          // a value must come
        first_value,    // a value or ']'
        key,            // a key must come
        first_key,      // a key or '}'
        in_key,         // inside a key of a watched object
        colon,          // ':' must come
        in_string,      // inside a string value of a watched container
        in_scalar,      // inside a number, true, false or null
        skip,           // inside a container nobody watches
        skip_string,    // inside a string in there
        comma,          // ',' or the closer must come
    };

    const char* step(const char* at, const char* end);
    const char* begin_value(const char* at, const char* end);
    const char* read_string(const char* at, const char* end);
    const char* read_scalar(const char* at, const char* end);
    const char* scan_string(const char* at, const char* end, bool& ended);
    const char* skip_container(const char* at, const char* end);
    const char* read_key(const char* at, const char* end);
    bool push(bool is_object);
    bool pop(bool is_object);
    void end_value(const char* end);
    void begin_capture(const char* at);
    void keep_captured(const char* end);
    void fail() { state_ = State::malformed; }

    const JsonPaths* paths_;
    State state_ = State::empty;
    At at_ = At::document;
    bool is_list_ = false;
    bool has_document_ = false;
    bool is_escaped_ = false;      // the bytes so far end in an odd run of backslashes
    bool is_key_long_ = false;
    std::uint8_t key_bytes_ = 0;
    std::int8_t node_ = -1;        // node of the value that comes or runs, -1: nobody wants it
    std::int8_t capture_ = -1;     // pick that is being kept
    std::uint16_t depth_ = 0;
    std::uint16_t skip_floor_ = 0;  // depth at which skipping ends
    const char* capture_from_ = nullptr;  // in the current chunk
    std::array<std::int8_t, JsonPaths::level_max + 2> nodes_{};  // node of each watched level
    std::bitset<limits::json_depth_max> is_object_;
    std::array<char, JsonPaths::key_bytes_max> key_{};
    std::bitset<JsonPaths::count_max> is_found_;
    std::bitset<JsonPaths::count_max> is_dropped_;
    std::array<std::string, JsonPaths::count_max> picks_;
};

}  // namespace halton
