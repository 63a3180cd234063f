#include "roles/doctor_text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"

namespace halton::roles {
namespace {

using setup::DiagnosisRow;
using setup::Finding;
using setup::Health;

constexpr std::size_t detail_bytes_max = 400;

std::string_view to_text(Health health) {
    switch (health) {
        case Health::good: return "good";
        case Health::off: return "off";
        case Health::unknown: return "unknown";
        case Health::odd: return "odd";
        case Health::broken: return "broken";
    }
    return "unknown";
}

// Tools are told in a part of their own.
bool is_tool(const DiagnosisRow& row) { return row.id.starts_with("tool:"); }

class Writer {
public:
    explicit Writer(const DoctorStyle& style) : style_(style) {}

    std::string mark(Health health) const {
        switch (health) {
            case Health::good: return paint(32, style_.has_unicode ? "✓" : "ok");
            case Health::off: return style_.has_unicode ? "·" : "- ";
            case Health::unknown: return style_.has_unicode ? "?" : "? ";
            case Health::odd: return paint(33, style_.has_unicode ? "!" : "! ");
            case Health::broken: return paint(31, style_.has_unicode ? "✗" : "x ");
        }
        return {};
    }
    std::string paint(int colour, std::string_view text) const {
        return style_.has_colour ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text)
                                 : std::string(text);
    }
    void line(std::string_view text) {
        text_ += text;
        text_ += '\n';
    }
    void command(std::string_view action) {
        if (!action.empty()) line(fmt::format("       $ {}", to_safe_text(action, 500)));
    }
    std::string finish() { return std::move(text_); }

private:
    const DoctorStyle& style_;
    std::string text_;
};

std::string to_line(std::string_view title, const Finding& finding) {
    auto text = fmt::format("{:<20} {}", title, to_safe_text(finding.detail, detail_bytes_max));
    if (!finding.code.empty() && finding.health != Health::good)
        text += fmt::format(" [{}]", finding.code);
    return text;
}

std::string to_name(const setup::ToolReport& tool) {
    auto name = tool.title;
    if (tool.pid != 0) name += fmt::format(" (pid {}", tool.pid);
    if (tool.pid != 0 && tool.more_count > 0) name += fmt::format(" and {} more", tool.more_count);
    return tool.pid != 0 ? name + ")" : name;
}

int count_faults(const setup::Diagnosis& diagnosis) {
    return static_cast<int>(
        std::count_if(diagnosis.rows.begin(), diagnosis.rows.end(), [](const DiagnosisRow& row) {
            return setup::is_fault(row.finding) && row.caused_by.empty();
        }));
}

std::string to_verdict_line(const DoctorReport& report, const Writer& writer) {
    const auto verdict = report.diagnosis.verdict;
    const int colour = verdict == setup::Verdict::healthy  ? 32
                       : verdict == setup::Verdict::broken ? 31
                                                           : 33;
    auto line = writer.paint(colour, setup::to_text(verdict));
    const int faults = count_faults(report.diagnosis);
    if (faults > 0) {
        const auto* first = setup::in_telling_order(report.diagnosis).front();
        line += fmt::format(": {}", to_safe_text(first->finding.detail, detail_bytes_max));
        if (faults > 1) line += fmt::format(" (and {} more)", faults - 1);
    }
    return line;
}

void write_finding(JsonWriter& json, const Finding& finding) {
    json.text("health", to_text(finding.health)).flag("ok", !setup::is_fault(finding));
    json.text("code", finding.code).text("detail", finding.detail).text("action", finding.action);
}

}  // namespace

std::vector<DiagnosisRow> to_tool_rows(const std::vector<setup::ToolReport>& tools) {
    std::vector<DiagnosisRow> rows;
    for (const auto& tool : tools) {
        DiagnosisRow row{fmt::format("tool:{}:{}", tool.name, tool.pid),
                         to_name(tool),
                         "edge edge-unit edge-agent",
                         {},
                         {}};
        for (const auto& finding : tool.findings)
            if (setup::is_fault(finding) && finding.health > row.finding.health)
                row.finding = finding;
        rows.push_back(std::move(row));
    }
    return rows;
}

std::string to_doctor_text(const DoctorReport& report, const DoctorStyle& style) {
    Writer writer(style);
    writer.line(to_verdict_line(report, writer));
    writer.line(fmt::format("halton-meter {}, {}, mode {}\n", report.version, report.platform,
                            report.mode));
    for (const auto* row : setup::in_telling_order(report.diagnosis)) {
        if (is_tool(*row)) continue;
        const bool is_consequence = !row->caused_by.empty();
        writer.line(fmt::format(
            "{}{} {}", is_consequence ? "     " : "  ",
            is_consequence ? (style.has_unicode ? "└" : "`-") : writer.mark(row->finding.health),
            to_line(row->title, row->finding)));
        // What a root cause brings with it is repaired with it.
        if (setup::is_fault(row->finding) && !is_consequence) writer.command(row->finding.action);
    }
    bool is_headed = false;
    for (const auto& tool : report.tools) {
        if (tool.findings.empty() && tool.pid == 0) continue;
        if (!std::exchange(is_headed, true)) writer.line("\nTools:");
        if (tool.findings.empty())
            writer.line(
                fmt::format("  {} {} comes through us", writer.mark(Health::good), to_name(tool)));
        for (const auto& finding : tool.findings) {
            writer.line(fmt::format("  {} {}: {} [{}]", writer.mark(finding.health), to_name(tool),
                                    to_safe_text(finding.detail, detail_bytes_max), finding.code));
            if (setup::is_fault(finding)) writer.command(finding.action);
        }
        if (tool.pid != 0 &&
            std::any_of(tool.findings.begin(), tool.findings.end(), setup::is_fault))
            writer.line("       restart this tool: it keeps the variables it was started with");
    }
    if (!report.warnings.empty()) writer.line("");
    for (const auto& warning : report.warnings)
        writer.line(fmt::format("config: {}", to_safe_text(warning, detail_bytes_max)));
    return writer.finish();
}

std::string to_doctor_json(const DoctorReport& report) {
    JsonWriter json;
    json.begin_object();
    json.text("verdict", setup::to_text(report.diagnosis.verdict));
    json.text("platform", report.platform).text("version", report.version);
    json.text("install_mode", report.mode);
    json.begin_array("layers");
    for (const auto& row : report.diagnosis.rows) {
        if (is_tool(row)) continue;
        json.begin_object().text("id", row.id).text("title", row.title);
        write_finding(json, row.finding);
        row.caused_by.empty() ? json.null("caused_by") : json.text("caused_by", row.caused_by);
        json.end();
    }
    json.end();
    json.begin_array("tools");
    for (const auto& tool : report.tools) {
        json.begin_object().text("name", tool.name).text("title", tool.title);
        tool.pid != 0 ? json.number("pid", tool.pid) : json.null("pid");
        json.number("more", tool.more_count);
        json.begin_array("findings");
        for (const auto& finding : tool.findings) {
            json.begin_object();
            write_finding(json, finding);
            json.end();
        }
        json.end().end();
    }
    json.end();
    json.begin_array("warnings");
    for (const auto& warning : report.warnings) json.text({}, warning);
    json.end().end();
    return json.finish();
}

}  // namespace halton::roles
