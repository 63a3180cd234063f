#include "store/projects.h"

#include <algorithm>
#include <map>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "config/slug.h"
#include "store/audit.h"
#include "store/schema.h"
#include "store/usage.h"
#include "store/with_database.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;

// The first schema that knows old names and folders.
constexpr int projects_schema_number = 3;

struct Found {
    std::int64_t id = 0;
    std::string slug;
    std::string name;
};

std::optional<Found> find_by_slug(SQLite::Database& database, const std::string& slug) {
    SQLite::Statement select(database, "SELECT id, slug, name FROM projects WHERE slug = ?");
    select.bind(1, slug);
    if (!select.executeStep()) return std::nullopt;
    return Found{select.getColumn(0).getInt64(), select.getColumn(1).getString(),
                 select.getColumn(2).getString()};
}

// By its slug or an old one of it.
Result<Found> find_project(SQLite::Database& database, const std::string& slug) {
    SQLite::Statement select(database,
                             "SELECT p.id, p.slug, p.name FROM project_aliases a "
                             "JOIN projects p ON p.id = a.project_id WHERE a.slug = ?");
    select.bind(1, slug);
    if (select.executeStep())
        return Found{select.getColumn(0).getInt64(), select.getColumn(1).getString(),
                     select.getColumn(2).getString()};
    if (auto found = find_by_slug(database, slug)) return *found;
    return fail(ErrorKind::not_found, fmt::format("no project '{}'", to_safe_text(slug, 128)));
}

Result<std::string> check_slug(const std::string& text) {
    if (auto slug = config::parse_slug(text)) return *slug;
    return fail(ErrorKind::malformed,
                fmt::format("'{}' is no slug: letters, digits and - _ : /, at most {} of them",
                            to_safe_text(text, 128), limits::slug_bytes_max));
}

void run(SQLite::Database& database, const char* sql, std::int64_t first, std::int64_t second = 0) {
    SQLite::Statement statement(database, sql);
    statement.bind(1, first);
    if (statement.getBindParameterCount() > 1) statement.bind(2, second);
    statement.exec();
}

void add_alias(SQLite::Database& database, const std::string& slug, std::int64_t project_id) {
    SQLite::Statement insert(database,
                             "INSERT INTO project_aliases (slug, project_id, created_at) "
                             "VALUES (?, ?, ?) ON CONFLICT (slug) DO UPDATE "
                             "SET project_id = excluded.project_id");
    insert.bind(1, slug);
    insert.bind(2, project_id);
    insert.bind(3, to_iso8601(system_clock().now_utc()));
    insert.exec();
}

void leave_trace(SQLite::Database& database, const char* event, std::int64_t project_id,
                 const std::string& from, const std::string& to, std::string_view actor) {
    SQLite::Statement insert(
        database,
        "INSERT INTO audit_events (occurred_at, event_type, actor, project_id, detail) "
        "VALUES (?, ?, ?, ?, ?)");
    insert.bind(1, to_iso8601(system_clock().now_utc()));
    insert.bind(2, event);
    insert.bind(3, std::string(actor));
    insert.bind(4, project_id);
    // Slugs hold nothing that JSON would have to escape.
    insert.bind(5, fmt::format("{{\"from\":\"{}\",\"to\":\"{}\"}}", from, to));
    insert.exec();
}

void leave_event(SQLite::Database& database, std::string_view type, const std::string& slug,
                 std::string_view actor) {
    AuditEvent event;
    event.type = type;
    event.actor = actor;
    event.project = slug;
    append_audit(database, event);
}

std::vector<std::string> split_words(const std::string& text) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        if (end > at) words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

// Rows of one project to another, until none is left. The daemon may add some meanwhile; the last
// transaction finds those and takes the project away in the same breath.
std::int64_t move_rows(SQLite::Database& database, const Found& from, const Found& into) {
    std::int64_t moved = 0;
    while (true) {
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement update(database,
                                 "UPDATE requests SET project_id = ?2 WHERE rowid IN "
                                 "(SELECT rowid FROM requests WHERE project_id = ?1 LIMIT ?3)");
        update.bind(1, from.id);
        update.bind(2, into.id);
        update.bind(3, limits::merge_rows_per_transaction);
        const auto count = std::int64_t{update.exec()};
        moved += count;
        if (count == limits::merge_rows_per_transaction) {
            transaction.commit();
            continue;
        }
        run(database, "UPDATE project_aliases SET project_id = ?2 WHERE project_id = ?1", from.id,
            into.id);
        run(database, "UPDATE audit_events SET project_id = ?2 WHERE project_id = ?1", from.id,
            into.id);
        run(database, "UPDATE policies SET project_id = ?2 WHERE project_id = ?1", from.id,
            into.id);
        run(database,
            "UPDATE projects SET folder = coalesce(folder, (SELECT folder FROM projects "
            "WHERE id = ?1)) WHERE id = ?2",
            from.id, into.id);
        run(database, "DELETE FROM projects WHERE id = ?1", from.id);
        leave_trace(database, "project.merge", into.id, from.slug, into.slug, "cli");
        transaction.commit();
        return moved;
    }
}

}  // namespace

