#include "roles/bodies_text.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

std::string shown(const std::string& text) { return to_safe_text(text, 200); }

std::string to_minute(const std::string& time) {
    if (time.size() < 16) return "-";
    auto text = shown(time.substr(0, 16));
    if (text[10] == 'T') text[10] = ' ';
    return text;
}

std::string to_size(std::int64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

const char* on_or_off(bool flag) { return flag ? "on" : "off"; }

// The code point at the beginning, and its bytes; no bytes: no UTF-8.
struct Character {
    unsigned long code = 0;
    std::size_t size = 0;
};
Character read_character(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return {lead, 1};
    const std::size_t size = lead < 0xc2   ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
    if (size == 0 || size > text.size()) return {};
    unsigned long code = lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return {};
        code = code << 6 | (next & 0x3f);
    }
    const bool is_too_long = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    if (is_too_long || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
    return {code, size};
}

// What steers terminals, joins or ends lines, or turns the direction of text.
bool is_steering(unsigned long code) {
    return (code < 32 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0) ||
           code == 0x61c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff;
}

std::string side_text(const char* name, const store::BodySideRow& side) {
    std::string text = fmt::format("--- {} ({}{}{}) ---\n", name,
                                   side.content_type.empty() ? "" : shown(side.content_type) + ", ",
                                   to_size(side.bytes), side.is_truncated ? ", cut" : "");
    if (!side.text) return text + "(not kept: no text)\n";
    text += to_harmless_text(*side.text);
    if (!text.ends_with('\n')) text += '\n';
    return text;
}

void write_side(JsonWriter& json, std::string_view key, const store::BodySideRow& side) {
    json.begin_object(key);
    json.text_or_null("text", side.text);
    json.number("bytes", side.bytes).flag("truncated", side.is_truncated);
    if (side.content_type.empty())
        json.null("content_type");
    else
        json.text("content_type", side.content_type);
    json.end();
}

void write_entry(JsonWriter& json, const store::BodyEntry& entry) {
    json.text("request_id", entry.request_id).text("captured_at", entry.captured_at);
    json.text("requested_at", entry.requested_at).text("project", shown(entry.project_slug));
    json.text("provider", shown(entry.provider)).text("model", shown(entry.model));
    json.number("redaction_count", entry.redaction_count);
    json.text("redaction_kinds", entry.redaction_kinds);
}

}  // namespace

std::string to_harmless_text(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Character character = read_character(text);
        if (character.size == 0) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
            text.remove_prefix(1);
            continue;
        }
        if (!is_steering(character.code))
            out += text.substr(0, character.size);
        else if (character.code < 0x80)
            out += fmt::format("\\x{:02x}", character.code);
        else
            out += fmt::format("\\u{{{:x}}}", character.code);
        text.remove_prefix(character.size);
    }
    return out;
}

std::string to_body_stats_text(const store::BodyStats& stats, const BodySettings& settings,
                               const std::optional<LiveBodies>& live) {
    std::string text = fmt::format("capture: {}", on_or_off(settings.captures));
    for (const auto& [project, is_on] : stats.switches)
        text += fmt::format(", {} in {}", on_or_off(is_on), shown(project));
    text += " (a .haltonrc says otherwise where it is)\n";
    text += fmt::format("bodies: {}", stats.count);
    if (stats.count > 0)
        text += fmt::format(" from {} to {}; {} of requests and {} of answers in {} on disk",
                            to_minute(stats.oldest_at), to_minute(stats.newest_at),
                            to_size(stats.request_bytes), to_size(stats.response_bytes),
                            to_size(stats.stored_bytes));
    text += '\n';
    if (stats.truncated_count > 0)
        text += fmt::format("cut or not kept: {}\n", stats.truncated_count);
    for (const auto& [project, count] : stats.projects)
        text += fmt::format("  {:>6}  {}\n", count, shown(project));
    text += fmt::format("secrets taken out: {}\n", stats.redaction_count);
    for (const auto& [kind, count] : stats.redaction_kinds)
        text += fmt::format("  {:>6}  {}\n", count, shown(kind));
    text += fmt::format(
        "kept: {}, {}\n",
        settings.retention_days > 0 ? fmt::format("{} days", settings.retention_days) : "for ever",
        settings.size_limit_mib > 0 ? fmt::format("at most {} MiB", settings.size_limit_mib)
                                    : "however much it is");
    if (live)
        text += fmt::format(
            "since the daemon started: {} not captured for want of memory, {} not kept; {} wait, "
            "{} in memory\n",
            live->refused, live->dropped, live->waiting, to_size(live->memory_bytes));
    return text;
}

