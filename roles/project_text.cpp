#include "roles/project_text.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

constexpr std::size_t shown_bytes_max = 200;

std::string shown(const std::string& text) { return to_safe_text(text, shown_bytes_max); }

std::string or_dash(const std::string& text) { return text.empty() ? "-" : shown(text); }

// "2026-11-21T01:02:03.456Z" to the minute, as people read it.
std::string to_minute(const std::string& time) {
    if (time.size() < 16) return "-";
    auto text = shown(time.substr(0, 16));
    if (text[10] == 'T') text[10] = ' ';
    return text;
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + shown(word);
    return text;
}

void write_project(JsonWriter& json, const store::ProjectRow& project) {
    const auto text_or_null = [&](std::string_view key, const std::string& value) {
        if (value.empty())
            json.null(key);
        else
            json.text(key, shown(value));
    };
    json.begin_object();
    json.text("slug", shown(project.slug)).text("name", shown(project.name));
    text_or_null("folder", project.folder);
    json.begin_array("old_slugs");
    for (const auto& slug : project.old_slugs) json.text({}, shown(slug));
    json.end();
    json.number("requests", project.requests).number("cost_nanousd", project.cost.value);
    text_or_null("last_request_at", project.last_request_at);
    text_or_null("created_at", project.created_at);
    text_or_null("archived_at", project.archived_at);
    json.begin_object("settings");
    if (project.body_capture)
        json.flag("body_capture", *project.body_capture);
    else
        json.null("body_capture");
    json.end().end();
}

}  // namespace

std::string to_projects_text(const std::vector<store::ProjectRow>& projects, bool has_archived,
                             int width) {
    std::vector<std::vector<std::string>> rows;
    std::size_t hidden_count = 0;
    for (const auto& project : projects) {
        const bool is_archived = !project.archived_at.empty();
        if (is_archived && !has_archived) {
            ++hidden_count;
            continue;
        }
        auto slug = shown(project.slug);
        if (project.name != project.slug) slug += fmt::format(" ({})", shown(project.name));
        if (is_archived) slug += " [archived]";
        rows.push_back({std::move(slug), fmt::format("{}", project.requests),
                        to_dollar_text(project.cost), to_minute(project.last_request_at),
                        or_dash(project.folder), or_dash(join(project.old_slugs))});
    }
    std::string text;
    if (rows.empty())
        text = "No project yet: the first metered call makes one.\n";
    else
        text = render_table({{"project", false, 0, true},
                             {"requests", true, 0},
                             {"cost", true, 0},
                             {"last call (UTC)", false, 2},
                             {"folder", false, 3, true},
                             {"old names", false, 4, true}},
                            std::move(rows), width);
    if (hidden_count > 0)
        text += fmt::format("\n{} archived; to see them: halton-meter projects list --all\n",
                            hidden_count);
    return text;
}

std::string to_projects_json(const std::vector<store::ProjectRow>& projects, bool has_archived) {
    JsonWriter json;
    json.begin_object().begin_array("projects");
    for (const auto& project : projects)
        if (has_archived || project.archived_at.empty()) write_project(json, project);
    json.end().end();
    return json.finish();
}

std::string to_project_text(const store::ProjectRow& project) {
    std::string text = fmt::format("project {}\n", shown(project.slug));
    text += fmt::format("  name: {}\n", shown(project.name));
    text += fmt::format("  folder: {}\n", or_dash(project.folder));
    text += fmt::format("  old names: {}\n", or_dash(join(project.old_slugs)));
    text += fmt::format("  requests: {}, {}\n", project.requests, to_dollar_text(project.cost));
    text +=
        fmt::format("  archived: {}\n",
                    project.archived_at.empty() ? "no" : to_minute(project.archived_at) + " UTC");
    text += fmt::format("  body capture: {}\n", !project.body_capture   ? "as everywhere"
                                                : *project.body_capture ? "on"
                                                                        : "off");
    return text;
}

std::string to_project_json(const store::ProjectRow& project) {
    JsonWriter json;
    write_project(json, project);
    return json.finish();
}

}  // namespace halton::roles
