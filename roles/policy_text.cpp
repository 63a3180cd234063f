#include "roles/policy_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"
#include "roles/exit_code.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

using meter::Policy;
using meter::PolicyAction;
using meter::PolicyKind;

std::string shown(const std::string& text) {
    return to_safe_text(text, limits::policy_pattern_bytes_max);
}

// "2026-11-21T01:02:03.456Z" to the minute, as people read it.
std::string to_minute(const std::string& time) {
    if (time.size() < 16) return "-";
    auto text = to_safe_text(time.substr(0, 16), 16);
    if (text.size() > 10 && text[10] == 'T') text[10] = ' ';
    return text;
}

std::string to_rule_text(const Policy& policy) {
    if (policy.kind == PolicyKind::model_rule) return "each call";
    return fmt::format("{} a {}{}", to_dollar_text(policy.limit), name_of(policy.period),
                       policy.counts_plan ? ", with subscriptions" : "");
}

void write_scope(JsonWriter& json, const Policy& policy) {
    const auto add = [&json](std::string_view key, const std::string& word) {
        word.empty() ? json.null(key) : json.text(key, shown(word));
    };
    add("project", policy.project);
    add("provider", policy.provider);
    add("model", policy.model);
    add("tool", policy.tool);
}

void write_policy(JsonWriter& json, const Policy& policy) {
    json.begin_object().number("id", policy.id).text("name", shown(policy.name));
    json.flag("enabled", policy.is_enabled).number("priority", policy.priority);
    json.text("kind", name_of(policy.kind)).text("action", name_of(policy.action));
    write_scope(json, policy);
    if (policy.kind == PolicyKind::budget) {
        json.number("limit_nanousd", policy.limit.value);
        json.number("limit_usd_minor_units", to_millicents(policy.limit));
        json.text("period", name_of(policy.period)).flag("counts_plan", policy.counts_plan);
    }
    json.text("created_at", shown(policy.created_at));
    policy.updated_at.empty() ? json.null("updated_at")
                              : json.text("updated_at", shown(policy.updated_at));
    json.end();
}

void write_amount(JsonWriter& json, const std::string& key, std::optional<NanoUsd> amount) {
    const auto nanos = key + "_nanousd";
    const auto minor = key + "_usd_minor_units";
    if (amount)
        json.number(nanos, amount->value).number(minor, to_millicents(*amount));
    else
        json.null(nanos).null(minor);
}

void write_month(JsonWriter& json, const std::optional<store::MonthForecast>& month) {
    if (!month) {
        json.null("forecast");
        return;
    }
    json.begin_object("forecast");
    json.text("period_start", to_iso8601(month->period.from));
    json.text("period_end", to_iso8601(month->period.to));
    write_amount(json, "spent", month->spend.spent);
    write_amount(json, "forecast", month->forecast);
    json.end();
}

}  // namespace

std::string to_policies_text(const store::PolicyTable& table, int width) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& policy : table.policies)
        rows.push_back({shown(policy.name), std::string(name_of(policy.action)),
                        to_rule_text(policy), to_scope_text(policy),
                        fmt::format("{}", policy.priority), policy.is_enabled ? "on" : "off",
                        fmt::format("{}", policy.id)});
    std::string text;
    if (rows.empty())
        text =
            "No policy: nothing is watched, and nothing is blocked.\n"
            "To be told of a budget: halton-meter policy add NAME --budget 100 --per month\n";
    else
        text = render_table({{"policy", false, 0, true},
                             {"action"},
                             {"limit"},
                             {"whose calls", false, 0, true},
                             {"priority", true, 2},
                             {"state"},
                             {"id", true, 1}},
                            std::move(rows), width);
    for (const auto& complaint : table.complaints) text += "! " + complaint + "\n";
    return text;
}

std::string to_policies_json(const store::PolicyTable& table) {
    JsonWriter json;
    json.begin_object().begin_array("items");
    for (const auto& policy : table.policies) write_policy(json, policy);
    json.end().begin_array("ignored");
    for (const auto& complaint : table.complaints) json.text({}, complaint);
    json.end().end();
    return json.finish();
}

std::string to_policy_text(const Policy& policy) {
    std::string text = fmt::format("{} ({})\n", shown(policy.name), policy.id);
    const auto add = [&text](std::string_view name, const std::string& value) {
        text += fmt::format("  {:<12}{}\n", name, value);
    };
    add("state", policy.is_enabled ? "on" : "off");
    add("action", std::string(name_of(policy.action)));
    add("whose calls", to_scope_text(policy));
    if (policy.kind == PolicyKind::budget) add("limit", to_rule_text(policy));
    add("priority", fmt::format("{}", policy.priority));
    add("made", to_minute(policy.created_at));
    if (!policy.updated_at.empty()) add("changed", to_minute(policy.updated_at));
    return text;
}

