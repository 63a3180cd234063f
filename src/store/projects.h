// Projects as people manage them: names, old names, archive, settings. Changes are made in
// transactions beside the daemon's writer, which learns of them with its next row.
// Fails: not_found (no database, or no such project), unsupported (an older schema: start the
// daemon once), malformed (no slug), permission (what would take away somebody's name), busy (the
// lock is held for seconds), io.
// Blocking. Thread: any; each call has its own connection. Limits: merge_rows_per_transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "store/reader.h"

namespace halton::store {

struct ProjectRow {
    std::string slug;
    std::string name;
    std::string folder;  // empty: none is known
    std::string created_at;
    std::string archived_at;             // empty: in use
    std::vector<std::string> old_slugs;  // whose calls land here
    std::int64_t requests = 0;
    NanoUsd cost;                      // metered, of the rows with a cost
    std::string last_request_at;       // empty: none
    std::optional<bool> body_capture;  // nothing: as everywhere
};

// By slug; archived ones too. An older file has none.
Result<std::vector<ProjectRow>> read_projects(const std::filesystem::path& database);

// What is known of a project besides its calls: no look at any of them.
struct ProjectSettings {
    std::string slug;
    std::string name;
    std::string folder;                  // empty: none is known
    std::vector<std::string> old_slugs;  // whose calls land here
    std::optional<bool> body_capture;    // nothing: as everywhere
};
// By slug; archived ones too. Errors: as Reader.
Result<std::vector<ProjectSettings>> read_project_settings(Reader& reader);

// The slug under which calls of `slug` are recorded: itself, unless it is an old one. Also for
// slugs that nobody has used yet, and without a database.
std::string find_current_slug(const std::filesystem::path& database, const std::string& slug);

// The folders that slugs are known by, old names included; at most `count_max`.
Result<std::vector<std::pair<std::string, std::string>>> read_project_folders(
    const std::filesystem::path& database, std::size_t count_max);

// `actor`, here and below: who is named in the audit.
// The project's rows stay its own, and calls that are attributed to the old slug land in it. A
// name that is the slug follows it.
Result<void> rename_project(const std::filesystem::path& database, const std::string& slug,
                            const std::string& new_slug, std::string_view actor = "cli");

// All rows of `from` become rows of `into`, and so do new calls of its slug and of its old ones.
// Its own name and settings are gone. In steps: interrupted, it goes on when it is asked again.
// Gives how many rows were moved.
Result<std::int64_t> merge_projects(const std::filesystem::path& database, const std::string& from,
                                    const std::string& into);

// Hides a project from lists, or shows it again. Its calls go on being recorded.
Result<void> archive_project(const std::filesystem::path& database, const std::string& slug,
                             bool is_archived, std::string_view actor = "cli");

struct ProjectChange {
    std::optional<std::string> name;                  // as shown
    std::optional<std::optional<bool>> body_capture;  // inner nothing: as everywhere
};

Result<void> change_project(const std::filesystem::path& database, const std::string& slug,
                            const ProjectChange& change, std::string_view actor = "cli");

}  // namespace halton::store
