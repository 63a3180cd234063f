#include "store/export.h"

#include <array>
#include <set>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/columns.h"

namespace halton::store {
namespace {

using enum ParquetType;

constexpr std::array columns{
    ExportColumn{"id", text, false, "r.id", "id", "the call's own id, a UUID"},
    ExportColumn{"requested_at", timestamp_us, false, "r.requested_at", "requested_at",
                 "when its request began, UTC"},
    ExportColumn{"project", text, true, "p.slug", "project_id", "slug of the project"},
    ExportColumn{"provider", text, false, "r.provider", "provider", "anthropic, openai, ..."},
    ExportColumn{"model", text, false, "r.model", "model",
                 "as the answer names it, else as asked for"},
    ExportColumn{"requested_model", text, true, "r.requested_model", "requested_model",
                 "as asked for"},
    ExportColumn{"mode", text, true, "r.mode", "mode", "standard or streaming"},
    ExportColumn{"request_kind", text, true, "r.request_kind", "request_kind",
                 "chat, embedding, image, audio, realtime, other"},
    ExportColumn{"status", text, true, "r.status", "status", "success, error, aborted"},
    ExportColumn{"http_status", integer, true, "r.http_status", "http_status",
                 "of the answer; null without one"},
    ExportColumn{"error_class", text, true, "r.error_class", "error_class",
                 "one of ten classes; null without an error"},
    ExportColumn{"provider_error_code", text, true, "r.provider_error_code", "provider_error_code",
                 "the provider's own word"},
    ExportColumn{"retryable", flag, true, "r.retryable", "retryable",
                 "whether trying again can help"},
    ExportColumn{"input_tokens", integer, true, "r.input_tokens", "input_tokens",
                 "as the provider means it"},
    ExportColumn{"output_tokens", integer, true, "r.output_tokens", "output_tokens",
                 "as the provider means it"},
    ExportColumn{"thinking_tokens", integer, true, "r.thinking_tokens", "thinking_tokens",
                 "reasoning"},
    ExportColumn{"cache_read_tokens", integer, true, "r.cache_read_tokens", "cache_read_tokens",
                 "served by the provider's cache"},
    ExportColumn{"cache_write_tokens", integer, true, "r.cache_write_tokens", "cache_write_tokens",
                 "written to it"},
    ExportColumn{"cache_write_1h_tokens", integer, true, "r.cache_write_1h_tokens",
                 "cache_write_1h_tokens", "the part of them that lives an hour"},
    ExportColumn{"fresh_input_tokens", integer, true, "r.fresh_input_tokens", "fresh_input_tokens",
                 "input that no cache served"},
    ExportColumn{"total_input_tokens", integer, true, "r.total_input_tokens", "total_input_tokens",
                 "all input, every token once"},
    ExportColumn{"total_output_tokens", integer, true, "r.total_output_tokens",
                 "total_output_tokens", "all output, every token once"},
    ExportColumn{"audio_input_tokens", integer, true, "r.audio_input_tokens", "audio_input_tokens",
                 "a part of the input"},
    ExportColumn{"audio_output_tokens", integer, true, "r.audio_output_tokens",
                 "audio_output_tokens", "a part of the output"},
    ExportColumn{"image_input_tokens", integer, true, "r.image_input_tokens", "image_input_tokens",
                 "a part of the input"},
    ExportColumn{"image_output_tokens", integer, true, "r.image_output_tokens",
                 "image_output_tokens", "a part of the output"},
    ExportColumn{"tool_input_tokens", integer, true, "r.tool_input_tokens", "tool_input_tokens",
                 "prompts of tools, on top of the input"},
    ExportColumn{"web_search_count", integer, true, "r.web_search_count", "web_search_count",
                 "searches that are charged one by one"},
    ExportColumn{"has_usage", flag, true, "r.has_usage", "has_usage",
                 "whether the answer told any counts"},
    ExportColumn{"tokens_complete", flag, true, "r.tokens_complete", "tokens_complete",
                 "false: the answer was cut short, its counts are partial"},
    ExportColumn{"cost_usd", nano_decimal, true,
                 "coalesce(r.cost_nanousd, r.cost_usd_minor_units * 10000)",
                 "cost_nanousd cost_usd_minor_units",
                 "US dollars, exact; null: no known price, which is not zero"},
    ExportColumn{"cost_nanousd", integer, true,
                 "coalesce(r.cost_nanousd, r.cost_usd_minor_units * 10000)",
                 "cost_nanousd cost_usd_minor_units", "the same in billionths of a dollar"},
    ExportColumn{"cost_state", text, true, "r.cost_state", "cost_state",
                 "exact, estimated, unknown"},
    ExportColumn{"billing_mode", text, true, "r.billing_mode", "billing_mode",
                 "metered, plan (covered by a subscription: do not add it to spend), free, "
                 "deferred"},
    ExportColumn{"rates_source", text, true, "r.rates_source", "rates_source",
                 "bundled-DATE, override, provider"},
    ExportColumn{"price_id", text, true, "r.price_id", "price_id", "the price row"},
    ExportColumn{"price_date", text, true, "r.price_date", "price_date",
                 "day of the list that has it"},
    ExportColumn{"service_tier", text, true, "r.service_tier", "service_tier",
                 "as the answer names it"},
    ExportColumn{"latency_ms", real, true, "r.latency_ms", "latency_ms",
                 "from the request to the end of the answer"},
    ExportColumn{"time_to_first_byte_ms", real, true, "r.time_to_first_byte_ms",
                 "time_to_first_byte_ms", "from the request to the answer's first byte"},
    ExportColumn{"retry_count", integer, true, "r.retry_count", "retry_count",
                 "tries before this one, as the client says"},
    ExportColumn{"client_request_id", text, true, "r.client_request_id", "client_request_id",
                 "the client's id, which its tries share"},
    ExportColumn{"provider_request_id", text, true, "r.provider_request_id", "provider_request_id",
                 "the provider's id"},
    ExportColumn{"client_tool", text, true, "r.client_tool", "client_tool",
                 "claude-code, codex, ..."},
    ExportColumn{"client_version", text, true, "r.client_version", "client_version", "of the tool"},
    ExportColumn{"session_id", text, true, "r.session_id", "session_id", "the tool's session"},
    ExportColumn{"thread_id", text, true, "r.thread_id", "thread_id", "the tool's thread"},
    ExportColumn{"turn_id", text, true, "r.turn_id", "turn_id", "the tool's turn"},
    ExportColumn{"agent_name", text, true, "r.agent_name", "agent_name", "of a sub-agent"},
    ExportColumn{"git_branch", text, true, "r.git_branch", "git_branch", "of the project's folder"},
    ExportColumn{"method", text, true, "r.method", "method", "of the request"},
    ExportColumn{"host", text, true, "r.host", "host", "of the request"},
    ExportColumn{"path", text, true, "r.path", "path", "of the request, without its query"},
    ExportColumn{"user_agent", text, true, "r.user_agent", "user_agent", "of the client"},
    ExportColumn{"attribution_layer", text, true, "r.attribution_layer", "attribution_layer",
                 "what told the project"},
    ExportColumn{"source_workdir", text, true, "r.source_workdir", "source_workdir",
                 "folder of the client"},
    ExportColumn{"source", text, false, "coalesce(r.source, 'wire')", "source",
                 "wire, or import: from a tool's own transcripts"},
};

std::string to_sql(SQLite::Database& database) {
    std::set<std::string, std::less<>> there;
    // The other pragma leaves generated columns out.
    SQLite::Statement info(database, "PRAGMA table_xinfo(requests)");
    while (info.executeStep()) there.insert(info.getColumn(1).getString());
    std::string sql = "SELECT r.requested_at, r.rowid";
    for (const auto& column : columns) {
        bool is_there = true;
        for (std::string_view needs = column.needs; !needs.empty();) {
            const auto end = std::min(needs.find(' '), needs.size());
            is_there = is_there && there.find(needs.substr(0, end)) != there.end();
            needs.remove_prefix(std::min(end + 1, needs.size()));
        }
        sql += ", ";
        if (is_there)
            sql += column.sql;
        else
            sql += column.name == "source" ? "'wire'" : "NULL";
    }
    return sql +
           " FROM requests r LEFT JOIN projects p ON p.id = r.project_id"
           " WHERE (r.requested_at, r.rowid) > (?1, ?2) AND r.requested_at < ?3"
           " AND (?4 IS NULL OR p.slug = ?4) ORDER BY r.requested_at, r.rowid LIMIT ?5";
}

ExportCell to_cell(const SQLite::Column& value, ParquetType type) {
    ExportCell cell;
    if (value.isNull()) return cell;
    cell.is_null = false;
    switch (type) {
        case text: cell.text = {value.getText(), static_cast<std::size_t>(value.getBytes())}; break;
        case real: cell.real = value.getDouble(); break;
        case timestamp_us: {
            const auto time = parse_iso8601(value.getText());
            if (time) cell.integer = time->time_since_epoch().count();
            break;
        }
        case flag: cell.integer = value.getInt64() != 0; break;
        case integer:
        case nano_decimal: cell.integer = value.getInt64(); break;
    }
    return cell;
}

void bind_project(SQLite::Statement& statement, int index, const ExportQuery& query) {
    query.project ? statement.bind(index, *query.project) : statement.bind(index);
}

}  // namespace

std::span<const ExportColumn> export_columns() { return columns; }

Result<std::int64_t> count_export(Reader& reader, const ExportQuery& query) {
    return reader.read<std::int64_t>([&](SQLite::Database& database) -> Result<std::int64_t> {
        if (!has_requests(database)) return 0;
        SQLite::Statement count(
            database, query.project ? "SELECT count(*) FROM requests WHERE requested_at >= ?1 AND "
                                      "requested_at < ?2 AND project_id = (SELECT id FROM projects "
                                      "WHERE slug = ?3)"
                                    : "SELECT count(*) FROM requests WHERE requested_at >= ?1 AND "
                                      "requested_at < ?2");
        count.bind(1, to_iso8601(query.from));
        count.bind(2, to_iso8601(query.to));
        if (query.project) count.bind(3, *query.project);
        count.executeStep();
        return count.getColumn(0).getInt64();
    });
}

Result<std::int64_t> export_rows(Reader& reader, const ExportQuery& query,
                                 const std::function<bool(std::span<const ExportCell>)>& on_row) {
    std::string after_time = to_iso8601(query.from - std::chrono::microseconds(1));
    std::int64_t after_rowid = INT64_MAX;
    const std::string to = to_iso8601(query.to);
    std::vector<ExportCell> cells(columns.size());
    std::int64_t row_count = 0;
    std::int64_t page_rows = 0;
    do {
        const auto page =
            reader.read<std::int64_t>([&](SQLite::Database& database) -> Result<std::int64_t> {
                if (!has_requests(database)) return 0;
                SQLite::Statement select(database, to_sql(database));
                select.bind(1, after_time);
                select.bind(2, after_rowid);
                select.bind(3, to);
                bind_project(select, 4, query);
                select.bind(5, limits::export_page_rows);
                std::int64_t rows = 0;
                while (select.executeStep()) {
                    for (std::size_t i = 0; i < columns.size(); ++i)
                        cells[i] =
                            to_cell(select.getColumn(static_cast<int>(i) + 2), columns[i].type);
                    if (!on_row(cells)) return fail(ErrorKind::cancelled);
                    after_time = select.getColumn(0).getString();
                    after_rowid = select.getColumn(1).getInt64();
                    ++rows;
                }
                return rows;
            });
        if (!page) return fail(page.error());
        page_rows = *page;
        row_count += page_rows;
    } while (page_rows == limits::export_page_rows);
    return row_count;
}

}  // namespace halton::store
