// Routes that give sums: projects, stats, usage, tools. From the roll-ups, through store/usage.h.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "api/handlers.h"
#include "api/rows_json.h"
#include "base/limits.h"
#include "base/text.h"
#include "store/projects.h"
#include "store/reader.h"
#include "store/usage.h"

namespace halton::api {
namespace {

using store::UsageGroup;
using store::UsageQuery;
using store::UsageRow;
using store::UsageSums;

bool wants_local(const Request& request) {
    const auto* zone = request.find("zone");
    return zone != nullptr && *zone == "local";
}

// A day is one of the zone's; a time with its Z is that time.
std::optional<UtcTime> read_moment(const Request& request, std::string_view name,
                                   const store::DayZone& zone) {
    const auto* text = request.find(name);
    if (text == nullptr) return std::nullopt;
    const auto time = parse_day_or_time(*text);
    if (!time || text->size() != 10) return time;
    // Twice, for the offset of the day's own midnight.
    const UtcTime near = *time - zone.offset_at(*time);
    return *time - zone.offset_at(near);
}

store::DayZone read_zone(const Context& context) {
    if (!wants_local(context.request) || !context.sources.local_zone) return {};
    const UtcTime now = context.sources.clock->now_utc();
    // From the day before the one asked for: its own midnight is found by it.
    auto from =
        read_moment(context.request, "since", {}).value_or(now - std::chrono::hours(24 * 3660));
    return context.sources.local_zone(from - std::chrono::hours(48), now + std::chrono::hours(48));
}

void write_zone(JsonWriter& json, const Context& context, const store::DayZone& zone) {
    const UtcTime now = context.sources.clock->now_utc();
    json.text("zone", zone.spans.empty() ? "UTC" : context.sources.local_zone_name(now));
    json.number("utc_offset_minutes", zone.offset_at(now).count());
}

UsageQuery make_query(const Context& context, const store::DayZone& zone) {
    UsageQuery query;
    query.zone = zone;
    query.from = read_moment(context.request, "since", zone);
    query.to = read_moment(context.request, "until", zone);
    const auto take = [&](std::string_view name, std::optional<std::string>& field) {
        if (const auto* text = context.request.find(name)) field = *text;
    };
    take("project", query.project);
    take("provider", query.provider);
    take("model", query.model);
    take("tool", query.tool);
    return query;
}

Result<std::vector<UsageRow>> read_groups(const Context& context, UsageQuery query,
                                          std::vector<UsageGroup> groups) {
    query.group_by = std::move(groups);
    return store::read_usage(context.database(), query);
}

void write_project(JsonWriter& json, const store::ProjectUsage& row,
                   const store::ProjectSettings* settings) {
    json.begin_object();
    json.text("id", fmt::format("{}", row.id)).text("name", row.name).text("slug", row.slug);
    json.text("created_at", row.created_at);
    text_or_null(json, "archived_at", row.archived_at);
    json.begin_object("stats");
    json.number("requests_this_month", row.this_month.requests);
    json.number("cost_usd_this_month_minor_units", to_millicents(row.this_month.cost));
    json.number("previous_month_cost_usd_minor_units", to_millicents(row.previous_month.cost));
    json.number("all_time_cost_usd_minor_units", to_millicents(row.all_time.cost));
    json.number("all_time_requests", row.all_time.requests);
    time_or_null(json, "last_active_at", row.last_active_at);
    text_or_null(json, "primary_model", row.primary_model);
    text_or_null(json, "primary_provider", row.primary_provider);
    text_or_null(json, "top_model", row.top_model);
    text_or_null(json, "top_provider", row.top_provider);
    json.end();
    text_or_null(json, "folder", settings ? std::string_view(settings->folder) : "");
    json.begin_array("old_slugs");
    if (settings != nullptr)
        for (const auto& slug : settings->old_slugs) json.text({}, slug);
    json.end();
    settings != nullptr && settings->body_capture
        ? json.flag("body_capture", *settings->body_capture)
        : json.null("body_capture");
    json.end();
}

const store::ProjectSettings* find_settings(const std::vector<store::ProjectSettings>& rows,
                                            const std::string& slug) {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [&slug](const auto& row) { return row.slug == slug; });
    return found == rows.end() ? nullptr : &*found;
}

// Nothing: an answer to give instead.
Result<std::vector<store::ProjectSettings>> read_settings(const Context& context) {
    return store::read_project_settings(context.database());
}

Answer no_such_project() { return make_problem(404, "no project of that name"); }

// The rows summed up over all but these words; highest cost first.
std::vector<UsageRow> sum_up(const std::vector<UsageRow>& rows,
                             const std::vector<std::string UsageRow::*>& words) {
    std::map<std::vector<std::string>, UsageRow> sums;
    for (const auto& row : rows) {
        std::vector<std::string> key;
        for (const auto word : words) key.push_back(row.*word);
        auto& sum = sums[key];
        for (const auto word : words) sum.*word = row.*word;
        sum.sums.add(row.sums);
    }
    std::vector<UsageRow> sorted;
    for (auto& [key, row] : sums) sorted.push_back(std::move(row));
    std::stable_sort(sorted.begin(), sorted.end(), [](const UsageRow& a, const UsageRow& b) {
        return std::pair(a.sums.cost, a.sums.plan_cost) > std::pair(b.sums.cost, b.sums.plan_cost);
    });
    return sorted;
}

void write_group(JsonWriter& json, const UsageRow& row) { write_sums(json, row.sums); }

// Every day of [from, to) in that zone, whether something happened or not; of a longer time the
// last of them, since a clock that stood at 1970 must not hide today.
std::vector<std::string> list_days(const store::DayZone& zone, UtcTime from, UtcTime to) {
    std::vector<std::string> days;
    const UtcTime least =
        to - std::chrono::hours(24) * (static_cast<long>(limits::usage_periods_max) - 2);
    for (UtcTime day = from < least ? zone.day_start(least) : from;
         day < to && days.size() < limits::usage_periods_max; day = zone.next_day_start(day))
        days.push_back(zone.day_of(day));
    return days;
}

// Rows of (day, provider), by day, as the two lists of the documented form.
void write_days(JsonWriter& json, const std::vector<std::string>& days,
                const std::vector<UsageRow>& by_day_by_provider) {
    std::size_t begin = 0;
    while (begin < by_day_by_provider.size() && !days.empty() &&
           by_day_by_provider[begin].period < days.front())
        ++begin;
    json.begin_array("by_day");
    std::size_t at = begin;
    for (const auto& day : days) {
        UsageSums sums;
        for (; at < by_day_by_provider.size() && by_day_by_provider[at].period <= day; ++at)
            sums.add(by_day_by_provider[at].sums);
        json.begin_object()
            .text("date", day)
            .number("requests", sums.requests)
            .number("cost_usd_minor_units", to_millicents(sums.cost))
            .number("plan_cost_usd_minor_units", to_millicents(sums.plan_cost))
            .end();
    }
    json.end();
    json.begin_array("by_day_by_provider");
    for (std::size_t first = begin; first < by_day_by_provider.size();) {
        std::size_t last = first;
        std::vector<NanoUsd> costs;
        std::vector<NanoUsd> plan_costs;
        while (last < by_day_by_provider.size() &&
               by_day_by_provider[last].period == by_day_by_provider[first].period) {
            costs.push_back(by_day_by_provider[last].sums.cost);
            plan_costs.push_back(by_day_by_provider[last].sums.plan_cost);
            ++last;
        }
        const auto shares = apportion_millicents(costs);
        const auto plan_shares = apportion_millicents(plan_costs);
        for (std::size_t i = first; i < last; ++i)
            json.begin_object()
                .text("date", by_day_by_provider[i].period)
                .text("provider", by_day_by_provider[i].provider)
                .number("requests", by_day_by_provider[i].sums.requests)
                .number("cost_usd_minor_units", shares[i - first])
                .number("plan_cost_usd_minor_units", plan_shares[i - first])
                .end();
        first = last;
    }
    json.end();
}

void write_summary(JsonWriter& json, const store::UsageSummary& summary) {
    const auto& sums = summary.sums;
    json.begin_object("summary");
    json.number("total_requests", sums.requests);
    json.number("total_input_tokens", sums.input_tokens);
    json.number("total_output_tokens", sums.output_tokens);
    json.number("total_thinking_tokens", sums.thinking_tokens);
    json.number("total_cache_read_tokens", sums.cache_read_tokens);
    json.number("total_cache_write_tokens", sums.cache_write_tokens);
    json.number("total_cost_usd_minor_units", to_millicents(sums.cost));
    json.real("cache_hit_rate", sums.cache_hit_rate());
    json.number("active_projects", summary.active_projects);
    json.number("models_in_use", summary.models_in_use);
    time_or_null(json, "last_request_at", summary.last_request_at);
    json.number("total_cost_nanousd", sums.cost.value);
    json.number("unpriced_requests", sums.unpriced_requests - sums.plan_unpriced_requests);
    json.number("estimated_requests", sums.estimated_requests);
    json.number("incomplete_requests", sums.incomplete_requests);
    json.number("error_requests", sums.error_requests);
    json.number("plan_requests", sums.plan_requests);
    json.number("plan_cost_usd_minor_units", to_millicents(sums.plan_cost));
    json.number("plan_cost_nanousd", sums.plan_cost.value);
    json.end();
}

Answer make_stats(const Context& context, std::optional<std::string> slug) {
    const auto zone = read_zone(context);
    auto query = make_query(context, zone);
    query.project = std::move(slug);
    const auto summary = store::read_usage_summary(context.database(), query);
    if (!summary) return make_read_problem(summary.error());
    auto of_days = query;
    of_days.is_spend_only = true;
    const auto by_day = read_groups(context, of_days, {UsageGroup::day, UsageGroup::provider});
    if (!by_day) return make_read_problem(by_day.error());
    // One look at the rows for all four lists.
    const auto kinds = read_groups(
        context, query,
        {UsageGroup::project, UsageGroup::provider, UsageGroup::model, UsageGroup::tool});
    if (!kinds) return make_read_problem(kinds.error());
    const auto settings = read_settings(context);
    if (!settings) return make_read_problem(settings.error());

    auto json = begin_json();
    write_summary(json, *summary);
    // Without a beginning the axis begins with the first call; the end is today.
    const auto from = query.from ? query.from : summary->first_request_at;
    const auto to =
        query.to.value_or(context.sources.clock->now_utc() + std::chrono::microseconds(1));
    write_days(json, from ? list_days(zone, *from, to) : std::vector<std::string>(), *by_day);
    json.begin_array("by_provider");
    for (const auto& row : sum_up(*kinds, {&UsageRow::provider})) {
        json.begin_object().text("provider", row.provider);
        write_group(json, row);
        json.end();
    }
    json.end().begin_array("by_model");
    for (const auto& row : sum_up(*kinds, {&UsageRow::provider, &UsageRow::model})) {
        json.begin_object().text("provider", row.provider).text("model", row.model);
        write_group(json, row);
        json.end();
    }
    json.end().begin_array("by_project");
    for (const auto& row : sum_up(*kinds, {&UsageRow::project})) {
        const auto* known = find_settings(*settings, row.project);
        json.begin_object()
            .text("slug", row.project)
            .text("name", known ? known->name : row.project);
        write_group(json, row);
        json.end();
    }
    json.end().begin_array("by_tool");
    for (const auto& row : sum_up(*kinds, {&UsageRow::tool})) {
        json.begin_object();
        text_or_null(json, "tool", row.tool);
        write_group(json, row);
        json.end();
    }
    json.end();
    write_zone(json, context, zone);
    json.end();
    return {200, json.finish()};
}

struct GroupName {
    std::string_view name;
    UsageGroup group;
    std::string UsageRow::*word;
};
constexpr std::array group_names{
    GroupName{"hour", UsageGroup::hour, &UsageRow::period},
    GroupName{"day", UsageGroup::day, &UsageRow::period},
    GroupName{"week", UsageGroup::week, &UsageRow::period},
    GroupName{"month", UsageGroup::month, &UsageRow::period},
    GroupName{"project", UsageGroup::project, &UsageRow::project},
    GroupName{"provider", UsageGroup::provider, &UsageRow::provider},
    GroupName{"model", UsageGroup::model, &UsageRow::model},
    GroupName{"tool", UsageGroup::tool, &UsageRow::tool},
    GroupName{"billing", UsageGroup::billing, &UsageRow::billing},
};

// Nothing where a word is none of them, comes twice, or is a second period.
std::optional<std::vector<const GroupName*>> read_groupings(std::string_view text) {
    std::vector<const GroupName*> groupings;
    int period_count = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto found =
            std::find_if(group_names.begin(), group_names.end(),
                         [word](const GroupName& name) { return name.name == word; });
        if (found == group_names.end() ||
            std::find(groupings.begin(), groupings.end(), &*found) != groupings.end())
            return std::nullopt;
        if (found->word == &UsageRow::period && ++period_count > 1) return std::nullopt;
        groupings.push_back(&*found);
    }
    return groupings;
}