std::string to_body_stats_json(const store::BodyStats& stats, const BodySettings& settings,
                               const std::optional<LiveBodies>& live) {
    JsonWriter json;
    json.begin_object();
    json.flag("capture", settings.captures);
    json.begin_object("project_switches");
    for (const auto& [project, is_on] : stats.switches) json.flag(shown(project), is_on);
    json.end();
    json.number("count", stats.count).number("request_bytes", stats.request_bytes);
    json.number("response_bytes", stats.response_bytes).number("stored_bytes", stats.stored_bytes);
    json.number("truncated_count", stats.truncated_count);
    json.number("redaction_count", stats.redaction_count);
    json.begin_object("redaction_kinds");
    for (const auto& [kind, count] : stats.redaction_kinds) json.number(shown(kind), count);
    json.end();
    json.begin_object("projects");
    for (const auto& [project, count] : stats.projects) json.number(shown(project), count);
    json.end();
    const auto time = [&](std::string_view key, const std::string& value) {
        if (value.empty())
            json.null(key);
        else
            json.text(key, value);
    };
    time("oldest_at", stats.oldest_at);
    time("newest_at", stats.newest_at);
    json.number("retention_days", settings.retention_days);
    json.number("size_limit_mb", settings.size_limit_mib);
    if (live) {
        json.begin_object("daemon");
        json.number("memory_bytes", live->memory_bytes).number("waiting", live->waiting);
        json.number("refused", live->refused).number("dropped", live->dropped);
        json.end();
    } else {
        json.null("daemon");
    }
    json.end();
    return json.finish();
}

std::string to_body_list_text(const std::vector<store::BodyEntry>& entries, int width) {
    if (entries.empty()) return "No bodies.\n";
    std::vector<std::vector<std::string>> rows;
    for (const auto& entry : entries)
        rows.push_back({shown(entry.request_id), to_minute(entry.requested_at),
                        shown(entry.project_slug), shown(entry.model), to_size(entry.request_bytes),
                        to_size(entry.response_bytes), fmt::format("{}", entry.redaction_count)});
    return render_table({{"call"},
                         {"requested"},
                         {"project", false, 1, true},
                         {"model", false, 2, true},
                         {"request", true, 4},
                         {"answer", true, 5},
                         {"secrets", true, 3}},
                        std::move(rows), width);
}

std::string to_body_list_json(const std::vector<store::BodyEntry>& entries) {
    JsonWriter json;
    json.begin_object();
    json.begin_array("bodies");
    for (const auto& entry : entries) {
        json.begin_object();
        write_entry(json, entry);
        json.number("request_bytes", entry.request_bytes);
        json.number("response_bytes", entry.response_bytes);
        json.end();
    }
    json.end().end();
    return json.finish();
}

std::string to_body_text(const store::BodyRow& row) {
    const auto& entry = row.entry;
    std::string text = fmt::format("call {}, {}, project {}, {} {}\n", shown(entry.request_id),
                                   to_minute(entry.requested_at), shown(entry.project_slug),
                                   shown(entry.provider), shown(entry.model));
    if (entry.redaction_count > 0)
        text += fmt::format("secrets taken out: {}\n", shown(entry.redaction_kinds));
    return text + side_text("request", row.request) + side_text("answer", row.response);
}

std::string to_body_json(const store::BodyRow& row) {
    JsonWriter json;
    json.begin_object();
    write_entry(json, row.entry);
    write_side(json, "request", row.request);
    write_side(json, "response", row.response);
    json.end();
    return json.finish();
}

}  // namespace halton::roles
