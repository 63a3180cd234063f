#include "roles/statusline_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/text.h"

namespace halton::roles {
namespace {

constexpr std::size_t session_id_bytes_max = 128;
constexpr std::size_t shown_limits_max = 3;

// Two decimals from a cent up: a bar is no place for more.
std::string to_short_dollars(NanoUsd amount) {
    if (amount.value == 0) return "$0";
    if (amount.value < 10'000'000) return "<$0.01";
    return fmt::format("${:.2f}", static_cast<double>(amount.value) / 1e9);
}

// "$1.20", "$1.20 + $3 plan", "$3 plan"; a question mark where some price is not known.
std::string to_spend(const store::UsageSums& sums) {
    std::string text;
    const bool has_metered = sums.requests > sums.plan_requests;
    if (has_metered || sums.plan_requests == 0) {
        text = to_short_dollars(sums.cost);
        if (sums.unpriced_requests > sums.plan_unpriced_requests) text += "+?";
    }
    if (sums.plan_requests > 0) {
        if (!text.empty()) text += " + ";
        text += to_short_dollars(sums.plan_cost) + " plan";
    }
    return text;
}

std::string to_left(std::chrono::seconds left) {
    const auto minutes = std::max<std::int64_t>(left.count() / 60, 0);
    if (minutes < 60) return fmt::format("{}m", minutes);
    if (minutes < 48 * 60) return fmt::format("{}h{:02}m", minutes / 60, minutes % 60);
    return fmt::format("{}d{}h", minutes / 1440, minutes / 60 % 24);
}

// Those that still hold, fullest first.
std::vector<store::PlanLimitRow> choose_limits(const StatusFacts& facts) {
    std::vector<store::PlanLimitRow> chosen;
    for (const auto& limit : facts.limits)
        if (limit.used_fraction && (!limit.resets_at || *limit.resets_at > facts.now))
            chosen.push_back(limit);
    std::stable_sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) {
        return *a.used_fraction > *b.used_fraction;
    });
    if (chosen.size() > shown_limits_max) chosen.resize(shown_limits_max);
    // The shorter window first, as people read them.
    std::stable_sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) {
        return a.window_minutes < b.window_minutes;
    });
    return chosen;
}

}  // namespace

std::optional<std::string> read_status_session(std::string_view json) {
    JsonParser parser;
    const auto parsed = parser.parse(json);
    if (!parsed) return std::nullopt;
    const auto id = (*parsed)["session_id"].as_string();
    if (!id || id->empty() || id->size() > session_id_bytes_max) return std::nullopt;
    return std::string(*id);
}

std::string to_statusline(const StatusFacts& facts, int width) {
    if (!facts.has_database) return "halton-meter: no calls yet";
    std::vector<std::string> parts;
    if (facts.session_id)
        parts.push_back(facts.session ? "session " + to_spend(*facts.session)
                                      : "session not metered yet");
    if (facts.today) parts.push_back("today " + to_spend(*facts.today));
    for (const auto& limit : choose_limits(facts)) {
        auto part = fmt::format("{} {}%", to_safe_text(limit.name, 24),
                                std::llround(*limit.used_fraction * 100));
        if (limit.resets_at)
            part += " " + to_left(std::chrono::duration_cast<std::chrono::seconds>(
                              *limit.resets_at - facts.now));
        parts.push_back(std::move(part));
    }
    std::string line;
    for (const auto& part : parts) {
        const auto longer = line.empty() ? part : line + " | " + part;
        if (!line.empty() && width > 0 && longer.size() > static_cast<std::size_t>(width)) break;
        line = longer;
    }
    return line.empty() ? "halton-meter: busy" : line;
}

std::string to_statusline_json(const StatusFacts& facts) {
    JsonWriter json;
    const auto write = [&](std::string_view key, const std::optional<store::UsageSums>& sums) {
        if (!sums) {
            json.null(key);
            return;
        }
        json.begin_object(key).number("requests", sums->requests);
        json.number("cost_nanousd", sums->cost.value);
        json.number("plan_cost_nanousd", sums->plan_cost.value);
        json.number("unpriced_requests", sums->unpriced_requests).end();
    };
    json.begin_object().text_or_null("session_id", facts.session_id);
    write("session", facts.session);
    write("today", facts.today);
    json.begin_array("limits");
    for (const auto& limit : choose_limits(facts)) {
        json.begin_object().text("provider", limit.provider).text("window", limit.name);
        json.real_or_null("used_fraction", limit.used_fraction);
        limit.resets_at ? json.text("resets_at", to_iso8601(*limit.resets_at))
                        : json.null("resets_at");
        json.end();
    }
    json.end().end();
    return json.finish();
}

}  // namespace halton::roles
