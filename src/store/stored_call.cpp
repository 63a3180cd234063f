#include "store/stored_call.h"

#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/text.h"
#include "meter/usage_text.h"
#include "store/schema.h"

namespace halton::store {
namespace {

// The first schema with every column that is read here.
constexpr int clients_schema_number = 5;

meter::RequestKind kind_of(const std::string& name) {
    using meter::RequestKind;
    for (const RequestKind kind : {RequestKind::chat, RequestKind::embedding, RequestKind::image,
                                   RequestKind::audio, RequestKind::realtime}) {
        if (name_of(kind) == name) return kind;
    }
    return RequestKind::other;
}

// Takes the columns of stored_call_columns from left to right.
class Cells {
public:
    explicit Cells(SQLite::Statement& statement) : statement_(statement) {}
    std::int64_t number() { return next().getInt64(); }
    std::string text() { return next().getString(); }
    std::optional<std::int64_t> number_or_none() {
        const auto column = next();
        return column.isNull() ? std::nullopt : std::optional(column.getInt64());
    }

private:
    SQLite::Column next() { return statement_.getColumn(index_++); }
    SQLite::Statement& statement_;
    int index_ = 0;
};

// The first id that does not begin with `prefix`, for a search in an index.
std::string end_of_prefix(const std::string& prefix) { return prefix + "\x7f"; }

}  // namespace

const char* const stored_call_columns =
    "rowid, requested_at, provider, model, request_kind, input_tokens, output_tokens, "
    "thinking_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, "
    "audio_input_tokens, audio_output_tokens, image_input_tokens, image_output_tokens, "
    "tool_input_tokens, audio_input_ms, web_search_count, input_includes_cache, reasoning_on_top, "
    "query_count, page_count, image_count, character_count, billing_mode, has_usage, "
    "tokens_complete, http_status, service_tier, speed, region, unpriced_part, sub_calls, "
    "requested_model, provider_cost_nanousd, provider_cost_reckoned, cost_nanousd, cost_state, "
    "price_id, audio_cache_read_tokens, image_cache_read_tokens";

StoredCall read_stored_call(SQLite::Statement& statement) {
    Cells in(statement);
    StoredCall row;
    meter::CallRecord& call = row.call;
    meter::TokenUsage& usage = call.usage;
    row.rowid = in.number();
    row.requested_at = in.text();
    const auto requested_at = parse_iso8601(row.requested_at);
    if (requested_at) call.requested_at = *requested_at;
    call.provider = in.text();
    call.model = in.text();
    call.kind = kind_of(in.text());
    usage.input = in.number();
    usage.output = in.number();
    usage.reasoning = in.number();
    usage.cache_read = in.number();
    usage.cache_write = in.number();
    const auto write_1h = in.number_or_none();
    usage.has_cache_write_split = write_1h.has_value();
    usage.cache_write_1h = write_1h.value_or(0);
    usage.audio_input = in.number();
    usage.audio_output = in.number();
    usage.image_input = in.number();
    usage.image_output = in.number();
    usage.tool_input = in.number();
    usage.audio_input_ms = in.number();
    usage.web_search_count = in.number();
    const auto includes_cache = in.number_or_none();
    const auto on_top = in.number_or_none();
    usage.input_includes_cache = includes_cache.value_or(0) != 0;
    usage.output_includes_reasoning = on_top.value_or(0) == 0;
    usage.query_count = in.number();
    usage.page_count = in.number();
    usage.image_count = in.number();
    usage.character_count = in.number();
    const auto billing = meter::parse_billing_mode(in.text());
    call.billing = billing.value_or(meter::BillingMode::metered);
    call.has_usage = in.number() != 0;
    call.tokens_complete = in.number() != 0;
    call.http_status = static_cast<int>(in.number());
    call.service_tier = in.text();
    call.speed = in.text();
    call.region = in.text();
    call.has_unpriced_part = in.number() != 0;
    auto sub_calls = meter::parse_usage_text(in.text());
    if (sub_calls) call.sub_calls = std::move(*sub_calls);
    call.requested_model = in.text();
    if (const auto cost = in.number_or_none()) call.provider_cost = NanoUsd{*cost};
    call.is_provider_cost_reckoned = in.number() != 0;
    row.cost = in.number_or_none();
    row.cost_state = in.text();
    row.price_id = in.text();
    const auto audio_cache_read = in.number_or_none();
    usage.has_cache_modalities = audio_cache_read.has_value();
    usage.audio_cache_read = audio_cache_read.value_or(0);
    usage.image_cache_read = in.number();
    row.has_numbers = requested_at && includes_cache && on_top && billing && sub_calls;
    return row;
}

Result<FoundCalls> find_stored_calls(Reader& reader, const std::string& prefix,
                                     std::size_t count_max) {
    return reader.read<FoundCalls>([&](SQLite::Database& database) -> Result<FoundCalls> {
        FoundCalls found;
        if (!database.tableExists("requests")) return found;
        if (read_schema_number(database) < clients_schema_number)
            return fail(ErrorKind::unsupported,
                        "the database is of an older version; start the daemon once, which brings "
                        "it up to date");
        const std::string columns = fmt::format(
            "SELECT {}, id, (SELECT slug FROM projects WHERE id = project_id), "
            "coalesce(status, ''), coalesce(host, ''), coalesce(path, ''), "
            "coalesce(rates_source, ''), coalesce(price_date, ''), "
            "coalesce(provider_request_id, ''), coalesce(error_class, ''), "
            "coalesce(client_tool, ''), latency_ms, coalesce(provider_error_code, ''), "
            "coalesce(session_id, ''), coalesce(git_branch, ''), coalesce(mode, '') "
            "FROM requests ",
            stored_call_columns);
        const bool is_last = prefix == "last";
        // Ids are in an index, which the plus sign leads to. Those of providers are not: the newest
        // call that fits is found soon, and only where none of our ids does.
        for (const char* where :
             {is_last ? "ORDER BY requested_at DESC LIMIT 1"
                      : "WHERE id >= ?1 AND id < ?2 ORDER BY +requested_at DESC LIMIT ?3",
              "WHERE provider_request_id >= ?1 AND provider_request_id < ?2 "
              "ORDER BY requested_at DESC LIMIT min(?3, 1)"}) {
            SQLite::Statement select(database, columns + where);
            if (!is_last) {
                select.bind(1, prefix);
                select.bind(2, end_of_prefix(prefix));
                select.bind(3, static_cast<std::int64_t>(count_max) + 1);
            }
            while (select.executeStep()) {
                if (found.calls.size() == count_max) {
                    found.has_more = true;
                    break;
                }
                StoredCall row = read_stored_call(select);
                constexpr int first = 41;  // behind stored_call_columns
                const auto text = [&](int index) {
                    return select.getColumn(first + index).getString();
                };
                meter::CallRecord& call = row.call;
                call.id = text(0);
                call.project_slug = text(1);
                call.status = text(2);
                call.host = text(3);
                call.path = text(4);
                call.rates_source = text(5);
                call.price_date = text(6);
                call.provider_request_id = text(7);
                if (const auto error_class = text(8); !error_class.empty()) {
                    meter::CallError error;
                    for (int i = 0;
                         i <= static_cast<int>(meter::ErrorClass::context_length_exceeded); ++i)
                        if (name_of(static_cast<meter::ErrorClass>(i)) == error_class)
                            error.error_class = static_cast<meter::ErrorClass>(i);
                    error.provider_code = text(11);
                    call.error = std::move(error);
                }
                call.client.tool = text(9);
                call.latency_ms = select.getColumn(first + 10).getDouble();
                call.client.session_id = text(12);
                call.git_branch = text(13);
                call.mode = text(14);
                found.calls.push_back(std::move(row));
            }
            if (!found.calls.empty() || is_last) break;
        }
        return found;
    });
}

}  // namespace halton::store
