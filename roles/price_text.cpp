#include "roles/price_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

using meter::FoundPrice;
using meter::PriceBand;
using meter::PriceRow;
using meter::Rate;
using meter::Rates;
using meter::Tier;
using meter::Unit;

constexpr std::size_t name_bytes_max = 80;

bool contains(std::string_view text, std::string_view part) {
    return to_lower(text).find(to_lower(part)) != std::string::npos;
}

// Rows that hold at `now`: of the periods of a model the newest that has begun, and of the layers
// the first.
std::vector<meter::ListedPrice> select(const meter::PriceBook& book, const PriceFilter& filter) {
    std::map<std::pair<std::string, std::string>, meter::ListedPrice> chosen;
    for (const meter::ListedPrice& listed : book.rows()) {
        const PriceRow& row = *listed.row;
        if (!filter.provider.empty() && row.provider != filter.provider) continue;
        const bool is_named =
            contains(row.model, filter.filter) ||
            std::any_of(row.also.begin(), row.also.end(),
                        [&](const std::string& name) { return contains(name, filter.filter); });
        if (!is_named || row.from > filter.now) continue;
        auto& place = chosen[{row.provider, row.model}];
        const bool is_better = place.row == nullptr || (place.rates_source == listed.rates_source &&
                                                        row.from > place.row->from);
        if (is_better) place = listed;
    }
    std::vector<meter::ListedPrice> rows;
    for (const auto& [key, listed] : chosen) rows.push_back(listed);
    return rows;
}

std::string to_day(UtcTime time) { return to_iso8601(time).substr(0, 10); }

// Fees and whole units in dollars: "0.01".
std::string to_fee_text(std::int64_t nanousd) { return to_rate_text(nanousd / 1000); }

std::string to_units_text(const PriceRow& row) {
    std::string text;
    for (std::size_t i = 0; i < meter::unit_count; ++i) {
        const auto unit = static_cast<Unit>(i);
        const auto price = row.units.get(unit);
        if (price < 0) continue;
        text += fmt::format("{}{} per {}", text.empty() ? "$" : ", $",
                            to_rate_text(price / 1'000'000), name_of(unit));
    }
    return text;
}

void write_rates(JsonWriter& json, std::string_view key, const Rates& rates) {
    if (rates == Rates{}) return;
    json.begin_object(key);
    for (std::size_t i = 0; i < meter::rate_count; ++i) {
        const auto rate = static_cast<Rate>(i);
        if (rates.has(rate))
            json.number(fmt::format("{}_nanousd_per_1k", name_of(rate)), rates.get(rate));
    }
    json.end();
}

void write_band(JsonWriter& json, const PriceBand& band) {
    for (std::size_t i = 0; i < meter::tier_count; ++i)
        write_rates(json, name_of(static_cast<Tier>(i)), band.rates[i]);
}

void write_price(JsonWriter& json, const PriceRow& row, std::string_view source) {
    json.text("provider", row.provider).text("model", row.model);
    row.from == UtcTime::min() ? json.null("from") : json.text("from", to_day(row.from));
    json.text("rates_source", source);
    write_band(json, row.bands.front());
    json.begin_array("above");
    for (std::size_t i = 1; i < row.bands.size(); ++i) {
        json.begin_object().number("tokens", row.bands[i].above_tokens);
        write_band(json, row.bands[i]);
        json.end();
    }
    json.end();
    json.begin_object("units");
    for (std::size_t i = 0; i < meter::unit_count; ++i) {
        const auto unit = static_cast<Unit>(i);
        if (row.units.get(unit) >= 0)
            json.number(fmt::format("{}_nanousd_per_1k", name_of(unit)), row.units.get(unit));
    }
    json.end();
    const auto fee = [&](std::string_view key, std::int64_t nanousd) {
        nanousd < 0 ? json.null(key) : json.number(key, nanousd);
    };
    fee("web_search_nanousd", row.web_search_nanousd);
    fee("grounded_call_nanousd", row.grounded_call_nanousd);
    fee("request_nanousd", row.request_nanousd);
    json.flag("fees_vary", row.is_fee_varying);
    json.number("fast_percent", row.fast_percent).number("us_percent", row.us_percent);
}

