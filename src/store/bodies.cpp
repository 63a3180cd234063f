#include "store/bodies.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <system_error>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "base/zstd_text.h"
#include "store/audit.h"
#include "store/schema.h"
#include "store/with_database.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;

// The migration that made the columns.
constexpr int bodies_schema_number = 8;
// More than one side can become: marks are longer than short secrets.
constexpr std::size_t unpacked_bytes_max = 16 * limits::body_bytes_max;

// A file of an older version has no bodies, whether they are wanted for reading or for writing.
template <class Value, class Act>
Result<Value> with_bodies(const fs::path& file, Access access, Act act,
                          std::chrono::milliseconds lock_wait = usual_lock_wait) {
    constexpr int any_schema_number = 0;
    return with_database<Value>(
        file, access,
        [&act](SQLite::Database& database) -> Result<Value> {
            if (read_schema_number(database) < bodies_schema_number)
                return fail(ErrorKind::not_found, "no bodies have been captured yet");
            return act(database);
        },
        any_schema_number, lock_wait);
}

constexpr const char* entry_columns =
    "SELECT b.request_id, b.captured_at, r.requested_at, p.slug, r.provider, r.model, "
    "b.request_bytes, b.response_bytes, b.redaction_count, b.redaction_kinds";
constexpr const char* entry_tables =
    " FROM request_bodies b JOIN requests r ON r.id = b.request_id "
    "JOIN projects p ON p.id = r.project_id ";

BodyEntry read_entry(SQLite::Statement& select) {
    BodyEntry entry;
    entry.request_id = select.getColumn(0).getString();
    entry.captured_at = select.getColumn(1).getString();
    entry.requested_at = select.getColumn(2).getString();
    entry.project_slug = select.getColumn(3).getString();
    entry.provider = select.getColumn(4).getString();
    entry.model = select.getColumn(5).getString();
    entry.request_bytes = select.getColumn(6).getInt64();
    entry.response_bytes = select.getColumn(7).getInt64();
    entry.redaction_count = select.getColumn(8).getInt64();
    entry.redaction_kinds = select.getColumn(9).getString();
    return entry;
}

Result<std::optional<std::string>> unpack(const SQLite::Column& column, const std::string& codec) {
    if (column.isNull()) return std::optional<std::string>();
    const std::string_view bytes(static_cast<const char*>(column.getBlob()),
                                 static_cast<std::size_t>(column.getBytes()));
    if (codec.empty()) return std::optional<std::string>(bytes);
    if (codec != "zstd")
        return fail(ErrorKind::unsupported, "the body is packed in a way of a newer version");
    auto text = unpack_text(bytes, unpacked_bytes_max);
    if (!text) return fail(text.error());
    return std::optional<std::string>(std::move(*text));
}

// "a=1 b=2" into the sums.
void add_kinds(const std::string& text, std::map<std::string, std::int64_t>& sums) {
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        const auto equals = text.find('=', at);
        if (equals < end)
            if (const auto count =
                    parse_decimal(std::string_view(text).substr(equals + 1, end - equals - 1)))
                sums[text.substr(at, equals - at)] += static_cast<std::int64_t>(*count);
        at = end + 1;
    }
}

using Counts = std::vector<std::pair<std::string, std::int64_t>>;

Counts by_count(Counts counts) {
    std::stable_sort(counts.begin(), counts.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    return counts;
}

// The condition of a filter on request_bodies, with ?1 = time and ?2 = project.
constexpr const char* filter_sql =
    " WHERE (?1 IS NULL OR captured_at < ?1) AND (?2 IS NULL OR request_id IN "
    "(SELECT id FROM requests WHERE project_id IN (SELECT id FROM projects WHERE slug = ?2 "
    "UNION SELECT project_id FROM project_aliases WHERE slug = ?2)))";

void bind_filter(SQLite::Statement& statement, const BodyFilter& filter) {
    if (filter.older_than) statement.bind(1, to_iso8601(*filter.older_than));
    if (!filter.project_slug.empty()) statement.bind(2, filter.project_slug);
}

}  // namespace

