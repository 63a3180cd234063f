// Routes about policies: the table, what budgets have spent, the audit.
#include <fmt/format.h>

#include "api/handlers.h"
#include "api/policy_json.h"
#include "api/rows_json.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "store/audit.h"
#include "store/policies.h"

namespace halton::api {
namespace {

void write_optional_money(JsonWriter& json, std::string_view name, std::optional<NanoUsd> money) {
    json.number_or_null(name, money ? std::optional(to_millicents(*money)) : std::nullopt);
}

void write_budget(JsonWriter& json, const store::BudgetStatus& budget) {
    const auto& policy = budget.policy;
    json.begin_object().text("policy_id", fmt::format("{}", policy.id)).text("name", policy.name);
    json.text("scope", meter::to_scope_text(policy));
    text_or_null(json, "project", policy.project);
    text_or_null(json, "provider", policy.provider);
    text_or_null(json, "model", policy.model);
    text_or_null(json, "tool", policy.tool);
    json.text("action", meter::name_of(policy.action));
    json.text("period", meter::name_of(policy.period));
    json.text("period_start", to_iso8601(budget.period.from));
    json.text("period_end", to_iso8601(budget.period.to));
    json.number("limit_usd_minor_units", to_millicents(policy.limit));
    json.number("spent_usd_minor_units", to_millicents(budget.spend.spent));
    write_optional_money(json, "forecast_usd_minor_units", budget.forecast);
    json.number("percent", budget.percent).text("state", budget.state);
    json.number("requests", budget.spend.requests);
    json.number("unpriced_requests", budget.spend.unpriced_requests).end();
}

}  // namespace

void write_policy(JsonWriter& json, const meter::Policy& policy) {
    const bool is_budget = policy.kind == meter::PolicyKind::budget;
    json.begin_object().text("id", fmt::format("{}", policy.id)).text("name", policy.name);
    json.flag("enabled", policy.is_enabled).number("priority", policy.priority);
    json.text("kind", meter::name_of(policy.kind)).text("action", meter::name_of(policy.action));
    json.text("scope", meter::to_scope_text(policy));
    text_or_null(json, "project", policy.project);
    text_or_null(json, "provider", policy.provider);
    text_or_null(json, "model", policy.model);
    text_or_null(json, "tool", policy.tool);
    write_optional_money(json, "limit_usd_minor_units",
                         is_budget ? std::optional(policy.limit) : std::nullopt);
    json.number_or_null("limit_nanousd",
                        is_budget ? std::optional(policy.limit.value) : std::nullopt);
    text_or_null(json, "period", is_budget ? meter::name_of(policy.period) : std::string_view());
    json.flag("counts_plan", policy.counts_plan);
    text_or_null(json, "created_at", policy.created_at);
    text_or_null(json, "updated_at", policy.updated_at);
    json.end();
}

Answer policies(const Context& context) {
    const auto table = store::read_policies(context.sources.database);
    if (!table) return make_read_problem(table.error());
    auto json = begin_json();
    json.begin_array("items");
    for (const auto& policy : table->policies) write_policy(json, policy);
    json.end().begin_array("problems");
    for (const auto& complaint : table->complaints) json.text({}, complaint);
    json.end().end();
    return {200, json.finish()};
}

Answer budgets(const Context& context) {
    const UtcTime now = context.sources.clock->now_utc();
    const auto rows = store::read_budgets(context.sources.database, now);
    if (!rows) return make_read_problem(rows.error());
    const auto month = store::read_month_forecast(context.sources.database, now);
    if (!month) return make_read_problem(month.error());
    auto json = begin_json();
    json.begin_array("items");
    for (const auto& row : *rows) write_budget(json, row);
    json.end().begin_object("forecast");
    json.text("period_start", to_iso8601(month->period.from));
    json.text("period_end", to_iso8601(month->period.to));
    json.number("spent_usd_minor_units", to_millicents(month->spend.spent));
    write_optional_money(json, "forecast_usd_minor_units", month->forecast);
    json.end().end();
    return {200, json.finish()};
}

Answer audit(const Context& context) {
    store::AuditQuery query;
    const auto& request = context.request;
    if (const auto* since = request.find("since"))
        if (const auto time = parse_day_or_time(*since)) query.since = to_iso8601(*time);
    if (const auto* type = request.find("type")) query.type = *type;
    if (const auto* project = request.find("project")) query.project = *project;
    const auto* limit = request.find("limit");
    query.count_max =
        limit ? static_cast<std::int64_t>(parse_decimal(*limit).value_or(limits::api_page_rows))
              : limits::api_page_rows;
    if (const auto* cursor = request.find("cursor")) {
        // Ids rise and are never used again, so the place stays the place.
        const auto id = parse_decimal(*cursor);
        if (!id || *id > INT64_MAX) return make_wrong_cursor();
        query.before_id = static_cast<std::int64_t>(*id);
    }
    const auto page = store::read_audit(context.sources.database, query);
    if (!page) return make_read_problem(page.error());
    auto json = begin_json();
    json.begin_array("items");
    for (const auto& event : page->events) {
        json.begin_object().text("id", fmt::format("{}", event.id));
        json.text("occurred_at", event.occurred_at).text("event_type", event.type);
        text_or_null(json, "actor", event.actor);
        text_or_null(json, "project", event.project);
        text_or_null(json, "request_id", event.request_id);
        // Written by us as an object; of another program's it is a text.
        JsonParser parser;
        const auto detail = parser.parse(event.detail);
        if (event.detail.empty())
            json.null("detail");
        else if (detail && detail->is_object())
            json.json("detail", event.detail);
        else
            json.text("detail", event.detail);
        json.end();
    }
    json.end();
    page->has_more ? json.text("next_cursor", fmt::format("{}", page->events.back().id))
                   : json.null("next_cursor");
    json.number("total", page->total).end();
    return {200, json.finish()};
}

}  // namespace halton::api
