// The texts of a report: for people, as JSON, as CSV; and the reading of its period. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "store/reports.h"

namespace halton::roles {

enum class ReportGroup { both, project, model, provider };

struct ReportStyle {
    ReportGroup group = ReportGroup::both;
    int width = 0;             // of the terminal; 0 = unlimited
    bool has_unicode = false;  // arrows and check marks
};

struct ReportView {
    store::ReportQuery query;
    store::Report report;
    // The period of equal length before, where it was asked for.
    std::optional<store::Report> previous;
};

// "5m", "36h", "7d", "2w", or a bare number of days. Errors: malformed.
Result<std::chrono::seconds> parse_since(std::string_view text);

// "2026-11-21": midnight UTC. Errors: malformed.
Result<UtcTime> parse_date(std::string_view text);

std::string to_report_text(const ReportView& view, const ReportStyle& style);
std::string to_report_json(const ReportView& view, ReportGroup group);
std::string to_report_csv(const ReportView& view, ReportGroup group);

}  // namespace halton::roles