// One line for each price of a step: "  input  3  batch 1.5".
std::string to_band_text(const PriceBand& band) {
    std::string text;
    for (std::size_t i = 0; i < meter::rate_count; ++i) {
        const auto rate = static_cast<Rate>(i);
        std::string line;
        for (std::size_t k = 0; k < meter::tier_count; ++k) {
            if (!band.rates[k].has(rate)) continue;
            const auto tier = static_cast<Tier>(k);
            line +=
                tier == Tier::standard
                    ? fmt::format("  {:>10}", to_rate_text(band.rates[k].get(rate)))
                    : fmt::format("  {} {}", name_of(tier), to_rate_text(band.rates[k].get(rate)));
        }
        if (!line.empty()) text += fmt::format("    {:<17}{}\n", name_of(rate), line);
    }
    return text;
}

std::string to_signed_dollars(NanoUsd amount) {
    return (amount.value > 0 ? "+" : "") + to_dollar_text(amount);
}

std::string to_span(std::chrono::seconds span) {
    const auto minutes = span.count() / 60;
    if (minutes < 120) return fmt::format("{} min", minutes);
    if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
    return fmt::format("{} d {} h", minutes / 1440, minutes / 60 % 24);
}

bool is_reset(const store::PlanLimitRow& limit, UtcTime now) {
    return limit.resets_at && *limit.resets_at <= now;
}

}  // namespace

std::string to_rate_text(std::int64_t nanousd) {
    if (nanousd < 0) return "-";
    std::string text = fmt::format("{}.{:06}", nanousd / 1'000'000, nanousd % 1'000'000);
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
}

std::string to_sources_text(const meter::PriceBook& book) {
    std::string text =
        fmt::format("Prices of {}, in halton-meter {}", book.bundle_date(), version());
    if (!book.local_date().empty())
        text += fmt::format("; a local set imported {}", book.local_date());
    if (const auto count = book.overrides().size(); count > 0)
        text += fmt::format("; {} negotiated price{} in config.toml", count, count == 1 ? "" : "s");
    return text + ".\n";
}

std::string to_price_list(const meter::PriceBook& book, const PriceFilter& filter, int width) {
    std::string text =
        to_sources_text(book) + "USD per million tokens; + more with more input.\n\n";
    std::vector<std::vector<std::string>> rows;
    for (const meter::ListedPrice& listed : select(book, filter)) {
        const PriceRow& row = *listed.row;
        // What a negotiated price changes is shown as it counts.
        const auto found =
            book.find({row.provider, row.model, meter::RequestKind::chat, "", filter.now});
        const PriceRow& shown = found ? found->row : row;
        const Rates& rates = shown.bands.front().rates[0];
        std::string more = to_units_text(shown);
        if (shown.bands.size() > 1)
            more = fmt::format("+ above {}k", shown.bands[1].above_tokens / 1000);
        rows.push_back({row.provider, to_safe_text(row.model, name_bytes_max),
                        to_rate_text(rates.get(Rate::input)), to_rate_text(rates.get(Rate::output)),
                        to_rate_text(rates.get(Rate::cache_read)),
                        to_rate_text(rates.get(Rate::cache_write)), more,
                        found && found->rates_source == "override" ? "override" : ""});
    }
    // Negotiated prices of models that no list has.
    std::set<std::pair<std::string, std::string>> own;
    for (const auto& entry : book.overrides()) {
        const bool is_wanted = (filter.provider.empty() || entry.provider == filter.provider) &&
                               contains(entry.model, filter.filter);
        if (!is_wanted || !own.emplace(entry.provider, entry.model).second) continue;
        const bool is_listed = std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
            return row[0] == entry.provider && row[1] == entry.model;
        });
        const auto found =
            book.find({entry.provider, entry.model, meter::RequestKind::chat, "", filter.now});
        if (is_listed || !found) continue;
        const Rates& rates = found->row.bands.front().rates[0];
        rows.push_back({entry.provider, to_safe_text(entry.model, name_bytes_max),
                        to_rate_text(rates.get(Rate::input)), to_rate_text(rates.get(Rate::output)),
                        to_rate_text(rates.get(Rate::cache_read)),
                        to_rate_text(rates.get(Rate::cache_write)), "", "override"});
    }
    if (rows.empty()) return text + "  No such model. See: halton-meter pricing list\n";
    return text + render_table({{"provider", false, 1},
                                {"model", false, 0, true},
                                {"input", true, 0},
                                {"output", true, 0},
                                {"cache read", true, 3},
                                {"cache write", true, 4},
                                {"", false, 2},
                                {"", false, 0}},
                               std::move(rows), width);
}

