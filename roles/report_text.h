// The texts of a report: for people, as JSON, as CSV; and the reading of its period. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/usage.h"

namespace halton::roles {

// What a table of a report is by.
enum class ReportGroup {
    project,
    model,
    provider,
    tool,
    day,
    week,
    month,
    session,
    branch,
    error,
};
std::string_view name_of(ReportGroup group);
std::optional<ReportGroup> parse_report_group(std::string_view name);
// "project|model|...": for the help of a flag.
std::string report_group_choices();

struct ReportStyle {
    int width = 0;             // of the terminal; 0 = unlimited
    bool has_unicode = false;  // arrows and check marks
};

// The sums of one group, and what cannot be added up.
struct ReportLine {
    std::string name;
    std::string
        detail;  // a model's provider, a session's tool, a branch's project, an error's code
    store::UsageSums sums;
    std::optional<double> p95_latency_ms;  // nearest rank
    std::string last_at;                   // of a session; empty: not asked for

    bool is_unknown_cost() const;
};

struct ReportTable {
    ReportGroup group = ReportGroup::project;
    std::vector<ReportLine> lines;
    std::vector<ReportLine> previous;
};

struct ReportView {
    UtcTime from;
    UtcTime to;  // exclusive
    store::DayZone zone;
    std::string zone_name;
    std::optional<std::string> project;
    ReportLine totals;
    std::int64_t project_count = 0;
    std::int64_t model_count = 0;
    // The period of equal length before, where it was asked for.
    std::optional<ReportLine> previous_totals;
    std::vector<ReportTable> tables;
    // Models with calls that have no price, or partial counts: "name", count.
    std::vector<std::pair<std::string, std::int64_t>> unpriced;
    std::vector<std::pair<std::string, std::int64_t>> incomplete;
    bool has_percentiles = true;  // false: too many rows for them
};

// "5m", "36h", "7d", "2w", or a bare number of days. Errors: malformed.
Result<std::chrono::seconds> parse_since(std::string_view text);

// "2026-11-21": midnight UTC. Errors: malformed.
Result<UtcTime> parse_date(std::string_view text);

std::string to_report_text(const ReportView& view, const ReportStyle& style);
std::string to_report_json(const ReportView& view);
std::string to_report_csv(const ReportView& view);

}  // namespace halton::roles
