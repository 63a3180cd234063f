#include "roles/top_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "roles/call_text.h"
#include "roles/count_text.h"
#include "roles/local_time.h"

namespace halton::roles {
namespace {

// Bytes are characters here, but for what to_safe_text lets through of names.
std::string cut(const std::string& line, int columns) {
    return to_safe_text(line, static_cast<std::size_t>(std::max(columns, 1)));
}

std::string to_today(const TopFacts& facts, int columns) {
    if (!facts.today) return "no call has been metered yet; next: halton-meter run -- <your tool>";
    const auto& sums = *facts.today;
    std::string text = fmt::format("today  {} in {}", to_dollar_text(sums.cost),
                                   counted(sums.requests - sums.plan_requests, "call"));
    // What no longer fits is left out, rather than cut.
    const auto add = [&](const std::string& part) {
        if (text.size() + part.size() + 3 <= static_cast<std::size_t>(std::max(columns, 0)))
            text += "   " + part;
    };
    if (sums.plan_requests > 0)
        add(fmt::format("plan {} in {}", to_dollar_text(sums.plan_cost),
                        counted(sums.plan_requests, "call")));
    if (sums.error_requests > 0) add(fmt::format("{} failed", sums.error_requests));
    if (sums.unpriced_requests > 0) add(fmt::format("{} without a price", sums.unpriced_requests));
    return text;
}

std::string to_limits(const TopFacts& facts) {
    std::string text;
    for (const auto& limit : facts.limits) {
        if (!limit.used_fraction || (limit.resets_at && *limit.resets_at <= facts.now)) continue;
        constexpr int bar = 10;
        const auto full =
            std::clamp(static_cast<int>(std::lround(*limit.used_fraction * bar)), 0, bar);
        text += fmt::format("{}{} [{}{}] {}%", text.empty() ? "limits " : "   ",
                            to_safe_text(limit.name, 24),
                            std::string(static_cast<std::size_t>(full), '#'),
                            std::string(static_cast<std::size_t>(bar - full), '-'),
                            std::llround(*limit.used_fraction * 100));
    }
    return text;
}

std::string to_projects(const TopFacts& facts) {
    constexpr std::size_t shown_max = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(facts.projects.size(), shown_max); ++i) {
        const auto& row = facts.projects[i];
        text += fmt::format("{}{} {}", text.empty() ? "spent by  " : "   ",
                            to_safe_text(row.project, 30),
                            row.sums.plan_requests == row.sums.requests
                                ? to_dollar_text(row.sums.plan_cost) + " (plan)"
                                : to_dollar_text(row.sums.cost));
    }
    return text;
}

}  // namespace

std::optional<std::int64_t> read_running_calls(std::string_view json) {
    JsonParser parser;
    const auto parsed = parser.parse(json);
    return parsed ? (*parsed)["running_calls"].as_integer() : std::nullopt;
}

TopScreen to_top_screen(const TopFacts& facts, int columns, int rows, std::size_t scroll) {
    TopScreen screen;
    auto& lines = screen.lines;
    const auto clock = to_local_text(facts.now, facts.zone).substr(11);
    std::string daemon = "daemon down: halton-meter start";
    if (facts.has_daemon) daemon = "metering";
    if (facts.has_daemon && facts.running)
        daemon += fmt::format(", {} running", counted(*facts.running, "call"));
    lines.push_back(fmt::format("halton-meter  {} {}   {}", clock, facts.zone_name, daemon));
    lines.push_back(to_today(facts, columns));
    if (auto text = to_limits(facts); !text.empty()) lines.push_back(std::move(text));
    if (auto text = to_projects(facts); !text.empty()) lines.push_back(std::move(text));
    if (!facts.trouble.empty()) lines.push_back("cannot read: " + facts.trouble);
    lines.emplace_back();
    for (auto& line : lines) line = cut(line, columns);
    lines.push_back(call_line_heading(columns));
    const auto used = lines.size() + 1;  // with the foot
    screen.page_rows = rows > static_cast<int>(used) ? static_cast<std::size_t>(rows) - used : 1;
    const auto most = facts.calls.size() > screen.page_rows ? facts.calls.size() - screen.page_rows
                                                            : std::size_t{0};
    screen.scroll = std::min(scroll, most);
    // The newest first.
    for (std::size_t i = 0; i < screen.page_rows; ++i) {
        const auto back = screen.scroll + i;
        if (back >= facts.calls.size()) break;
        lines.push_back(
            to_call_line(facts.calls[facts.calls.size() - 1 - back], facts.zone, columns));
    }
    while (lines.size() + 1 < static_cast<std::size_t>(std::max(rows, 1))) lines.emplace_back();
    if (lines.size() + 1 > static_cast<std::size_t>(std::max(rows, 1)))
        lines.resize(static_cast<std::size_t>(std::max(rows, 1)) - 1);
    lines.push_back(
        cut(screen.scroll > 0
                ? fmt::format("q quit   arrows scroll   g newest   ({} newer)", screen.scroll)
                : "q quit   arrows scroll",
            columns));
    return screen;
}

}  // namespace halton::roles