std::string to_policy_json(const Policy& policy) {
    JsonWriter json;
    write_policy(json, policy);
    return json.finish();
}

PolicyTest test_policies(const std::vector<Policy>& policies, const std::vector<NanoUsd>& spent,
                         const store::CallScope& call) {
    PolicyTest test{call, {}, {}};
    for (std::size_t i = 0; i < policies.size(); ++i) {
        PolicyAnswer answer{policies[i], false, test.blocked_by.empty(), {}};
        const bool is_fit = meter::fit(policies[i], call.facts(), &answer.why) == meter::Fit::yes;
        if (is_fit && policies[i].kind == PolicyKind::budget) {
            answer.is_match = spent[i] >= policies[i].limit;
            answer.why = fmt::format("{} of {} are spent", to_dollar_text(spent[i]),
                                     to_dollar_text(policies[i].limit));
        } else if (is_fit) {
            answer.is_match = true;
            answer.why = "it is for " + to_scope_text(policies[i]);
        }
        if (answer.is_match && answer.is_asked && policies[i].action == PolicyAction::block)
            test.blocked_by = policies[i].name;
        test.answers.push_back(std::move(answer));
    }
    return test;
}

std::string to_test_text(const PolicyTest& test) {
    const auto word = [](const std::string& text) { return text.empty() ? "any" : shown(text); };
    std::string text =
        fmt::format("A call of project {} to {} for {} by {}{}:\n", word(test.call.project),
                    word(test.call.provider), word(test.call.model), word(test.call.tool),
                    test.call.is_plan ? ", covered by a subscription" : "");
    for (const auto& answer : test.answers) {
        const char* result = !answer.is_match ? "no" : answer.is_asked ? "MATCH" : "match";
        text += fmt::format("  {:<5} {} ({}): {}{}\n", result, shown(answer.policy.name),
                            name_of(answer.policy.action), answer.why,
                            answer.is_asked ? "" : "; not asked, as the call is blocked before");
    }
    if (test.answers.empty()) text += "  there is no policy\n";
    text += test.blocked_by.empty()
                ? "It passes.\n"
                : fmt::format("It is blocked by '{}'.\n", shown(test.blocked_by));
    return text;
}

std::string to_test_json(const PolicyTest& test) {
    JsonWriter json;
    json.begin_object().begin_object("call");
    json.text("project", shown(test.call.project)).text("provider", shown(test.call.provider));
    json.text("model", shown(test.call.model)).text("tool", shown(test.call.tool));
    json.flag("is_plan", test.call.is_plan).end().begin_array("policies");
    for (const auto& answer : test.answers) {
        json.begin_object().number("id", answer.policy.id).text("name", shown(answer.policy.name));
        json.text("kind", name_of(answer.policy.kind));
        json.text("action", name_of(answer.policy.action));
        json.flag("matches", answer.is_match).flag("asked", answer.is_asked);
        json.text("why", answer.why).end();
    }
    json.end();
    test.blocked_by.empty() ? json.null("blocked_by")
                            : json.text("blocked_by", shown(test.blocked_by));
    json.end();
    return json.finish();
}

std::string to_budgets_text(const std::vector<store::BudgetStatus>& budgets,
                            const std::optional<store::MonthForecast>& month, int width) {
    std::vector<std::vector<std::string>> rows;
    bool has_unpriced = false;
    for (const auto& budget : budgets) {
        has_unpriced |= budget.spend.unpriced_requests > 0;
        rows.push_back({shown(budget.policy.name), std::string(budget.state),
                        to_dollar_text(budget.spend.spent), to_rule_text(budget.policy),
                        fmt::format("{} %", budget.percent),
                        budget.forecast ? to_dollar_text(*budget.forecast) : "-",
                        to_minute(to_iso8601(budget.period.to)),
                        std::string(name_of(budget.policy.action)), to_scope_text(budget.policy)});
    }
    std::string text;
    if (rows.empty())
        text = "No budget. To make one: halton-meter policy add NAME --budget 100 --per month\n";
    else
        text = render_table({{"budget", false, 0, true},
                             {"state"},
                             {"spent", true},
                             {"limit"},
                             {"used", true},
                             {"at this pace", true, 3},
                             {"resets (UTC)", false, 4},
                             {"action", false, 2},
                             {"whose calls", false, 1, true}},
                            std::move(rows), width);
    if (month) {
        text += fmt::format("\nAll calls this month: {}", to_dollar_text(month->spend.spent));
        if (month->forecast)
            text +=
                fmt::format("; at this pace {} until its end", to_dollar_text(*month->forecast));
        text += ". What subscriptions cover is not in it.\n";
    }
    if (has_unpriced)
        text +=
            "Calls without a known price count nothing here; to see them: halton-meter report\n";
    return text;
}

