// `policy`: add, list, show, remove, enable, disable, test. Works on the database; a running daemon
// sees a change within a second.
#include <array>
#include <string>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/policy_text.h"
#include "roles/verbs.h"
#include "store/policies.h"

namespace halton::roles {
namespace {

constexpr const char* usage =
    "Shows and changes what you want to be told of, and what you forbid.\n"
    "Usage:\n"
    "  halton-meter policy add NAME [...]        a rule on models, or with --budget a budget\n"
    "  halton-meter policy list                  all of them, in the order in which they are "
    "asked\n"
    "  halton-meter policy show NAME             one of them\n"
    "  halton-meter policy remove NAME           takes it away\n"
    "  halton-meter policy enable|disable NAME   switches it on or off\n"
    "  halton-meter policy test [...]            which would match a call, and why\n"
    "Each of them knows --help and --json. Nothing is blocked unless a policy says --action "
    "block.\n";

int report_store_failure(const Error& error) {
    if (error.kind == ErrorKind::not_found && error.context.starts_with("no database"))
        return report_failure("there is no database yet", "start");
    if (error.kind == ErrorKind::unsupported)
        return report_failure("the database is of an older version", "start");
    fmt::print(stderr, "halton-meter: {}\n", to_safe_text(error.context, 400));
    return exit_failed;
}

struct Asked {
    std::filesystem::path database;
    cxxopts::ParseResult flags;
    bool is_json = false;