Answer make_wrong_value(std::string_view name, std::string_view why) {
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().begin_array("detail").begin_object();
    json.begin_array("loc").text({}, "query").text({}, name).end();
    json.text("msg", why).text("type", "value_error").end().end().end();
    return {422, json.finish()};
}

}  // namespace

Answer projects(const Context& context) {
    const auto rows =
        store::read_project_usage(context.database(), context.sources.clock->now_utc());
    if (!rows) return make_read_problem(rows.error());
    const auto settings = read_settings(context);
    if (!settings) return make_read_problem(settings.error());
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_array();
    for (const auto& row : *rows) write_project(json, row, find_settings(*settings, row.slug));
    json.end();
    return {200, json.finish()};
}

Answer project(const Context& context) {
    const auto rows = store::read_project_usage(
        context.database(), context.sources.clock->now_utc(), {}, context.request.name);
    if (!rows) return make_read_problem(rows.error());
    if (rows->empty()) return no_such_project();
    const auto settings = read_settings(context);
    if (!settings) return make_read_problem(settings.error());
    JsonWriter json(JsonWriter::Layout::compact);
    write_project(json, rows->front(), find_settings(*settings, rows->front().slug));
    return {200, json.finish()};
}

Answer stats(const Context& context) { return make_stats(context, std::nullopt); }

