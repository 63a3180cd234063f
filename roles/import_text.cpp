#include "roles/import_text.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "roles/count_text.h"

namespace halton::roles {

std::string to_import_text(meter::TranscriptKind kind, const ImportFiles& files,
                           const store::ImportCounts& counts, bool is_dry) {
    std::string text = fmt::format("{} of {}: {}\n", counted(files.files, "transcript"),
                                   name_of(kind), counted(counts.calls, "call"));
    const auto line = [&](std::int64_t count, std::string_view what) {
        if (count > 0) text += fmt::format("  {:>9}  {}\n", with_separators(count), what);
    };
    line(counts.metered, "were metered when they happened");
    line(counts.imported, "were imported before");
    line(counts.fresh, "are of the last two minutes: import again later, or with --recent");
    line(counts.added, is_dry ? "are missing, and would be imported"
                              : "were missing and are imported, marked source=import");
    if (counts.added > 0) {
        text += fmt::format("  Their cost: {}", to_dollar_text(counts.cost));
        if (counts.plan_cost.value > 0)
            text += fmt::format(", and {} of plan use", to_dollar_text(counts.plan_cost));
        text += '\n';
    }
    line(counts.unpriced, "of them without a known price");
    line(counts.incomplete, "of them without their last counts (their tokens are partial)");
    line(counts.plan_unknown,
         "of them taken as paid by use, as nothing says otherwise: --billing plan if you have a "
         "subscription");
    line(counts.repeated, "stand in more than one transcript and count once");
    line(files.malformed_lines, "lines make no sense and are left out");
    line(files.long_lines, "lines are too long and are left out");
    line(files.unreadable, "files cannot be read");
    if (is_dry && counts.added > 0)
        text += fmt::format("Nothing was written. To write it: halton-meter import {}\n",
                            name_of(kind));
    return text;
}

std::string to_import_json(meter::TranscriptKind kind, const ImportFiles& files,
                           const store::ImportCounts& counts, bool is_dry) {
    JsonWriter json;
    json.begin_object().text("tool", name_of(kind)).flag("dry_run", is_dry);
    json.number("files", files.files).number("unreadable_files", files.unreadable);
    json.number("malformed_lines", files.malformed_lines).number("long_lines", files.long_lines);
    json.number("calls", counts.calls).number("metered", counts.metered);
    json.number("imported_before", counts.imported).number("repeated", counts.repeated);
    json.number("fresh", counts.fresh).number("added", counts.added);
    json.number("unpriced", counts.unpriced).number("incomplete", counts.incomplete);
    json.number("plan_unknown", counts.plan_unknown);
    json.number("cost_nanousd", counts.cost.value);
    json.number("plan_cost_nanousd", counts.plan_cost.value).end();
    return json.finish();
}

}  // namespace halton::roles
