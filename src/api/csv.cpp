#include "api/csv.h"

#include <array>

#include <fmt/format.h>

#include "base/money.h"
#include "meter/call.h"

namespace halton::api {
namespace {

constexpr std::array<std::string_view, 33> columns{"id",
                                                   "provider",
                                                   "model",
                                                   "mode",
                                                   "input_tokens",
                                                   "output_tokens",
                                                   "thinking_tokens",
                                                   "cache_read_tokens",
                                                   "cache_write_tokens",
                                                   "cost_usd_minor_units",
                                                   "latency_ms",
                                                   "tokens_complete",
                                                   "requested_at",
                                                   "status",
                                                   "cost_nanousd",
                                                   "cost_state",
                                                   "billing_mode",
                                                   "project",
                                                   "request_kind",
                                                   "rates_source",
                                                   "price_id",
                                                   "price_date",
                                                   "requested_model",
                                                   "http_status",
                                                   "error_class",
                                                   "provider_error_code",
                                                   "retryable",
                                                   "time_to_first_byte_ms",
                                                   "client_tool",
                                                   "client_version",
                                                   "session_id",
                                                   "agent_name",
                                                   "git_branch"};

// A number, or nothing.
template <class Number>
std::string to_text(const std::optional<Number>& value) {
    return value ? fmt::format("{}", *value) : std::string();
}

}  // namespace

std::string to_csv_field(std::string_view text) {
    std::string field;
    if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
        field = "'";
    field += text;
    if (field.find_first_of("\",\r\n") == std::string::npos) return field;
    std::string quoted = "\"";
    for (const char c : field) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

std::string csv_header() { return fmt::format("{}\r\n", fmt::join(columns, ",")); }

std::string to_csv_line(const store::RequestRow& row) {
    const auto number = [](std::int64_t value) { return fmt::format("{}", value); };
    const auto millicents = row.cost ? number(to_millicents(*row.cost)) : std::string();
    const auto nanousd = row.cost ? number(row.cost->value) : std::string();
    const auto& text = to_csv_field;
    const std::array<std::string, columns.size()> fields{
        text(row.id),
        text(row.provider),
        text(row.model),
        text(row.mode),
        number(row.input_tokens),
        number(row.output_tokens),
        number(row.thinking_tokens),
        number(row.cache_read_tokens),
        number(row.cache_write_tokens),
        millicents,
        to_text(row.latency_ms),
        row.tokens_complete ? "true" : "false",
        text(row.requested_at),
        text(row.status),
        nanousd,
        text(row.cost_state),
        text(row.billing),
        text(row.project),
        text(row.request_kind),
        text(row.rates_source),
        text(row.price_id),
        text(row.price_date),
        text(row.requested_model),
        to_text(row.http_status),
        text(row.error_class),
        text(row.provider_error_code),
        row.retryable ? (*row.retryable ? "true" : "false") : "",
        to_text(row.time_to_first_byte_ms),
        text(row.client_tool),
        text(row.client_version),
        text(row.session_id),
        text(row.agent_name),
        text(row.git_branch)};
    return fmt::format("{}\r\n", fmt::join(fields, ","));
}

}  // namespace halton::api
