#include "store/audit.h"

#include <algorithm>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "base/limits.h"
#include "store/with_database.h"

namespace halton::store {
namespace {

AuditEvent read_event(SQLite::Statement& select) {
    AuditEvent event;
    event.id = select.getColumn(0).getInt64();
    event.occurred_at = select.getColumn(1).getString();
    event.type = select.getColumn(2).getString();
    event.actor = select.getColumn(3).getString();
    event.project = select.getColumn(4).getString();
    event.request_id = select.getColumn(5).getString();
    event.detail = select.getColumn(6).getString();
    return event;
}

constexpr const char* columns =
    "SELECT e.id, e.occurred_at, e.event_type, e.actor, p.slug, e.request_id, e.detail "
    "FROM audit_events e LEFT JOIN projects p ON p.id = e.project_id ";

}  // namespace

Result<AuditPage> read_audit(const std::filesystem::path& file, const AuditQuery& query) {
    return with_database<AuditPage>(
        file, Access::read, [&](SQLite::Database& database) -> Result<AuditPage> {
            AuditPage page;
            if (!database.tableExists("audit_events")) return page;
            const bool is_group = !query.type.empty() && query.type.back() == '.';
            std::string where = "WHERE 1 ";
            if (!query.since.empty()) where += "AND e.occurred_at >= :since ";
            if (!query.type.empty())
                where += is_group ? "AND substr(e.event_type, 1, length(:type)) = :type "
                                  : "AND e.event_type = :type ";
            if (!query.project.empty()) where += "AND p.slug = :project ";
            const auto bind = [&](SQLite::Statement& select) {
                if (!query.since.empty()) select.bind(":since", query.since);
                if (!query.type.empty()) select.bind(":type", query.type);
                if (!query.project.empty()) select.bind(":project", query.project);
            };
            // One moment for the count and the page.
            SQLite::Transaction transaction(database);
            SQLite::Statement count(database,
                                    "SELECT count(*) FROM audit_events e LEFT JOIN projects p "
                                    "ON p.id = e.project_id " +
                                        where);
            bind(count);
            if (count.executeStep()) page.total = count.getColumn(0).getInt64();
            if (query.before_id > 0) where += "AND e.id < :before ";
            const auto wanted =
                std::clamp<std::int64_t>(query.count_max, 1, limits::audit_shown_count_max);
            SQLite::Statement select(database, columns + where + "ORDER BY e.id DESC LIMIT :count");
            bind(select);
            if (query.before_id > 0) select.bind(":before", query.before_id);
            select.bind(":count", wanted + 1);
            while (select.executeStep()) page.events.push_back(read_event(select));
            page.has_more = static_cast<std::int64_t>(page.events.size()) > wanted;
            if (page.has_more) page.events.pop_back();
            return page;
        });
}

Result<void> append_audit(const std::filesystem::path& file, std::span<const AuditEvent> events,
                          std::chrono::milliseconds lock_wait) {
    return with_database<void>(
        file, Access::write,
        [&](SQLite::Database& database) -> Result<void> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            for (const auto& event : events) append_audit(database, event);
            transaction.commit();
            return {};
        },
        policies_schema_number, lock_wait);
}

void append_audit(SQLite::Database& database, const AuditEvent& event) {
    // An old slug leads to the project that has it now.
    SQLite::Statement insert(
        database,
        "INSERT INTO audit_events (occurred_at, event_type, actor, project_id, request_id, detail) "
        "VALUES (?1, ?2, ?3, coalesce((SELECT project_id FROM project_aliases WHERE slug = ?4), "
        "(SELECT id FROM projects WHERE slug = ?4)), nullif(?5, ''), nullif(?6, ''))");
    insert.bind(
        1, event.occurred_at.empty() ? to_iso8601(system_clock().now_utc()) : event.occurred_at);
    insert.bind(2, event.type);
    insert.bind(3, event.actor);
    insert.bind(4, event.project);
    insert.bind(5, event.request_id);
    // JSON that was cut would be none.
    insert.bind(
        6, event.detail.size() <= limits::audit_detail_bytes_max ? event.detail : std::string());
    insert.exec();
}

Result<std::optional<AuditEvent>> read_newest_audit(const std::filesystem::path& file,
                                                    std::string_view type) {
    using Found = std::optional<AuditEvent>;
    return with_database<Found>(
        file, Access::read, [&](SQLite::Database& database) -> Result<Found> {
            if (!database.tableExists("audit_events")) return Found();
            SQLite::Statement select(
                database,
                std::string(columns) + "WHERE e.event_type = ? ORDER BY e.id DESC LIMIT 1");
            select.bind(1, std::string(type));
            if (!select.executeStep()) return Found();
            return Found(read_event(select));
        });
}

}  // namespace halton::store
