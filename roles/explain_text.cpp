#include "roles/explain_text.h"

#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "meter/buckets.h"
#include "meter/charge.h"
#include "roles/count_text.h"
#include "roles/local_time.h"
#include "roles/price_text.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

using meter::BillingMode;
using meter::CallRecord;
using meter::PriceStep;
using meter::PriceStory;

__extension__ using Wide = __int128;

constexpr std::size_t name_bytes_max = 80;

// Thousandths of a nano-dollar, which is what a count times a price for a thousand is.
std::string to_nano_text(Wide thousandths) {
    const auto whole = static_cast<std::int64_t>(thousandths / 1000);
    const auto rest = static_cast<int>(thousandths % 1000);
    return rest == 0 ? with_separators(whole)
                     : fmt::format("{}.{:03}", with_separators(whole), rest);
}

Wide amount_of(const PriceStep& step, Wide before) {
    switch (step.kind) {
        case PriceStep::Kind::tokens:
        case PriceStep::Kind::units: return Wide{step.count} * step.nanousd;
        case PriceStep::Kind::fee: return Wide{step.count} * step.nanousd * 1000;
        case PriceStep::Kind::factor: break;
    }
    return before * (step.count - 100) / 100;
}

bool has_missing_price(const std::vector<PriceStory>& stories) {
    for (const auto& story : stories)
        for (const auto& step : story.steps)
            if (step.nanousd < 0) return true;
    return false;
}

std::string to_sum_text(const Explanation& explanation, int width) {
    std::string text;
    for (const auto& story : explanation.stories) {
        if (story.steps.empty()) continue;
        if (explanation.stories.size() > 1)
            text += fmt::format("\n  {}\n", to_safe_text(story.model, name_bytes_max));
        std::vector<std::vector<std::string>> rows;
        Wide sum = 0;
        for (const auto& step : story.steps) {
            const bool is_factor = step.kind == PriceStep::Kind::factor;
            std::string price;
            if (step.nanousd < 0)
                price = "not listed";
            else if (step.kind == PriceStep::Kind::fee)
                price = fmt::format("${} each", to_rate_text(step.nanousd / 1000));
            else if (step.kind == PriceStep::Kind::units)
                price = fmt::format("${} each", to_rate_text(step.nanousd / 1'000'000));
            else if (!is_factor)
                price = fmt::format("${} a million", to_rate_text(step.nanousd));
            const Wide amount = step.nanousd < 0 ? 0 : amount_of(step, sum);
            sum += amount;
            rows.push_back(
                {std::string(step.what),
                 is_factor ? fmt::format("{}%", step.count) : with_separators(step.count), price,
                 step.nanousd < 0 ? "-" : to_nano_text(amount), step.is_exact ? "" : "a stand-in"});
        }
        rows.push_back({"sum", "", "", to_nano_text(sum), ""});
        text += '\n' + render_table({{"part", false, 0},
                                     {"count", true, 0},
                                     {"price", true, 0},
                                     {"nano-dollars", true, 0},
                                     {"", false, 1}},
                                    std::move(rows), width);
    }
    return text;
}

}  // namespace

bool Explanation::is_current() const {
    const auto cost = charged.cost ? std::optional(charged.cost->value) : std::nullopt;
    return cost == row.cost;
}

Explanation explain_cost(store::StoredCall row, const meter::PriceBook& book) {
    Explanation explanation{std::move(row), {}, {}, {}, {}};
    CallRecord& call = explanation.charged;
    call = explanation.row.call;
    if (!explanation.row.has_numbers) {
        explanation.reason = "the row is from before rows kept what a price needs";
        return explanation;
    }
    meter::charge(book, call, &explanation.stories);
    const auto model = to_safe_text(call.model, name_bytes_max);
    if (call.billing == BillingMode::deferred) {
        explanation.reason = "a batch: it is charged later, with its results";
    } else if (call.billing == BillingMode::free) {
        explanation.reason = "an endpoint that is never charged";
    } else if (call.price_id == "reported") {
        explanation.reason = "the provider states the final cost with its answer";
    } else if (!call.has_usage && call.http_status >= 400) {
        explanation.reason = call.cost ? "the provider refused the call, which costs nothing"
                                       : "the provider refused the call, and the model is unknown";
    } else if (!call.has_usage) {
        explanation.reason = call.http_status == 0
                                 ? "no answer came, so no counts did"
                                 : "the answer told no counts, so nothing can be reckoned";
    } else if (!call.cost && has_missing_price(explanation.stories)) {
        explanation.reason =
            fmt::format("the price list has no price for a part of what {} counted", model);
        explanation.next = fmt::format("pricing show {}", model);
    } else if (!call.cost) {
        explanation.reason =
            fmt::format("no price list knows {} of {} at that time; an unknown price is not zero",
                        model.empty() ? "a call without a model" : model, call.provider);
        explanation.next = fmt::format("pricing list {}", model.substr(0, model.find('-')));
    } else if (call.billing == BillingMode::plan) {
        explanation.reason = "covered by a subscription: what it would have cost by the list";
    } else {
        explanation.reason = "counts times the price list";
    }
    if (!explanation.is_current() && explanation.next.empty())
        explanation.next = "reprice --since 30d";
    return explanation;
}

