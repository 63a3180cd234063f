// What an import has found and done. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "meter/transcript.h"
#include "store/import.h"

namespace halton::roles {

struct ImportFiles {
    std::int64_t files = 0;
    std::int64_t unreadable = 0;
    std::int64_t malformed_lines = 0;
    std::int64_t long_lines = 0;  // beyond transcript_line_bytes_max, left out
};

std::string to_import_text(meter::TranscriptKind kind, const ImportFiles& files,
                           const store::ImportCounts& counts, bool is_dry);
std::string to_import_json(meter::TranscriptKind kind, const ImportFiles& files,
                           const store::ImportCounts& counts, bool is_dry);

}  // namespace halton::roles
