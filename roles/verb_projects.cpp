// `projects`: list, rename, merge, archive, settings. Works on the database, beside a running
// daemon or without one.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/project_text.h"
#include "roles/verbs.h"
#include "store/projects.h"

namespace halton::roles {
namespace {

constexpr const char* usage =
    "Shows and changes the projects that calls are booked to.\n"
    "Usage:\n"
    "  halton-meter projects list [--all]          what there is, and what it cost\n"
    "  halton-meter projects rename OLD NEW        new calls of the old name land in the new one\n"
    "  halton-meter projects merge FROM INTO       one of two; cannot be undone\n"
    "  halton-meter projects archive NAME          out of the lists; --undo shows it again\n"
    "  halton-meter projects settings NAME [...]   its name and switches\n"
    "Each of them knows --help and --json.\n";

int report_failure(const Error& error) {
    const bool is_first = error.kind == ErrorKind::not_found &&
                          error.context.find("no database") != std::string::npos;
    if (is_first)
        return roles::report_failure("no call has been metered yet", "run -- <your tool>");
    return roles::report_failure(error.context, "projects list");
}

// The parts that all of them have.
struct Asked {
    std::filesystem::path database;
    cxxopts::ParseResult flags;
    bool is_json = false;
};

// Parses; an exit code when that was all. `words` are the names that must be there.
std::optional<int> ask(cxxopts::Options& options, int argc, char** argv,
                       const std::vector<std::string>& words, Asked& asked) {
    options.add_options()("json", "as one JSON object")("h,help", "print this help");
    for (const auto& word : words)
        options.add_options()(word, "", cxxopts::value<std::string>(), "NAME");
    options.parse_positional(words);
    std::string shown;
    for (const auto& word : words) shown += (shown.empty() ? "" : " ") + word;
    options.positional_help(shown);
    if (const auto done = parse_flags(options, argc, argv, &asked.flags)) return done;
    for (const auto& word : words)
        if (asked.flags.count(word) == 0)
            return report_usage_error(options.program().c_str(),
                                      fmt::format("{} is missing", word).c_str());
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error());
    asked.database = home->database_file();
    asked.is_json = asked.flags.count("json") > 0;
    return std::nullopt;
}

// The project as it is now.
int print_project(const Asked& asked, const std::string& slug) {
    const auto current = store::find_current_slug(asked.database, slug);
    const auto projects = store::read_projects(asked.database);
    if (!projects) return report_failure(projects.error());
    const auto found =
        std::find_if(projects->begin(), projects->end(),
                     [&](const store::ProjectRow& project) { return project.slug == current; });
    if (found == projects->end())
        return roles::report_failure(fmt::format("no project '{}'", to_safe_text(slug, 128)),
                                     "projects list");
    fmt::print("{}", asked.is_json ? to_project_json(*found) : to_project_text(*found));
    return exit_done;
}

int run_list(int argc, char** argv) {
    cxxopts::Options options("halton-meter projects list", "Projects, and what they cost.\n");
    options.add_options()("all", "archived ones too");
    Asked asked;
    if (const auto done = ask(options, argc, argv, {}, asked)) return *done;
    auto projects = store::read_projects(asked.database);
    if (!projects && projects.error().kind == ErrorKind::not_found)
        projects = std::vector<store::ProjectRow>{};
    if (!projects) return report_failure(projects.error());
    const bool has_archived = asked.flags.count("all") > 0;
    fmt::print("{}", asked.is_json
                         ? to_projects_json(*projects, has_archived)
                         : to_projects_text(*projects, has_archived, platform::terminal_columns()));
    return exit_done;
}

int run_rename(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter projects rename",
        "Gives a project another name. Its history comes along, and calls that are attributed to\n"
        "the old name land in it.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, {"old", "new"}, asked)) return *done;
    const auto to = asked.flags["new"].as<std::string>();
    const auto renamed =
        store::rename_project(asked.database, asked.flags["old"].as<std::string>(), to);
    if (!renamed) return report_failure(renamed.error());
    return print_project(asked, to_lower(trim(to)));
}

int run_merge(int argc, char** argv) {
    cxxopts::Options options("halton-meter projects merge",
                             "Makes one project of two: all calls of FROM, old and new, are calls "
                             "of INTO. It cannot be\n"
                             "undone.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, {"from", "into"}, asked)) return *done;
    const auto from = asked.flags["from"].as<std::string>();
    const auto into = asked.flags["into"].as<std::string>();
    const auto moved = store::merge_projects(asked.database, from, into);
    if (!moved) return report_failure(moved.error());
    if (!asked.is_json)
        fmt::print("{} call{} moved from {} to {}\n", *moved, *moved == 1 ? "" : "s",
                   to_safe_text(from, 128), to_safe_text(into, 128));
    return print_project(asked, into);
}

int run_archive(int argc, char** argv) {
    cxxopts::Options options("halton-meter projects archive",
                             "Takes a project out of the lists. Reports count it as before, and so "
                             "are its new calls.\n");
    options.add_options()("undo", "show it again");
    Asked asked;
    if (const auto done = ask(options, argc, argv, {"name"}, asked)) return *done;
    const auto slug = asked.flags["name"].as<std::string>();
    const auto archived =
        store::archive_project(asked.database, slug, asked.flags.count("undo") == 0);
    if (!archived) return report_failure(archived.error());
    return print_project(asked, slug);
}

int run_settings(int argc, char** argv) {
    constexpr const char* name = "halton-meter projects settings";
    cxxopts::Options options(name, "Shows the settings of a project, or changes them.\n");
    options.add_options()("title", "the name that is shown beside the slug",
                          cxxopts::value<std::string>(),
                          "TEXT")("body-capture", "on, off, or default: as everywhere",
                                  cxxopts::value<std::string>(), "WORD");
    Asked asked;
    if (const auto done = ask(options, argc, argv, {"name"}, asked)) return *done;
    const auto slug = asked.flags["name"].as<std::string>();
    store::ProjectChange change;
    if (asked.flags.count("title") > 0) change.name = asked.flags["title"].as<std::string>();
    if (asked.flags.count("body-capture") > 0) {
        const auto word = asked.flags["body-capture"].as<std::string>();
        if (word == "on")
            change.body_capture.emplace(true);
        else if (word == "off")
            change.body_capture.emplace(false);
        else if (word == "default")
            change.body_capture.emplace(std::nullopt);
        else
            return report_usage_error(name, "--body-capture wants on, off or default");
    }
    if (change.name || change.body_capture) {
        const auto changed = store::change_project(asked.database, slug, change);
        if (!changed) return report_failure(changed.error());
    }
    return print_project(asked, slug);
}

constexpr std::array<InnerVerb, 5> inner_verbs{{
    {"list", run_list},
    {"rename", run_rename},
    {"merge", run_merge},
    {"archive", run_archive},
    {"settings", run_settings},
}};

}  // namespace

int run_projects(int argc, char** argv) {
    return run_inner_verb("halton-meter projects", inner_verbs, "list", usage, argc, argv);
}

}  // namespace halton::roles