Result<std::vector<ProjectSettings>> read_project_settings(Reader& reader) {
    return reader.read<std::vector<ProjectSettings>>(
        [](SQLite::Database& database) -> Result<std::vector<ProjectSettings>> {
            std::vector<ProjectSettings> rows;
            const int schema = read_schema_number(database);
            if (schema == 0) return rows;
            SQLite::Statement select(
                database,
                std::string("SELECT p.slug, p.name, (SELECT body_capture FROM project_settings s "
                            "WHERE s.project_id = p.id), ") +
                    (schema >= projects_schema_number
                         ? "p.folder, (SELECT group_concat(slug, ' ') FROM (SELECT slug FROM "
                           "project_aliases a WHERE a.project_id = p.id ORDER BY slug)) "
                         : "NULL, NULL ") +
                    "FROM projects p ORDER BY p.slug");
            while (select.executeStep()) {
                ProjectSettings row;
                row.slug = select.getColumn(0).getString();
                row.name = select.getColumn(1).getString();
                if (!select.getColumn(2).isNull())
                    row.body_capture = select.getColumn(2).getInt() != 0;
                row.folder = select.getColumn(3).getString();
                row.old_slugs = split_words(select.getColumn(4).getString());
                rows.push_back(std::move(row));
            }
            return rows;
        });
}

Result<std::vector<ProjectRow>> read_projects(const fs::path& file) {
    return with_database<std::vector<ProjectRow>>(
        file, Access::read, [](SQLite::Database& database) -> Result<std::vector<ProjectRow>> {
            std::vector<ProjectRow> rows;
            const int schema = read_schema_number(database);
            if (schema == 0) return rows;
            const bool is_new = schema >= projects_schema_number;
            // Both of one moment.
            SQLite::Transaction transaction(database);
            UsageQuery by_project;
            by_project.group_by = {UsageGroup::project};
            const auto usage = read_usage_rows(database, by_project);
            if (!usage) return fail(usage.error());
            std::map<std::string, UsageSums> sums;
            for (const auto& row : *usage) sums[row.project] = row.sums;
            SQLite::Statement select(
                database,
                std::string("SELECT p.slug, p.name, p.created_at, p.archived_at, "
                            "(SELECT max(requested_at) FROM requests r WHERE r.project_id = p.id), "
                            "(SELECT body_capture FROM project_settings s "
                            "WHERE s.project_id = p.id), ") +
                    (is_new ? "p.folder, (SELECT group_concat(slug, ' ') FROM (SELECT slug FROM "
                              "project_aliases a WHERE a.project_id = p.id ORDER BY slug)) "
                            : "NULL, NULL ") +
                    "FROM projects p ORDER BY p.slug");
            while (select.executeStep()) {
                ProjectRow row;
                row.slug = select.getColumn(0).getString();
                row.name = select.getColumn(1).getString();
                row.created_at = select.getColumn(2).getString();
                row.archived_at = select.getColumn(3).getString();
                row.requests = sums[row.slug].requests;
                row.cost = sums[row.slug].cost;
                row.last_request_at = select.getColumn(4).getString();
                if (!select.getColumn(5).isNull())
                    row.body_capture = select.getColumn(5).getInt() != 0;
                row.folder = select.getColumn(6).getString();
                row.old_slugs = split_words(select.getColumn(7).getString());
                rows.push_back(std::move(row));
            }
            return rows;
        });
}

std::string find_current_slug(const fs::path& file, const std::string& slug) {
    const auto found = with_database<std::string>(
        file, Access::read, [&](SQLite::Database& database) -> Result<std::string> {
            if (read_schema_number(database) < projects_schema_number) return slug;
            const auto project = find_project(database, slug);
            return project ? project->slug : slug;
        });
    return found ? *found : slug;
}

Result<std::vector<std::pair<std::string, std::string>>> read_project_folders(
    const fs::path& file, std::size_t count_max) {
    using Folders = std::vector<std::pair<std::string, std::string>>;
    return with_database<Folders>(
        file, Access::read, [count_max](SQLite::Database& database) -> Result<Folders> {
            Folders folders;
            if (read_schema_number(database) < projects_schema_number) return folders;
            SQLite::Statement select(
                database,
                "SELECT slug, folder FROM projects WHERE folder IS NOT NULL UNION ALL "
                "SELECT a.slug, p.folder FROM project_aliases a JOIN projects p "
                "ON p.id = a.project_id WHERE p.folder IS NOT NULL LIMIT ?");
            select.bind(1, static_cast<std::int64_t>(count_max));
            while (select.executeStep())
                folders.emplace_back(select.getColumn(0).getString(),
                                     select.getColumn(1).getString());
            return folders;
        });
}