std::string to_price_list_json(const meter::PriceBook& book, const PriceFilter& filter) {
    JsonWriter json;
    json.begin_object().text("version", version()).text("bundle_date", book.bundle_date());
    book.local_date().empty() ? json.null("local_date")
                              : json.text("local_date", book.local_date());
    json.number("overrides", static_cast<std::int64_t>(book.overrides().size()));
    json.begin_array("prices");
    for (const meter::ListedPrice& listed : select(book, filter)) {
        const auto found = book.find(
            {listed.row->provider, listed.row->model, meter::RequestKind::chat, "", filter.now});
        json.begin_object();
        found ? write_price(json, found->row, found->rates_source)
              : write_price(json, *listed.row, listed.rates_source);
        json.end();
    }
    json.end().end();
    return json.finish();
}

std::string to_price_details(const std::vector<FoundPrice>& found, UtcTime at) {
    std::string text;
    for (const FoundPrice& price : found) {
        const PriceRow& row = price.row;
        text += fmt::format("{}{} {} on {}\n", text.empty() ? "" : "\n", row.provider,
                            to_safe_text(row.model, name_bytes_max), to_day(at));
        text += fmt::format("  price row {}, list of {} ({})\n", price.price_id, price.price_date,
                            price.rates_source);
        const std::string first = to_band_text(row.bands.front());
        if (!first.empty()) text += "  USD per million tokens\n" + first;
        for (std::size_t i = 1; i < row.bands.size(); ++i)
            text += fmt::format("  with more than {} tokens of input, for every token\n{}",
                                row.bands[i].above_tokens, to_band_text(row.bands[i]));
        if (const auto units = to_units_text(row); !units.empty()) text += "  " + units + '\n';
        const auto fee = [&](std::string_view what, std::int64_t nanousd) {
            if (nanousd >= 0)
                text += fmt::format("  ${} {}{}\n", to_fee_text(nanousd), what,
                                    row.is_fee_varying ? " (varies: an estimate)" : "");
        };
        fee("per web search", row.web_search_nanousd);
        fee("per call that searches", row.grounded_call_nanousd);
        fee("per call", row.request_nanousd);
        if (row.fast_percent != 100)
            text +=
                fmt::format("  times {} in fast mode\n", to_rate_text(row.fast_percent * 10'000));
        if (row.us_percent != 100)
            text += fmt::format("  times {} in the US\n", to_rate_text(row.us_percent * 10'000));
    }
    return text;
}

std::string to_price_details_json(const std::vector<FoundPrice>& found, UtcTime at) {
    JsonWriter json;
    json.begin_object().text("at", to_day(at)).begin_array("prices");
    for (const FoundPrice& price : found) {
        json.begin_object().text("price_id", price.price_id).text("price_date", price.price_date);
        write_price(json, price.row, price.rates_source);
        json.end();
    }
    json.end().end();
    return json.finish();
}

std::string to_import_text(const meter::PriceImport& import, std::string_view file) {
    std::string text = fmt::format("{} models taken from {}.\n", import.row_count, file);
    std::size_t count = 0;
    for (const auto& [why, skipped] : import.skipped) count += skipped.count;
    if (count > 0) text += fmt::format("{} entries left out:\n", count);
    for (const auto& [why, skipped] : import.skipped) {
        std::string names;
        for (const auto& name : skipped.examples) names += (names.empty() ? "" : ", ") + name;
        if (skipped.count > skipped.examples.size()) names += ", ...";
        text += fmt::format("  {:>6}  {}: {}\n", skipped.count, why, names);
    }
    return text +
           "They go before the prices of this version; calls are priced by them once the "
           "daemon was\nstarted anew, rows of before with: halton-meter reprice --since 7d\n";
}

std::string to_reprice_text(const store::RepriceResult& result, bool is_applied, int width) {
    const NanoUsd difference{result.after.value - result.before.value};
    std::string text =
        fmt::format("{} rows looked at: {} {}, {} unchanged.\n", result.rows, result.changed,
                    is_applied ? "changed" : "would change", result.unchanged);
    if (result.kept > 0)
        text += fmt::format("{} keep a price that no list has any more.\n", result.kept);
    if (result.too_old > 0)
        text += fmt::format("{} are from a version that did not keep what a price needs.\n",
                            result.too_old);
    if (result.overtaken > 0)
        text += fmt::format("{} were changed by somebody else meanwhile; run it again.\n",
                            result.overtaken);
    if (result.changed == 0) return text;
    std::vector<std::vector<std::string>> rows;
    for (const auto& group : result.groups)
        rows.push_back({group.provider, to_safe_text(group.model, name_bytes_max),
                        fmt::format("{}", group.changed_rows), to_dollar_text(group.before),
                        to_dollar_text(group.after),
                        to_signed_dollars({group.after.value - group.before.value})});
    text += '\n' + render_table({{"provider", false, 1},
                                 {"model", false, 0, true},
                                 {"rows", true, 2},
                                 {"before", true, 0},
                                 {"after", true, 0},
                                 {"difference", true, 0}},
                                std::move(rows), width);
    text += fmt::format("\nIn all: {} before, {} after ({}).\n", to_dollar_text(result.before),
                        to_dollar_text(result.after), to_signed_dollars(difference));
    return text;
}

std::string to_reprice_json(const store::RepriceResult& result, bool is_applied) {
    JsonWriter json;
    json.begin_object().flag("applied", is_applied).number("rows", result.rows);
    json.number("changed", result.changed).number("unchanged", result.unchanged);
    json.number("kept", result.kept).number("too_old", result.too_old);
    json.number("overtaken", result.overtaken);
    json.number("before_nanousd", result.before.value).number("after_nanousd", result.after.value);
    json.begin_array("by_model");
    for (const auto& group : result.groups)
        json.begin_object()
            .text("provider", group.provider)
            .text("model", group.model)
            .number("rows", group.changed_rows)
            .number("before_nanousd", group.before.value)
            .number("after_nanousd", group.after.value)
            .end();
    json.end().end();
    return json.finish();
}

std::string to_limits_text(const std::vector<store::PlanLimitRow>& limits, UtcTime now, int width) {
    using std::chrono::duration_cast;
    using std::chrono::seconds;
    std::vector<std::vector<std::string>> rows;
    for (const auto& limit : limits) {
        std::string used = limit.used_fraction
                               ? fmt::format("{}%", std::llround(*limit.used_fraction * 100))
                               : "-";
        std::string resets = "-";
        if (is_reset(limit, now)) {
            used = "-";
            resets = "has been reset";
        } else if (limit.resets_at) {
            resets = "in " + to_span(duration_cast<seconds>(*limit.resets_at - now));
        }
        const auto age = std::max(seconds(0), duration_cast<seconds>(now - limit.observed_at));
        rows.push_back({limit.provider, to_safe_text(limit.name, name_bytes_max), used, resets,
                        limit.status.empty() ? "-" : to_safe_text(limit.status, 40),
                        limit.plan.empty() ? "-" : to_safe_text(limit.plan, 40),
                        to_span(age) + " ago"});
    }
    return render_table({{"provider", false, 3},
                         {"window", false, 0},
                         {"used", true, 0},
                         {"resets", false, 0},
                         {"state", false, 2},
                         {"plan", false, 4},
                         {"seen", false, 1}},
                        std::move(rows), width);
}

std::string to_limits_json(const std::vector<store::PlanLimitRow>& limits, UtcTime now) {
    JsonWriter json;
    json.begin_object().begin_array("limits");
    for (const auto& limit : limits) {
        json.begin_object().text("provider", limit.provider).text("window", limit.name);
        json.real_or_null("used_fraction", limit.used_fraction);
        limit.resets_at ? json.text("resets_at", to_iso8601(*limit.resets_at))
                        : json.null("resets_at");
        json.flag("has_been_reset", is_reset(limit, now));
        limit.window_minutes > 0 ? json.number("window_minutes", limit.window_minutes)
                                 : json.null("window_minutes");
        limit.status.empty() ? json.null("status") : json.text("status", limit.status);
        limit.plan.empty() ? json.null("plan") : json.text("plan", limit.plan);
        json.text("observed_at", to_iso8601(limit.observed_at)).end();
    }
    json.end().end();
    return json.finish();
}

}  // namespace halton::roles
