#include "roles/whoami_text.h"

#include <string_view>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

constexpr std::size_t shown_bytes_max = 200;

std::string shown(std::string_view text) {
    return text.empty() ? "unknown" : to_safe_text(text, shown_bytes_max);
}

// Why nothing can be said, and what becomes of such calls.
std::string explain_absence(const WhoamiView& view) {
    if (view.process.error().kind == ErrorKind::permission)
        return fmt::format(
            "{}, and is not looked into. Its calls pass through unread and leave no row.",
            view.process.error().context);
    return fmt::format(
        "there is no process {}. A client is looked up when it connects: what it had connected "
        "before it ended has its project.",
        view.pid);
}

}  // namespace

std::string to_whoami_text(const WhoamiView& view, int width) {
    if (!view.process) return explain_absence(view) + "\n";
    const auto& process = *view.process;
    std::string text = fmt::format("process {} ({})\n", view.pid, shown(process.executable));
    text += fmt::format("  working directory: {}\n", shown(process.working_directory));
    if (!process.files.git_branch.empty())
        text += fmt::format("  git branch: {}\n", shown(process.files.git_branch));
    text += "\n";
    const std::vector<Column> columns{{"", false, 0},
                                      {"tier", false, 1},
                                      {"layer", false, 0},
                                      {"project", false, 0, true},
                                      {"why", false, 0, true}};
    std::vector<std::vector<std::string>> rows;
    bool has_winner = false;
    for (const auto& answer : view.answers) {
        const bool wins = answer.slug && !has_winner;
        has_winner = has_winner || wins;
        rows.push_back({wins ? ">" : "", std::string(answer.tier), std::string(answer.layer),
                        answer.slug.value_or("-"), answer.reason});
    }
    text += render_table(columns, std::move(rows), width);
    text +=
        fmt::format("\nproject {}, by {}\n", view.attribution.project_slug, view.attribution.layer);
    if (view.current_slug != view.attribution.project_slug)
        text += fmt::format("That is an old name: its calls are recorded under {}.\n",
                            view.current_slug);
    return text;
}

std::string to_whoami_json(const WhoamiView& view) {
    JsonWriter json;
    json.begin_object().number("pid", view.pid);
    if (!view.process) {
        const bool is_other = view.process.error().kind == ErrorKind::permission;
        json.text("state", is_other ? "other_user" : "not_found");
        json.null("project").null("winning_layer").text("reason", explain_absence(view));
        json.begin_array("layers").end();
        json.end();
        return json.finish();
    }
    const auto& process = *view.process;
    const auto text_or_null = [&](std::string_view key, std::string_view value) {
        if (value.empty())
            json.null(key);
        else
            json.text(key, to_safe_text(value, 4096));
    };
    json.text("state", "found");
    json.text("project", view.current_slug);
    json.text("winning_layer", view.attribution.layer);
    text_or_null("attributed_slug", view.attribution.project_slug);
    text_or_null("project_folder", view.attribution.folder);
    text_or_null("program", process.executable);
    text_or_null("working_directory", process.working_directory);
    text_or_null("git_branch", view.attribution.git_branch);
    json.begin_array("layers");
    for (const auto& answer : view.answers) {
        json.begin_object().text("tier", answer.tier).text("layer", answer.layer);
        json.text_or_null("project", answer.slug).text("reason", answer.reason).end();
    }
    json.end().end();
    return json.finish();
}

}  // namespace halton::roles