Result<void> rename_project(const fs::path& file, const std::string& slug,
                            const std::string& new_text, std::string_view actor) {
    const auto new_slug = check_slug(new_text);
    if (!new_slug) return fail(new_slug.error());
    return with_database<void>(
        file, Access::write,
        [&](SQLite::Database& database) -> Result<void> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            const auto project = find_project(database, slug);
            if (!project) return fail(project.error());
            if (project->slug == *new_slug) return {};
            if (find_by_slug(database, *new_slug))
                return fail(ErrorKind::permission,
                            fmt::format("there is a project '{}' already; to make one of both: "
                                        "halton-meter projects merge {} {}",
                                        *new_slug, project->slug, *new_slug));
            // An old name of its own is free again; that of another project is not.
            const auto holder = find_project(database, *new_slug);
            if (holder && holder->id != project->id)
                return fail(
                    ErrorKind::permission,
                    fmt::format("'{}' is an old name of project '{}'", *new_slug, holder->slug));
            SQLite::Statement free(database, "DELETE FROM project_aliases WHERE slug = ?");
            free.bind(1, *new_slug);
            free.exec();
            SQLite::Statement update(
                database,
                "UPDATE projects SET slug = ?2, "
                "name = CASE WHEN name = slug THEN ?2 ELSE name END WHERE id = ?1");
            update.bind(1, project->id);
            update.bind(2, *new_slug);
            update.exec();
            add_alias(database, project->slug, project->id);
            leave_trace(database, "project.rename", project->id, project->slug, *new_slug, actor);
            transaction.commit();
            return {};
        },
        projects_schema_number);
}

Result<std::int64_t> merge_projects(const fs::path& file, const std::string& from_slug,
                                    const std::string& into_slug) {
    return with_database<std::int64_t>(
        file, Access::write,
        [&](SQLite::Database& database) -> Result<std::int64_t> {
            std::optional<Found> from;
            std::optional<Found> into;
            {
                SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
                // By its own slug first: an interrupted merge has made an old name of it already.
                from = find_by_slug(database, from_slug);
                if (!from) {
                    const auto found = find_project(database, from_slug);
                    if (!found) return fail(found.error());
                    from = *found;
                }
                const auto found = find_project(database, into_slug);
                if (!found) return fail(found.error());
                into = *found;
                if (from->id == into->id)
                    return fail(
                        ErrorKind::malformed,
                        fmt::format("'{}' and '{}' are one project already",
                                    to_safe_text(from_slug, 128), to_safe_text(into_slug, 128)));
                // From the next row on, new calls land in the other.
                add_alias(database, from->slug, into->id);
                transaction.commit();
            }
            return move_rows(database, *from, *into);
        },
        projects_schema_number);
}

Result<void> archive_project(const fs::path& file, const std::string& slug, bool is_archived,
                             std::string_view actor) {
    return with_database<void>(
        file, Access::write,
        [&](SQLite::Database& database) -> Result<void> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            const auto project = find_project(database, slug);
            if (!project) return fail(project.error());
            SQLite::Statement update(database,
                                     "UPDATE projects SET archived_at = ?2 WHERE id = ?1 "
                                     "AND (archived_at IS NULL) != (?2 IS NULL)");
            update.bind(1, project->id);
            is_archived ? update.bind(2, to_iso8601(system_clock().now_utc())) : update.bind(2);
            if (update.exec() > 0)
                leave_event(database,
                            is_archived ? audit::project_archived : audit::project_unarchived,
                            project->slug, actor);
            transaction.commit();
            return {};
        },
        projects_schema_number);
}

Result<void> change_project(const fs::path& file, const std::string& slug,
                            const ProjectChange& change, std::string_view actor) {
    return with_database<void>(
        file, Access::write,
        [&](SQLite::Database& database) -> Result<void> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            const auto project = find_project(database, slug);
            if (!project) return fail(project.error());
            if (change.name) {
                const auto name =
                    std::string(trim(to_safe_text(*change.name, limits::slug_bytes_max)));
                if (name.empty()) return fail(ErrorKind::malformed, "a name cannot be empty");
                SQLite::Statement update(database, "UPDATE projects SET name = ?2 WHERE id = ?1");
                update.bind(1, project->id);
                update.bind(2, name);
                update.exec();
            }
            if (change.body_capture) {
                SQLite::Statement upsert(
                    database,
                    "INSERT INTO project_settings (project_id, body_capture, updated_at) "
                    "VALUES (?1, ?2, ?3) ON CONFLICT (project_id) DO UPDATE "
                    "SET body_capture = excluded.body_capture, updated_at = excluded.updated_at");
                upsert.bind(1, project->id);
                const auto& value = *change.body_capture;
                value ? upsert.bind(2, int{*value}) : upsert.bind(2);
                upsert.bind(3, to_iso8601(system_clock().now_utc()));
                upsert.exec();
                leave_event(database,
                            value.value_or(false) ? audit::body_capture_enabled
                                                  : audit::body_capture_disabled,
                            project->slug, actor);
            }
            transaction.commit();
            return {};
        },
        projects_schema_number);
}

}  // namespace halton::store