Result<BodyRow> read_body(const fs::path& file, const std::string& id) {
    return with_bodies<BodyRow>(
        file, Access::read, [&](SQLite::Database& database) -> Result<BodyRow> {
            const bool is_last = id == "last";
            const std::string sql =
                std::string(entry_columns) +
                ", b.request_body, b.response_body, b.request_truncated, b.response_truncated, "
                "b.request_content_type, b.response_content_type, b.codec" +
                entry_tables +
                (is_last ? "ORDER BY b.captured_at DESC LIMIT 1"
                         : "WHERE b.request_id >= ?1 AND b.request_id < ?2 LIMIT 2");
            SQLite::Statement select(database, sql);
            if (!is_last) {
                select.bind(1, id);
                // Ids are hex digits and '-': '~' is behind each of them.
                select.bind(2, id + '~');
            }
            if (id.empty() || !select.executeStep())
                return fail(ErrorKind::not_found,
                            is_last ? std::string("no body has been captured")
                                    : fmt::format("no body of a call '{}'", to_safe_text(id, 60)));
            BodyRow row;
            row.entry = read_entry(select);
            const auto codec = select.getColumn(16).getString();
            const auto read_side = [&](int body, int truncated, int type,
                                       std::int64_t bytes) -> Result<BodySideRow> {
                auto text = unpack(select.getColumn(body), codec);
                if (!text) return fail(text.error());
                return BodySideRow{std::move(*text), bytes,
                                   select.getColumn(truncated).getInt() != 0,
                                   select.getColumn(type).getString()};
            };
            auto request = read_side(10, 12, 14, row.entry.request_bytes);
            if (!request) return fail(request.error());
            auto response = read_side(11, 13, 15, row.entry.response_bytes);
            if (!response) return fail(response.error());
            row.request = std::move(*request);
            row.response = std::move(*response);
            if (!is_last && select.executeStep())
                return fail(ErrorKind::malformed,
                            fmt::format("'{}' is the beginning of several calls' ids",
                                        to_safe_text(id, 60)));
            return row;
        });
}

Result<std::vector<BodyEntry>> list_bodies(const fs::path& file, std::int64_t count_max) {
    return with_bodies<std::vector<BodyEntry>>(
        file, Access::read, [&](SQLite::Database& database) -> Result<std::vector<BodyEntry>> {
            SQLite::Statement select(database, std::string(entry_columns) + entry_tables +
                                                   "ORDER BY b.captured_at DESC LIMIT ?1");
            select.bind(1, count_max);
            std::vector<BodyEntry> entries;
            while (select.executeStep()) entries.push_back(read_entry(select));
            return entries;
        });
}

Result<BodyStats> read_body_stats(const fs::path& file) {
    auto stats = with_bodies<BodyStats>(
        file, Access::read, [](SQLite::Database& database) -> Result<BodyStats> {
            BodyStats found;
            std::map<std::string, std::int64_t> kinds;
            std::map<std::string, std::int64_t> projects;
            SQLite::Statement select(
                database,
                std::string(
                    "SELECT b.request_bytes, b.response_bytes, b.stored_bytes, "
                    "coalesce(b.request_truncated, 0) OR coalesce(b.response_truncated, 0), "
                    "b.redaction_count, b.redaction_kinds, b.captured_at, p.slug") +
                    entry_tables);
            while (select.executeStep()) {
                ++found.count;
                found.request_bytes += select.getColumn(0).getInt64();
                found.response_bytes += select.getColumn(1).getInt64();
                found.stored_bytes += select.getColumn(2).getInt64();
                found.truncated_count += select.getColumn(3).getInt();
                found.redaction_count += select.getColumn(4).getInt64();
                add_kinds(select.getColumn(5).getString(), kinds);
                const auto at = select.getColumn(6).getString();
                if (found.oldest_at.empty() || at < found.oldest_at) found.oldest_at = at;
                found.newest_at = std::max(found.newest_at, at);
                ++projects[select.getColumn(7).getString()];
            }
            found.redaction_kinds = by_count({kinds.begin(), kinds.end()});
            found.projects = by_count({projects.begin(), projects.end()});
            SQLite::Statement switches(
                database,
                "SELECT p.slug, s.body_capture FROM project_settings s JOIN projects p "
                "ON p.id = s.project_id WHERE s.body_capture IS NOT NULL ORDER BY p.slug");
            while (switches.executeStep())
                found.switches.emplace_back(switches.getColumn(0).getString(),
                                            switches.getColumn(1).getInt() != 0);
            return found;
        });
    if (!stats && stats.error().kind == ErrorKind::not_found) return BodyStats{};
    return stats;
}