std::string to_explain_text(const Explanation& explanation, const store::DayZone& zone,
                            std::string_view zone_name, int width) {
    const store::StoredCall& row = explanation.row;
    const CallRecord& call = row.call;
    const auto safe = [](const std::string& text) { return to_safe_text(text, name_bytes_max); };
    std::string text = fmt::format("Call {}\n", safe(call.id));
    const auto line = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) text += fmt::format("  {:<9} {}\n", name, value);
    };
    line("when", fmt::format("{} {}, {} ms", to_local_text(call.requested_at, zone), zone_name,
                             with_separators(static_cast<std::int64_t>(call.latency_ms))));
    line("project", safe(call.project_slug) +
                        (call.git_branch.empty() ? "" : ", branch " + safe(call.git_branch)));
    line("tool",
         safe(call.client.tool) +
             (call.client.session_id.empty() ? "" : ", session " + safe(call.client.session_id)));
    line("model", call.provider + ' ' + safe(call.model) +
                      (call.requested_model.empty() || call.requested_model == call.model
                           ? ""
                           : ", asked for as " + safe(call.requested_model)));
    line("endpoint", safe(call.host + call.path));
    std::string status = call.status;
    if (call.http_status > 0) status += fmt::format(", HTTP {}", call.http_status);
    if (call.error)
        status += fmt::format(", {} {}", name_of(call.error->error_class),
                              safe(call.error->provider_code));
    if (!call.tokens_complete) status += ", cut short: its counts are partial";
    line("status", status);
    line("billing", std::string(name_of(call.billing)));
    const auto buckets = meter::buckets_of(call.usage);
    line("tokens",
         fmt::format("{} in ({} from a cache, {} written to one), {} out",
                     with_separators(buckets.total_input()), with_separators(call.usage.cache_read),
                     with_separators(call.usage.cache_write),
                     with_separators(buckets.total_output())));

    text += fmt::format("\n  {}{}\n", static_cast<char>(explanation.reason[0] - 'a' + 'A'),
                        explanation.reason.substr(1) + '.');
    if (!explanation.charged.price_id.empty() && !explanation.stories.empty()) {
        const PriceStory& story = explanation.stories.front();
        text += fmt::format("  Price row {}, list of {} ({}), tier {}",
                            explanation.charged.price_id, explanation.charged.price_date,
                            explanation.charged.rates_source, story.tier);
        if (story.above_tokens >= 0)
            text += fmt::format(", step above {} tokens of input (there were {})",
                                with_separators(story.above_tokens),
                                with_separators(story.prompt_tokens));
        text += ".\n";
    }
    text = wrap_text(text, width) + to_sum_text(explanation, width);
    text += '\n';
    const auto cost_text = [](std::optional<std::int64_t> cost) {
        return cost ? fmt::format("${}.{:09}", *cost / 1'000'000'000, *cost % 1'000'000'000)
                    : std::string("unknown");
    };
    text += fmt::format("  Recorded cost  {} ({})\n", cost_text(row.cost),
                        row.cost_state.empty() ? "not told" : row.cost_state);
    if (!explanation.is_current())
        text += fmt::format(
            "  By today's prices {}.\n",
            cost_text(explanation.charged.cost ? std::optional(explanation.charged.cost->value)
                                               : std::nullopt));
    if (!explanation.next.empty())
        text += fmt::format("  Next: halton-meter {}\n", explanation.next);
    return text;
}

void write_explanation(JsonWriter& json, const Explanation& explanation, std::string_view project) {
    const store::StoredCall& row = explanation.row;
    const CallRecord& call = row.call;
    const CallRecord& charged = explanation.charged;
    const auto text = [&](std::string_view key, std::string_view value) {
        value.empty() ? json.null(key) : json.text(key, value);
    };
    const auto number = [&](std::string_view key, std::optional<std::int64_t> value) {
        value ? json.number(key, *value) : json.null(key);
    };
    json.text("id", call.id).text("requested_at", row.requested_at);
    text("project", project);
    json.text("provider", call.provider).text("model", call.model);
    json.text("status", call.status);
    number("http_status",
           call.http_status == 0 ? std::nullopt : std::optional<std::int64_t>(call.http_status));
    json.text("billing_mode", name_of(call.billing));
    json.flag("tokens_complete", call.tokens_complete);
    number("cost_nanousd", row.cost);
    text("cost_state", row.cost_state);
    json.text("reason", explanation.reason);
    text("next", explanation.next.empty() ? "" : "halton-meter " + explanation.next);
    number("cost_by_todays_prices_nanousd",
           charged.cost ? std::optional(charged.cost->value) : std::nullopt);
    text("price_id", charged.price_id);
    text("price_date", charged.price_date);
    text("rates_source", charged.rates_source);
    json.begin_array("parts");
    for (const auto& story : explanation.stories) {
        json.begin_object().text("model", story.model);
        text("tier", story.tier);
        number("above_tokens",
               story.above_tokens < 0 ? std::nullopt : std::optional(story.above_tokens));
        json.number("prompt_tokens", story.prompt_tokens);
        json.begin_array("steps");
        for (const auto& step : story.steps) {
            json.begin_object().text("what", step.what);
            switch (step.kind) {
                case PriceStep::Kind::tokens:
                case PriceStep::Kind::units:
                    json.number("count", step.count);
                    number("nanousd_per_1k",
                           step.nanousd < 0 ? std::nullopt : std::optional(step.nanousd));
                    break;
                case PriceStep::Kind::fee:
                    json.number("count", step.count).number("nanousd_each", step.nanousd);
                    break;
                case PriceStep::Kind::factor: json.number("percent", step.count); break;
            }
            json.flag("exact", step.is_exact).end();
        }
        json.end().end();
    }
    json.end();
}

}  // namespace halton::roles
