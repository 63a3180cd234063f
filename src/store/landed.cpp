#include "store/landed.h"

#include <algorithm>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/columns.h"

namespace halton::store {
namespace {

using Calls = std::vector<LandedCall>;

Calls read(SQLite::Database& database, const std::optional<std::string>& project,
           std::int64_t after, const char* order, std::size_t count) {
    Calls calls;
    if (!database.tableExists("requests") || !database.tableExists("projects")) return calls;
    const Columns columns(database, "requests", "r");
    const auto text = [&](std::string_view name) {
        return fmt::format("coalesce({}, '')", columns.of(name, "''"));
    };
    SQLite::Statement select(
        database,
        fmt::format(
            "SELECT r.rowid, r.id, r.requested_at, coalesce(p.slug, ''), r.provider, r.model, {}, "
            "{}, {}, {}, {}, coalesce({}, 0), coalesce({}, {}), coalesce({}, {}), {}, "
            "coalesce({}, {} * 10000), {}, coalesce({}, 0) FROM requests r "
            "LEFT JOIN projects p ON p.id = r.project_id WHERE r.rowid > ?1 "
            "AND (?2 IS NULL OR p.slug = ?2) ORDER BY r.rowid {} LIMIT ?3",
            text("client_tool"), text("session_id"), text("status"), text("error_class"),
            text("provider_error_code"), columns.of("http_status", "0"),
            columns.of("total_input_tokens", "NULL"), columns.of("input_tokens", "0"),
            columns.of("total_output_tokens", "NULL"), columns.of("output_tokens", "0"),
            columns.of("cache_read_tokens", "0"), columns.of("cost_nanousd", "NULL"),
            columns.of("cost_usd_minor_units", "NULL"), text("billing_mode"),
            columns.of("latency_ms", "0"), order));
    select.bind(1, after);
    project ? select.bind(2, *project) : select.bind(2);
    select.bind(3, static_cast<std::int64_t>(count));
    while (select.executeStep()) {
        LandedCall call;
        const auto string = [&](int index) { return select.getColumn(index).getString(); };
        const auto number = [&](int index) { return select.getColumn(index).getInt64(); };
        call.row = number(0);
        call.id = string(1);
        call.requested_at = string(2);
        call.project = string(3);
        call.provider = string(4);
        call.model = string(5);
        call.tool = string(6);
        call.session_id = string(7);
        call.status = string(8);
        call.error_class = string(9);
        call.provider_error_code = string(10);
        call.http_status = static_cast<int>(number(11));
        call.input_tokens = number(12);
        call.output_tokens = number(13);
        call.cache_read_tokens = number(14);
        if (!select.getColumn(15).isNull()) call.cost = NanoUsd{number(15)};
        call.billing = string(16);
        call.latency_ms = select.getColumn(17).getDouble();
        calls.push_back(std::move(call));
    }
    return calls;
}

}  // namespace

Result<Calls> read_landed_after(Reader& reader, std::int64_t row,
                                const std::optional<std::string>& project) {
    return reader.read<Calls>([&](SQLite::Database& database) -> Result<Calls> {
        if (!database.tableExists("requests")) return Calls{};
        const auto newest =
            database.execAndGet("SELECT coalesce(max(rowid), 0) FROM requests").getInt64();
        if (newest == row) return Calls{};
        // The newest was deleted: the one before it says again where we are.
        if (newest < row) return read(database, project, 0, "DESC", 1);
        return read(database, project, row, "", limits::landed_rows_max);
    });
}

Result<Calls> read_last_landed(Reader& reader, std::size_t count,
                               const std::optional<std::string>& project) {
    return reader.read<Calls>([&](SQLite::Database& database) -> Result<Calls> {
        auto calls = read(database, project, 0, "DESC", std::min(count, limits::landed_rows_max));
        std::reverse(calls.begin(), calls.end());
        return calls;
    });
}

}  // namespace halton::store
