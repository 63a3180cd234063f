// Routes that list what stands beside the calls: what was not metered, limits, prices.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "api/handlers.h"
#include "api/reasons.h"
#include "api/rows_json.h"
#include "base/text.h"
#include "meter/pricing.h"
#include "store/reader.h"
#include "store/reports.h"
#include "store/usage.h"

namespace halton::api {
namespace {

std::int64_t to_number(std::uint64_t value) {
    return value > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(value);
}

void write_rates(JsonWriter& json, std::string_view name, const meter::Rates& rates) {
    json.begin_object(name);
    for (std::size_t i = 0; i < meter::rate_count; ++i) {
        const auto rate = static_cast<meter::Rate>(i);
        if (rates.has(rate)) json.number(meter::name_of(rate), rates.get(rate));
    }
    json.end();
}

std::optional<std::int64_t> if_listed(std::int64_t nanousd) {
    return nanousd < 0 ? std::nullopt : std::optional(nanousd);
}

void write_day_or_null(JsonWriter& json, std::string_view name, UtcTime time, UtcTime never) {
    time == never ? json.null(name) : json.text(name, to_day(time));
}

bool has_any(const meter::Rates& rates) { return !(rates == meter::Rates()); }

// One item for each tier and band that has a price of its own.
void write_price(JsonWriter& json, const meter::ListedPrice& listed) {
    const auto& row = *listed.row;
    bool is_first = true;
    for (const auto& band : row.bands)
        for (std::size_t i = 0; i < meter::tier_count; ++i) {
            if (!has_any(band.rates[i])) continue;
            json.begin_object().text("provider", row.provider).text("model", row.model);
            json.begin_array("also");
            for (const auto& other : row.also) json.text({}, other);
            json.end();
            write_day_or_null(json, "from", row.from, UtcTime::min());
            json.text("source", listed.rates_source);
            json.text("tier", meter::name_of(static_cast<meter::Tier>(i)));
            json.number_or_null("above_tokens", if_listed(band.above_tokens));
            write_rates(json, "nanousd_per_1k", band.rates[i]);
            json.begin_object("nanousd_per_1k_units");
            for (std::size_t unit = 0; is_first && unit < meter::unit_count; ++unit)
                if (const auto price = row.units.get(static_cast<meter::Unit>(unit)); price >= 0)
                    json.number(meter::name_of(static_cast<meter::Unit>(unit)), price);
            json.end();
            json.number_or_null("web_search_nanousd", if_listed(row.web_search_nanousd));
            json.number_or_null("request_nanousd", if_listed(row.request_nanousd));
            json.end();
            is_first = false;
        }
    if (!is_first) return;
    // Charged by units alone.
    json.begin_object().text("provider", row.provider).text("model", row.model);
    json.begin_array("also");
    for (const auto& other : row.also) json.text({}, other);
    json.end();
    write_day_or_null(json, "from", row.from, UtcTime::min());
    json.text("source", listed.rates_source).text("tier", "standard").null("above_tokens");
    json.begin_object("nanousd_per_1k").end().begin_object("nanousd_per_1k_units");
    for (std::size_t unit = 0; unit < meter::unit_count; ++unit)
        if (const auto price = row.units.get(static_cast<meter::Unit>(unit)); price >= 0)
            json.number(meter::name_of(static_cast<meter::Unit>(unit)), price);
    json.end();
    json.number_or_null("web_search_nanousd", if_listed(row.web_search_nanousd));
    json.number_or_null("request_nanousd", if_listed(row.request_nanousd)).end();
}

// The price rows that calls of the last 90 days were priced by, as far as the book has them.
Result<std::set<const meter::PriceRow*>> find_used(const Context& context) {
    const UtcTime now = context.sources.clock->now_utc();
    store::UsageQuery query;
    query.from = now - std::chrono::hours(24 * 90);
    query.group_by = {store::UsageGroup::provider, store::UsageGroup::model};
    const auto rows = store::read_usage(context.database(), query);
    if (!rows) return fail(rows.error());
    std::set<std::pair<std::string, std::string>> found;
    for (const auto& row : *rows)
        if (const auto price = context.sources.prices->find(
                {row.provider, row.model, meter::RequestKind::chat, {}, now}))
            found.insert({price->row.provider, price->row.model});
    std::set<const meter::PriceRow*> used;
    for (const auto& listed : context.sources.prices->rows())
        if (found.count({listed.row->provider, listed.row->model}) > 0) used.insert(listed.row);
    return used;
}

}  // namespace

Answer passthrough(const Context& context) {
    const UtcTime now = context.sources.clock->now_utc();
    const auto* since = context.request.find("since");
    const UtcTime from = (since ? parse_day_or_time(*since) : std::nullopt)
                             .value_or(now - std::chrono::hours(24 * 30));
    const auto rows = store::read_unmetered(context.sources.database, from);
    if (!rows) return make_read_problem(rows.error());
    store::UsageQuery query;
    query.from = from;
    const auto metered = store::read_usage_summary(context.database(), query);
    if (!metered) return make_read_problem(metered.error());
    auto json = begin_json();
    json.text("since", to_day(from)).number("metered_requests", metered->sums.requests);
    json.begin_array("items");
    for (const auto& row : *rows) {
        const auto reason = describe_passthrough(row.reason);
        json.begin_object().text("reason", row.reason).text("meaning", reason.meaning);
        text_or_null(json, "what_to_do", reason.what_to_do);
        text_or_null(json, "program", row.program);
        text_or_null(json, "host", row.host);
        json.number("connections", row.count);
        json.text("first_at", to_iso8601(row.first_at)).text("last_at", to_iso8601(row.last_at));
        json.end();
    }
    json.end();
    write_refusing_clients(json, context.facts);
    write_unseen(json, context.facts);
    json.begin_object("dropped");
    json.number("queue_full", to_number(context.facts.ledger.rows_dropped_queue_full));
    json.number("error", to_number(context.facts.ledger.rows_dropped_error)).end();
    json.end();
    return {200, json.finish()};
}

Answer limits_of_plans(const Context& context) {
    const auto rows = store::read_plan_limits(context.sources.database);
    if (!rows) return make_read_problem(rows.error());
    const UtcTime now = context.sources.clock->now_utc();
    auto json = begin_json();
    json.begin_array("items");
    for (const auto& row : *rows) {
        json.begin_object().text("provider", row.provider).text("name", row.name);
        text_or_null(json, "plan", row.plan);
        text_or_null(json, "status", row.status);
        json.real_or_null("used_fraction", row.used_fraction);
        time_or_null(json, "resets_at", row.resets_at);
        json.flag("is_over", row.resets_at && *row.resets_at <= now);
        json.number_or_null("window_minutes", row.window_minutes == 0
                                                  ? std::nullopt
                                                  : std::optional(row.window_minutes));
        json.text("observed_at", to_iso8601(row.observed_at)).end();
    }
    json.end().end();
    return {200, json.finish()};
}

Answer prices(const Context& context) {
    const auto& book = *context.sources.prices;
    const auto* used_text = context.request.find("used");
    const auto* words = context.request.find("q");
    std::optional<std::set<const meter::PriceRow*>> used;
    if (used_text != nullptr && *used_text == "1") {
        auto found = find_used(context);
        if (!found) return make_read_problem(found.error());
        used = std::move(*found);
    }
    const auto unpriced = store::read_unpriced_models(
        context.sources.database, context.sources.clock->now_utc() - std::chrono::hours(24 * 30));
    if (!unpriced) return make_read_problem(unpriced.error());
    auto json = begin_json();
    json.text("bundle_date", book.bundle_date());
    text_or_null(json, "local_date", book.local_date());
    json.begin_array("items");
    for (const auto& listed : book.rows()) {
        if (used && used->count(listed.row) == 0) continue;
        const auto name = to_lower(listed.row->provider + " " + listed.row->model);
        if (words != nullptr && name.find(to_lower(*words)) == std::string::npos) continue;
        write_price(json, listed);
    }
    json.end().begin_array("overrides");
    for (const auto& price : book.overrides()) {
        json.begin_object().text("provider", price.provider).text("model", price.model);
        json.text("tier", meter::name_of(price.tier));
        json.number_or_null("above_tokens", if_listed(price.above_tokens));
        write_day_or_null(json, "from", price.from, UtcTime::min());
        // The last day that counts, not the first that does not.
        write_day_or_null(
            json, "to",
            price.until == UtcTime::max() ? price.until : price.until - std::chrono::hours(24),
            UtcTime::max());
        write_rates(json, "nanousd_per_1k", price.rates);
        json.end();
    }
    json.end().begin_array("unpriced_models");
    for (const auto& model : *unpriced)
        json.begin_object()
            .text("provider", model.provider)
            .text("model", model.model)
            .number("requests", model.requests)
            .end();
    json.end().end();
    return {200, json.finish()};
}

}  // namespace halton::api
