// `mcp`: lets an agent look at its own spend. A server of the Model Context Protocol over stdin and
// stdout, read-only; names of projects are hashed unless --project-names is given.
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/json_writer.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/home.h"
#include "roles/exit_code.h"
#include "roles/explain_text.h"
#include "roles/local_time.h"
#include "roles/mcp_protocol.h"
#include "roles/price_text.h"
#include "roles/prices.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/policies.h"
#include "store/reports.h"
#include "store/stored_call.h"
#include "store/usage.h"

namespace halton::roles {
namespace {

constexpr std::size_t ca_bytes_max = 64 * 1024;

const std::vector<McpTool>& all_tools() {
    static const std::vector<McpTool> tools{
        {"usage",
         "What LLM calls cost and how many tokens they used in a period, in total and by group. "
         "cost_usd is metered spend; plan_cost_usd is what subscription use would have cost by the "
         "list and is not charged.",
         R"({"type":"object","properties":{"since":{"type":"string","description":"a period up to now: 30m, 12h, 7d, 2w, or today","default":"today"},"group_by":{"type":"string","enum":["none","project","model","provider","tool","day"],"default":"model"}},"additionalProperties":false})"},
        {"budget",
         "Budgets with what is spent, their limit, a forecast and whether they are near or over "
         "it; "
         "and the month at its present pace.",
         R"({"type":"object","properties":{},"additionalProperties":false})"},
        {"limits",
         "How full the windows of subscriptions are (5 hours, week) and when they reset, as the "
         "providers said with the latest metered call.",
         R"({"type":"object","properties":{},"additionalProperties":false})"},
        {"explain",
         "How the cost of one call came about: counts, price row, arithmetic; or why there is no "
         "price. `call` is the beginning of its id, or last.",
         R"({"type":"object","properties":{"call":{"type":"string","default":"last"}},"additionalProperties":false})"},
    };
    return tools;
}

std::string to_usd(NanoUsd amount) {
    return fmt::format("{}{}.{:09}", amount.value < 0 ? "-" : "",
                       std::abs(amount.value) / 1'000'000'000,
                       std::abs(amount.value) % 1'000'000'000);
}

void write_sums(JsonWriter& json, const store::UsageSums& sums) {
    json.number("requests", sums.requests);
    json.text("cost_usd", to_usd(sums.cost)).text("plan_cost_usd", to_usd(sums.plan_cost));
    json.number("plan_requests", sums.plan_requests);
    json.number("input_tokens", sums.input_tokens).number("output_tokens", sums.output_tokens);
    json.number("cache_read_tokens", sums.cache_read_tokens);
    json.number("cache_write_tokens", sums.cache_write_tokens);
    json.number("unpriced_requests", sums.unpriced_requests);
    json.number("failed_requests", sums.error_requests);
}

class Answers {
public:
    Answers(platform::Home home, bool has_names)
        : home_(std::move(home)), reader_(home_.database_file()), has_names_(has_names) {
        // Whoever sees the hashes shall not be able to try names: the salt is this machine's own.
        const auto certificate = platform::read_file(home_.ca_certificate_file(), ca_bytes_max);
        salt_ = certificate ? *certificate : home_.directory.string();
    }

    Result<std::string> run(std::string_view tool, JsonView arguments) {
        auto made = choose(tool, arguments);
        if (!made && made.error().kind == ErrorKind::not_found)
            return fail(ErrorKind::not_found,
                        "no call has been metered yet; next: halton-meter run -- <the tool>");
        return made;
    }

private:
    Result<std::string> choose(std::string_view tool, JsonView arguments) {
        if (tool == "usage") return usage(arguments);
        if (tool == "budget") return budget();
        if (tool == "limits") return limits();
        return explain(arguments);
    }

    std::string name_of_project(const std::string& slug) const {
        if (has_names_ || slug.empty()) return slug;
        return "project-" + sha256_hex(salt_ + '\n' + slug).substr(0, 10);
    }

    Result<std::string> usage(JsonView arguments) {
        const UtcTime now = system_clock().now_utc();
        const auto since = arguments["since"].as_string().value_or("today");
        const auto group_name = arguments["group_by"].as_string().value_or("model");
        store::UsageQuery query;
        query.to = now + std::chrono::seconds(1);
        if (since == "today") {
            query.zone = read_local_zone(now - std::chrono::hours(48), now);
            query.from = query.zone.day_start(now);
        } else {
            const auto period = parse_since(since);
            if (!period)
                return fail(ErrorKind::malformed,
                            "since wants today, or a period such as 30m, 12h, 7d, 2w");
            query.from = now - *period;
            query.zone = read_local_zone(*query.from, now);
        }
        using store::UsageGroup;
        if (group_name == "project") query.group_by = {UsageGroup::project};
        if (group_name == "model") query.group_by = {UsageGroup::model};
        if (group_name == "provider") query.group_by = {UsageGroup::provider};
        if (group_name == "tool") query.group_by = {UsageGroup::tool};
        if (group_name == "day") query.group_by = {UsageGroup::day};
        if (query.group_by.empty() && group_name != "none")
            return fail(ErrorKind::malformed,
                        "group_by wants none, project, model, provider, tool or day");
        const auto rows = store::read_usage(reader_, query);
        if (!rows) return fail(rows.error());
        store::UsageSums total;
        for (const auto& row : *rows) total.add(row.sums);
        JsonWriter json;
        json.begin_object().text("from", to_iso8601(*query.from)).text("to", to_iso8601(*query.to));
        json.begin_object("total");
        write_sums(json, total);
        json.end().text("group_by", group_name).begin_array("groups");
        if (!query.group_by.empty())
            for (const auto& row : *rows) {
                json.begin_object().text("name", row.period + name_of_project(row.project) +
                                                     row.model + row.provider + row.tool);
                write_sums(json, row.sums);
                json.end();
            }
        json.end().end();
        return json.finish();
    }

    Result<std::string> budget() {
        const UtcTime now = system_clock().now_utc();
        const auto budgets = store::read_budgets(home_.database_file(), now);
        if (!budgets) return fail(budgets.error());
        const auto month = store::read_month_forecast(home_.database_file(), now);
        if (!month) return fail(month.error());
        JsonWriter json;
        const auto money = [&](std::string_view key, const std::optional<NanoUsd>& amount) {
            amount ? json.text(key, to_usd(*amount)) : json.null(key);
        };
        json.begin_object().begin_array("budgets");
        for (const auto& budget : *budgets) {
            const auto& policy = budget.policy;
            // A name that people give may hold a project's.
            json.begin_object().text(
                "name", has_names_ ? policy.name : fmt::format("budget-{}", policy.id));
            policy.project.empty() ? json.null("project")
                                   : json.text("project", name_of_project(policy.project));
            json.text("period", meter::name_of(policy.period)).text("state", budget.state);
            json.text("action", meter::name_of(policy.action));
            json.text("limit_usd", to_usd(policy.limit));
            json.text("spent_usd", to_usd(budget.spend.spent)).number("percent", budget.percent);
            money("forecast_usd", budget.forecast);
            json.number("unpriced_requests", budget.spend.unpriced_requests).end();
        }
        json.end().begin_object("this_month").text("spent_usd", to_usd(month->spend.spent));
        money("forecast_usd", month->forecast);
        json.number("requests", month->spend.requests).end().end();
        return json.finish();
    }

    Result<std::string> limits() {
        const auto limits = store::read_plan_limits(home_.database_file());
        if (!limits) return fail(limits.error());
        return to_limits_json(*limits, system_clock().now_utc());
    }

    Result<std::string> explain(JsonView arguments) {
        const std::string id(arguments["call"].as_string().value_or("last"));
        auto found = store::find_stored_calls(reader_, id, 2);
        if (!found) return fail(found.error());
        if (found->calls.empty())
            return fail(ErrorKind::malformed, "no call's id begins with that; 'last' is one");
        if (found->calls.size() > 1)
            return fail(ErrorKind::malformed, "several calls begin with that: give more of the id");
        const auto parsed = platform::read_config(home_);
        const Prices prices = read_prices(home_, parsed.config, system_clock().now_utc());
        const auto explanation = explain_cost(std::move(found->calls.front()), prices.book);
        JsonWriter json;
        json.begin_object();
        write_explanation(json, explanation, name_of_project(explanation.row.call.project_slug));
        json.end();
        return json.finish();
    }

    platform::Home home_;
    store::Reader reader_;
    bool has_names_;
    std::string salt_;
};

}  // namespace

int run_mcp(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter mcp",
        "Answers an agent's questions about its own spend: a Model Context Protocol server on\n"
        "stdin and stdout with the tools usage, budget, limits and explain. It changes nothing.\n"
        "Claude Code:  claude mcp add halton -- halton-meter mcp\n"
        "Codex:        codex mcp add halton -- halton-meter mcp\n");
    options.add_options()("project-names",
                          "tell the names of projects and budgets; they are hashed without it")(
        "h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    Answers answers(*home, flags.count("project-names") > 0);
    McpProtocol protocol(all_tools(), [&](std::string_view tool, JsonView arguments) {
        return answers.run(tool, arguments);
    });
    std::string line;
    bool is_too_long = false;
    for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) {
        if (byte != '\n') {
            is_too_long = is_too_long || line.size() >= limits::mcp_line_bytes_max;
            if (!is_too_long) line += static_cast<char>(byte);
            continue;
        }
        // A line that is too long is no JSON any more, and answered as such.
        if (!trim(line).empty()) fmt::print("{}", protocol.answer(line));
        std::fflush(stdout);
        line.clear();
        is_too_long = false;
    }
    if (!trim(line).empty()) fmt::print("{}", protocol.answer(line));
    return exit_done;
}

}  // namespace halton::roles