Answer project_stats(const Context& context) {
    const auto rows = store::read_project_usage(
        context.database(), context.sources.clock->now_utc(), {}, context.request.name);
    if (!rows) return make_read_problem(rows.error());
    if (rows->empty()) return no_such_project();
    return make_stats(context, rows->front().slug);
}

Answer usage(const Context& context) {
    const auto* by = context.request.find("by");
    const auto groupings = read_groupings(by ? std::string_view(*by) : "day");
    if (!groupings)
        return make_wrong_value(
            "by",
            "wanted: words of hour, day, week, month, project, provider, model, "
            "tool, billing with commas between, at most one of the first four");
    const auto zone = read_zone(context);
    auto query = make_query(context, zone);
    const auto summary = store::read_usage_summary(context.database(), query);
    if (!summary) return make_read_problem(summary.error());
    const UtcTime now = context.sources.clock->now_utc();
    if (!query.from) query.from = summary->first_request_at.value_or(now);
    if (!query.to) query.to = now + std::chrono::microseconds(1);
    for (const auto* grouping : *groupings) query.group_by.push_back(grouping->group);
    query.has_empty_periods = groupings->size() == 1 &&
                              groupings->front()->word == &UsageRow::period &&
                              *query.from < *query.to;
    const auto rows = store::read_usage(context.database(), query);
    if (!rows) return make_read_problem(rows.error());

    const auto* limit_text = context.request.find("limit");
    const auto limit = static_cast<std::size_t>(limit_text ? parse_decimal(*limit_text).value_or(0)
                                                           : limits::api_group_rows);
    auto json = begin_json();
    json.begin_array("by");
    for (const auto* grouping : *groupings) json.text({}, grouping->name);
    json.end();
    json.text("since", to_iso8601(*query.from)).text("until", to_iso8601(*query.to));
    json.begin_object("totals");
    write_sums(json, summary->sums);
    json.end().begin_array("items");
    for (std::size_t i = 0; i < std::min(limit, rows->size()); ++i) {
        const auto& row = (*rows)[i];
        json.begin_object().begin_object("key");
        for (const auto* grouping : *groupings)
            text_or_null(json, grouping->name, row.*(grouping->word));
        json.end();
        write_sums(json, row.sums);
        json.end();
    }
    json.end().flag("is_cut", rows->size() > limit);
    write_zone(json, context, zone);
    json.end();
    return {200, json.finish()};
}

}  // namespace halton::api