Result<std::int64_t> count_bodies(const fs::path& file, const BodyFilter& filter) {
    return with_bodies<std::int64_t>(
        file, Access::read, [&](SQLite::Database& database) -> Result<std::int64_t> {
            SQLite::Statement count(
                database, std::string("SELECT count(*) FROM request_bodies") + filter_sql);
            bind_filter(count, filter);
            count.executeStep();
            return count.getColumn(0).getInt64();
        });
}

Result<std::int64_t> prune_bodies(const fs::path& file, const BodyFilter& filter) {
    return with_bodies<std::int64_t>(
        file, Access::write, [&](SQLite::Database& database) -> Result<std::int64_t> {
            // Conversations shall be gone, not only forgotten.
            database.exec("PRAGMA secure_delete = ON");
            SQLite::Statement remove(database,
                                     std::string("DELETE FROM request_bodies WHERE rowid IN "
                                                 "(SELECT rowid FROM request_bodies") +
                                         filter_sql + " LIMIT " +
                                         std::to_string(limits::bodies_per_prune_step) + ")");
            std::int64_t sum = 0;
            for (;;) {
                SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
                bind_filter(remove, filter);
                const std::int64_t count = remove.exec();
                remove.reset();
                transaction.commit();
                sum += count;
                if (count < limits::bodies_per_prune_step) break;
            }
            // The log holds the pages as they were; readers may keep it for a while.
            if (sum > 0) database.tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
            return sum;
        });
}

std::optional<std::unordered_map<std::string, bool>> read_capture_switches(const fs::path& file) {
    using Switches = std::unordered_map<std::string, bool>;
    const auto found = with_bodies<Switches>(
        file, Access::read, [](SQLite::Database& database) -> Result<Switches> {
            Switches switches;
            SQLite::Statement select(
                database,
                "SELECT p.slug, s.body_capture FROM project_settings s JOIN projects p "
                "ON p.id = s.project_id WHERE s.body_capture IS NOT NULL UNION ALL "
                "SELECT a.slug, s.body_capture FROM project_settings s JOIN project_aliases a "
                "ON a.project_id = s.project_id WHERE s.body_capture IS NOT NULL LIMIT ?1");
            select.bind(1, static_cast<std::int64_t>(limits::capture_settings_count_max));
            while (select.executeStep())
                switches.insert_or_assign(select.getColumn(0).getString(),
                                          select.getColumn(1).getInt() != 0);
            return switches;
        });
    if (!found) return std::nullopt;
    return *found;
}

bool note_capture_everywhere(const fs::path& file, bool is_on) {
    const auto noted = with_bodies<void>(
        file, Access::write,
        [is_on](SQLite::Database& database) -> Result<void> {
            SQLite::Statement newest(database,
                                     "SELECT event_type FROM audit_events WHERE event_type IN "
                                     "(?1, ?2) AND project_id IS NULL ORDER BY id DESC LIMIT 1");
            const std::string enabled(audit::body_capture_enabled);
            newest.bind(1, enabled);
            newest.bind(2, std::string(audit::body_capture_disabled));
            const bool was_on = newest.executeStep() && newest.getColumn(0).getString() == enabled;
            newest.reset();
            if (was_on == is_on) return {};
            AuditEvent event;
            event.type = is_on ? audit::body_capture_enabled : audit::body_capture_disabled;
            event.actor = "daemon";
            event.detail = R"({"scope":"everywhere"})";
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            append_audit(database, event);
            transaction.commit();
            return {};
        },
        std::chrono::milliseconds(0));
    return noted.has_value();
}

bool FileWatch::has_changed() {
    std::string now;
    for (const char* suffix : {"", "-wal"}) {
        std::error_code ignored;
        const fs::path file = database_.string() + suffix;
        const auto time = fs::last_write_time(file, ignored);
        const auto size = fs::file_size(file, ignored);
        now += fmt::format("{} {} ", ignored ? 0 : time.time_since_epoch().count(),
                           ignored ? 0 : size);
    }
    return std::exchange(seen_, now) != now;
}

}  // namespace halton::store