    std::string text(const char* flag) const {
        return flags.count(flag) > 0 ? std::string(trim(flags[flag].as<std::string>()))
                                     : std::string();
    }
};

// Parses; an exit code when that was all.
std::optional<int> ask(cxxopts::Options& options, int argc, char** argv, bool has_name,
                       Asked& asked) {
    options.add_options()("json", "as one JSON object")("h,help", "print this help");
    if (has_name) {
        options.add_options()("name", "", cxxopts::value<std::string>(), "NAME");
        options.parse_positional({"name"});
        options.positional_help("name");
    }
    if (const auto done = parse_flags(options, argc, argv, &asked.flags)) return done;
    if (has_name && asked.flags.count("name") == 0)
        return report_usage_error(options.program().c_str(), "name is missing");
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "status");
    asked.database = home->database_file();
    asked.is_json = asked.flags.count("json") > 0;
    return std::nullopt;
}

void add_scope_flags(cxxopts::Options& options) {
    options.add_options()("project", "calls of this project", cxxopts::value<std::string>(),
                          "SLUG")("provider", "calls to this provider",
                                  cxxopts::value<std::string>(),
                                  "NAME")("model", "calls for these models; * stands for anything",
                                          cxxopts::value<std::string>(), "GLOB")(
        "tool", "calls by this tool, such as claude-code", cxxopts::value<std::string>(), "NAME");
}

int print_policy(const Asked& asked, const Result<meter::Policy>& policy) {
    if (!policy) return report_store_failure(policy.error());
    fmt::print("{}", asked.is_json ? to_policy_json(*policy) : to_policy_text(*policy));
    return exit_done;
}

int run_add(int argc, char** argv) {
    constexpr const char* name = "halton-meter policy add";
    cxxopts::Options options(
        name,
        "Adds a rule on calls, or with --budget a budget. Without --project, --provider, --model\n"
        "and --tool it is for all calls. A budget counts what is paid by use, in UTC periods; "
        "weeks\n"
        "begin on Monday.\n");
    add_scope_flags(options);
    options.add_options()("budget", "the limit in US dollars", cxxopts::value<std::string>(),
                          "USD")("per", "day, week or month (month)", cxxopts::value<std::string>(),
                                 "PERIOD")(
        "include-plan", "count what a subscription covers too, at its list price")(
        "action", "log: write an event; warn: tell me too; block: refuse the calls (warn)",
        cxxopts::value<std::string>(),
        "ACTION")("priority", "the lowest number is asked first (100)",
                  cxxopts::value<std::string>(), "N")("disabled", "add it switched off");
    Asked asked;
    if (const auto done = ask(options, argc, argv, true, asked)) return *done;
    meter::Policy policy;
    policy.name = asked.text("name");
    policy.project = asked.text("project");
    policy.provider = to_lower(asked.text("provider"));
    policy.model = asked.text("model");
    policy.tool = asked.text("tool");
    policy.is_enabled = asked.flags.count("disabled") == 0;
    const auto action =
        meter::parse_policy_action(asked.flags.count("action") > 0 ? asked.text("action") : "warn");
    if (!action) return report_usage_error(name, "--action wants log, warn or block");
    policy.action = *action;
    if (asked.flags.count("priority") > 0) {
        const auto priority = parse_decimal(asked.text("priority"));
        if (!priority || *priority > 1'000'000)
            return report_usage_error(name, "--priority wants a number from 0 to 1000000");
        policy.priority = static_cast<int>(*priority);
    }
    if (asked.flags.count("budget") > 0) {
        const auto limit = meter::parse_dollars(asked.text("budget"));
        if (!limit) return report_usage_error(name, "--budget wants dollars, such as 25 or 12.50");
        policy.kind = meter::PolicyKind::budget;
        policy.limit = *limit;
        policy.counts_plan = asked.flags.count("include-plan") > 0;
        const auto period =
            meter::parse_budget_period(asked.flags.count("per") > 0 ? asked.text("per") : "month");
        if (!period) return report_usage_error(name, "--per wants day, week or month");
        policy.period = *period;
    } else if (asked.flags.count("per") > 0 || asked.flags.count("include-plan") > 0) {
        return report_usage_error(name, "--per and --include-plan go with --budget");
    }
    const auto made = store::add_policy(asked.database, policy);
    if (!made && made.error().kind == ErrorKind::malformed)
        return report_usage_error(name, made.error().context.c_str());
    return print_policy(asked, made);
}

int run_list(int argc, char** argv) {
    cxxopts::Options options("halton-meter policy list",
                             "Policies in the order in which they are asked.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, false, asked)) return *done;
    auto table = store::read_policies(asked.database);
    if (!table && table.error().kind == ErrorKind::not_found) table = store::PolicyTable{};
    if (!table) return report_store_failure(table.error());
    fmt::print("{}", asked.is_json ? to_policies_json(*table)
                                   : to_policies_text(*table, platform::terminal_columns()));
    return exit_done;
}

int run_show(int argc, char** argv) {
    cxxopts::Options options("halton-meter policy show", "One policy, by its name or id.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, true, asked)) return *done;
    return print_policy(asked, store::find_policy(asked.database, asked.text("name")));
}

int run_remove(int argc, char** argv) {
    cxxopts::Options options("halton-meter policy remove",
                             "Takes a policy away. The audit keeps what it was.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, true, asked)) return *done;
    return print_policy(asked, store::remove_policy(asked.database, asked.text("name")));
}

int run_switch(int argc, char** argv, bool is_enabled) {
    cxxopts::Options options(
        is_enabled ? "halton-meter policy enable" : "halton-meter policy disable",
        is_enabled ? "Switches a policy on.\n" : "Switches a policy off; it stays in the list.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, true, asked)) return *done;
    return print_policy(asked,
                        store::enable_policy(asked.database, asked.text("name"), is_enabled));
}

int run_enable(int argc, char** argv) { return run_switch(argc, argv, true); }
int run_disable(int argc, char** argv) { return run_switch(argc, argv, false); }

int run_test(int argc, char** argv) {
    constexpr const char* name = "halton-meter policy test";
    cxxopts::Options options(
        name,
        "Says which policies would match a call now, and why: the call that the flags describe, "
        "or\n"
        "one that was recorded. Exit code 0: it would pass, 3: it would be blocked.\n");
    add_scope_flags(options);
    options.add_options()("plan", "a subscription covers the call")(
        "request", "a recorded call instead, by its id", cxxopts::value<std::string>(), "ID");
    Asked asked;
    if (const auto done = ask(options, argc, argv, false, asked)) return *done;
    const auto table = store::read_policies(asked.database);
    if (!table) return report_store_failure(table.error());
    store::CallScope call;
    if (asked.flags.count("request") > 0) {
        for (const auto* flag : {"project", "provider", "model", "tool", "plan"})
            if (asked.flags.count(flag) > 0)
                return report_usage_error(name, "--request goes without a description");
        const auto found = store::read_call_scope(asked.database, asked.text("request"));
        if (!found) return report_store_failure(found.error());
        call = *found;
    } else {
        call = {asked.text("project"), to_lower(asked.text("provider")), asked.text("model"), {},
                asked.text("tool"),    asked.flags.count("plan") > 0};
    }
    const auto spend = store::read_spend(asked.database, table->policies, system_clock().now_utc());
    if (!spend) return report_store_failure(spend.error());
    std::vector<NanoUsd> spent;
    for (const auto& one : spend->by_policy) spent.push_back(one.spent);
    const auto test = test_policies(table->policies, spent, call);
    fmt::print("{}", asked.is_json ? to_test_json(test) : to_test_text(test));
    return test.blocked_by.empty() ? exit_done : exit_over_limit;
}

constexpr std::array<InnerVerb, 7> inner_verbs{{
    {"add", run_add},
    {"list", run_list},
    {"show", run_show},
    {"remove", run_remove},
    {"enable", run_enable},
    {"disable", run_disable},
    {"test", run_test},
}};

}  // namespace

int run_policy(int argc, char** argv) {
    return run_inner_verb("halton-meter policy", inner_verbs, "list", usage, argc, argv);
}

}  // namespace halton::roles
