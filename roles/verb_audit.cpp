// `audit`: what happened to settings and by policies. Reads only; nothing takes an event away.
#include <algorithm>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/policy_text.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/audit.h"
#include "store/projects.h"

namespace halton::roles {

int run_audit(int argc, char** argv) {
    constexpr const char* name = "halton-meter audit";
    cxxopts::Options options(
        name,
        "What happened to settings and by policies, the newest first: policies that matched or\n"
        "blocked a call, budgets, prices, projects, the daemon. Holds no prompt and no key.\n");
    options.add_options()("since", "no older than this: 30, 7d, 12h, 5m",
                          cxxopts::value<std::string>(),
                          "PERIOD")("type", "only this: policy.blocked, or all of a kind: policy.",
                                    cxxopts::value<std::string>(), "TYPE")(
        "project", "only of this project", cxxopts::value<std::string>(), "SLUG")(
        "limit", fmt::format("at most so many ({})", limits::audit_shown_count),
        cxxopts::value<std::string>(),
        "N")("before", "older than the event with this id", cxxopts::value<std::string>(), "ID")(
        "json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "status");
    store::AuditQuery query;
    query.count_max = limits::audit_shown_count;
    if (flags.count("since") > 0) {
        const auto since = parse_since(flags["since"].as<std::string>());
        if (!since) return report_usage_error(name, since.error().context.c_str());
        query.since = to_iso8601(system_clock().now_utc() - *since);
    }
    if (flags.count("type") > 0) query.type = flags["type"].as<std::string>();
    if (flags.count("project") > 0)
        query.project =
            store::find_current_slug(home->database_file(), flags["project"].as<std::string>());
    for (const auto& [flag, value] :
         {std::pair{"limit", &query.count_max}, std::pair{"before", &query.before_id}}) {
        if (flags.count(flag) == 0) continue;
        const auto number = parse_decimal(flags[flag].as<std::string>());
        if (!number || *number == 0 || *number > 1'000'000'000'000)
            return report_usage_error(name, fmt::format("--{} wants a number", flag).c_str());
        *value = static_cast<std::int64_t>(*number);
    }
    auto page = store::read_audit(home->database_file(), query);
    if (!page && page.error().kind == ErrorKind::not_found) page = store::AuditPage{};
    if (!page) return report_failure(page.error().context, "doctor");
    fmt::print("{}", flags.count("json") > 0 ? to_audit_json(*page)
                                             : to_audit_text(*page, platform::terminal_columns()));
    return exit_done;
}

}  // namespace halton::roles