std::string to_budgets_json(const std::vector<store::BudgetStatus>& budgets,
                            const std::optional<store::MonthForecast>& month) {
    JsonWriter json;
    json.begin_object().begin_array("items");
    for (const auto& budget : budgets) {
        json.begin_object().number("policy_id", budget.policy.id);
        json.text("name", shown(budget.policy.name));
        write_scope(json, budget.policy);
        json.text("action", name_of(budget.policy.action)).text("state", budget.state);
        json.text("period", name_of(budget.policy.period));
        json.text("period_start", to_iso8601(budget.period.from));
        json.text("period_end", to_iso8601(budget.period.to));
        json.flag("counts_plan", budget.policy.counts_plan);
        write_amount(json, "limit", budget.policy.limit);
        write_amount(json, "spent", budget.spend.spent);
        write_amount(json, "forecast", budget.forecast);
        json.number("percent", budget.percent).number("requests", budget.spend.requests);
        json.number("unpriced_requests", budget.spend.unpriced_requests).end();
    }
    json.end();
    write_month(json, month);
    json.number("exit_code", to_budget_exit_code(budgets)).end();
    return json.finish();
}

int to_budget_exit_code(const std::vector<store::BudgetStatus>& budgets) {
    int code = exit_done;
    for (const auto& budget : budgets)
        if (budget.state == "over")
            code = std::max<int>(code, budget.policy.action == PolicyAction::block
                                           ? exit_over_blocking_limit
                                           : exit_over_limit);
    return code;
}

std::string to_audit_text(const store::AuditPage& page, int width) {
    JsonParser parser;
    std::vector<std::vector<std::string>> rows;
    for (const auto& event : page.events) {
        auto what = std::string();
        if (const auto json = parser.parse(event.detail)) {
            // The sentence where there is one, else the values.
            if (const auto message = (*json)["message"].as_string()) {
                what = *message;
            } else {
                (*json).for_each_member([&what](std::string_view key, JsonView value) {
                    std::string shown_value;
                    if (const auto word = value.as_string())
                        shown_value = *word;
                    else if (const auto number = value.as_integer())
                        shown_value = fmt::format("{}", *number);
                    else if (const auto flag = value.as_bool())
                        shown_value = *flag ? "yes" : "no";
                    else
                        return;
                    what += fmt::format("{}{} {}", what.empty() ? "" : ", ", key, shown_value);
                });
            }
        }
        rows.push_back({to_minute(event.occurred_at), shown(event.type),
                        event.project.empty() ? "-" : shown(event.project),
                        event.actor.empty() ? "-" : shown(event.actor),
                        what.empty() ? "-" : to_safe_text(what, 400)});
    }
    if (rows.empty()) return "No event.\n";
    auto text = render_table({{"when (UTC)"},
                              {"what"},
                              {"project", false, 2, true},
                              {"by", false, 1},
                              {"detail", false, 0, true}},
                             std::move(rows), width);
    if (page.has_more)
        text += fmt::format("\n{} in all; to see more of them: --limit N, or --before {}\n",
                            page.total, page.events.back().id);
    return text;
}

std::string to_audit_json(const store::AuditPage& page) {
    JsonWriter json;
    JsonParser parser;
    json.begin_object().begin_array("items");
    for (const auto& event : page.events) {
        const auto add = [&json](std::string_view key, const std::string& word) {
            word.empty() ? json.null(key) : json.text(key, to_safe_text(word, 200));
        };
        json.begin_object().number("id", event.id);
        add("occurred_at", event.occurred_at);
        add("type", event.type);
        add("actor", event.actor);
        add("project", event.project);
        add("request_id", event.request_id);
        const auto detail = parser.parse(event.detail);
        if (detail && (*detail).is_object()) {
            json.begin_object("detail");
            (*detail).for_each_member([&json](std::string_view key, JsonView value) {
                const auto name = to_safe_text(key, 80);
                if (const auto word = value.as_string())
                    json.text(name, to_safe_text(*word, 1000));
                else if (const auto number = value.as_integer())
                    json.number(name, *number);
                else if (const auto flag = value.as_bool())
                    json.flag(name, *flag);
                else
                    json.null(name);
            });
            json.end();
        } else {
            json.null("detail");
        }
        json.end();
    }
    json.end().number("total", page.total).flag("has_more", page.has_more).end();
    return json.finish();
}

}  // namespace halton::roles
