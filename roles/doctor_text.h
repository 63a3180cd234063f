// What `doctor` prints: for people, and as JSON. Pure.
#pragma once

#include <string>
#include <vector>

#include "setup/tools.h"
#include "setup/verdict.h"

namespace halton::roles {

struct DoctorReport {
    std::string version;
    std::string platform;                  // "linux", "macos"
    std::string mode;                      // "none", "env-only", ...
    setup::Diagnosis diagnosis;            // tools have rows too, see to_tool_rows()
    std::vector<setup::ToolReport> tools;  // and this shell, and settings of tools
    std::vector<std::string> warnings;     // about the config
};

struct DoctorStyle {
    bool has_colour = false;
    bool has_unicode = false;
};

// One row for each report, with its worst finding: how tools move the verdict.
std::vector<setup::DiagnosisRow> to_tool_rows(const std::vector<setup::ToolReport>& tools);

std::string to_doctor_text(const DoctorReport& report, const DoctorStyle& style);
std::string to_doctor_json(const DoctorReport& report);

}  // namespace halton::roles
