#include "roles/call_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "roles/count_text.h"
#include "roles/local_time.h"

namespace halton::roles {
namespace {

// Fixed columns, so that lines which come one by one stand below each other.
struct Place {
    std::string_view heading;
    std::size_t width;
    bool is_number;
    int leaves_at;  // below that many columns of the terminal
};
constexpr std::array places{
    Place{"time", 8, false, 0},    Place{"project", 16, false, 68}, Place{"tool", 12, false, 120},
    Place{"model", 26, false, 0},  Place{"in", 7, true, 84},        Place{"cached", 7, true, 110},
    Place{"out", 6, true, 84},     Place{"took", 8, true, 95},      Place{"cost", 10, true, 0},
    Place{"outcome", 0, false, 0},  // the rest
};

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string fit(std::string text, std::size_t width, bool is_number) {
    // By characters; what is cut ends with two dots.
    if (width_of(text) > width) {
        std::size_t bytes = 0;
        std::size_t characters = 0;
        while (bytes < text.size() && characters < width - 2) {
            ++bytes;
            while (bytes < text.size() && (text[bytes] & 0xc0) == 0x80) ++bytes;
            ++characters;
        }
        text = text.substr(0, bytes) + "..";
    }
    const std::string blank(width - std::min(width, width_of(text)), ' ');
    return is_number ? blank + text : text + blank;
}

std::string to_line(const std::array<std::string, places.size()>& cells, int width) {
    std::string line;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const Place& place = places[i];
        if (width > 0 && width < place.leaves_at) continue;
        if (!line.empty()) line += "  ";
        if (place.width > 0) {
            line += fit(cells[i], place.width, place.is_number);
            continue;
        }
        const auto used = width_of(line);
        const auto room = width > 0 ? static_cast<std::size_t>(width) -
                                          std::min(used, static_cast<std::size_t>(width))
                                    : 40;
        if (room > 3) line += fit(cells[i], room, false);
    }
    line.resize(line.find_last_not_of(' ') + 1);
    return line;
}

std::string to_outcome(const store::LandedCall& call) {
    if (call.status == "success") return "";
    std::string text = call.error_class.empty() ? call.status : call.error_class;
    if (call.http_status > 0) text += fmt::format(" {}", call.http_status);
    if (!call.provider_error_code.empty()) text += " " + to_safe_text(call.provider_error_code, 40);
    return text;
}

}  // namespace

std::string to_duration_text(double ms) {
    if (ms < 1'000) return fmt::format("{} ms", std::llround(ms));
    if (ms < 100'000) return fmt::format("{:.1f} s", ms / 1'000);
    const auto seconds = std::llround(ms / 1'000);
    return fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

std::string to_call_cost(const store::LandedCall& call) {
    if (!call.cost) return "unknown";
    if (call.billing == "plan") return "plan";
    return call.cost->value == 0 ? "$0" : to_dollar_text(*call.cost);
}

std::string call_line_heading(int width) {
    std::array<std::string, places.size()> cells;
    for (std::size_t i = 0; i < places.size(); ++i) cells[i] = places[i].heading;
    return to_line(cells, width);
}

std::string to_call_line(const store::LandedCall& call, const store::DayZone& zone, int width) {
    const auto time = parse_iso8601(call.requested_at);
    const auto duration = to_duration_text(call.latency_ms);
    return to_line(
        {time ? to_local_text(*time, zone).substr(11) : "-", to_safe_text(call.project, 80),
         call.tool.empty() ? "-" : to_safe_text(call.tool, 80),
         to_safe_text(call.model.empty() ? call.provider : call.model, 80),
         to_short_count(call.input_tokens), to_short_count(call.cache_read_tokens),
         to_short_count(call.output_tokens), duration, to_call_cost(call), to_outcome(call)},
        width);
}

std::string to_call_json(const store::LandedCall& call) {
    JsonWriter json(JsonWriter::Layout::compact);
    const auto text = [&](std::string_view key, std::string_view value) {
        value.empty() ? json.null(key) : json.text(key, value);
    };
    json.begin_object();
    text("id", call.id);
    text("requested_at", call.requested_at);
    text("project", call.project);
    text("provider", call.provider);
    text("model", call.model);
    text("client_tool", call.tool);
    text("session_id", call.session_id);
    text("status", call.status);
    call.http_status > 0 ? json.number("http_status", call.http_status) : json.null("http_status");
    text("error_class", call.error_class);
    text("provider_error_code", call.provider_error_code);
    json.number("total_input_tokens", call.input_tokens);
    json.number("cache_read_tokens", call.cache_read_tokens);
    json.number("total_output_tokens", call.output_tokens);
    call.cost ? json.number("cost_nanousd", call.cost->value) : json.null("cost_nanousd");
    text("billing_mode", call.billing);
    // real() takes zeros at the end away; this line has always had three decimals.
    std::isfinite(call.latency_ms) ? json.json("latency_ms", fmt::format("{:.3f}", call.latency_ms))
                                   : json.null("latency_ms");
    json.end();
    return json.finish() + '\n';
}

}  // namespace halton::roles
