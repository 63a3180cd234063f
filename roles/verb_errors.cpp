// `errors`: what failed in a period, and what to do about it. Reads the database directly.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/error_text.h"
#include "roles/exit_code.h"
#include "roles/period.h"
#include "roles/verbs.h"
#include "store/projects.h"
#include "store/requests.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter errors";
constexpr std::chrono::hours default_period{7 * 24};

}  // namespace

int run_errors(int argc, char** argv) {
    cxxopts::Options options(verb_name,
                             "Shows which calls failed and why, and what to do; the last 7 days by "
                             "default.\n");
    const auto text = [] { return cxxopts::value<std::string>(); };
    add_period_flags(options);
    options.add_options()("project", "only this project", text(), "SLUG")(
        "provider", "only this provider", text(), "NAME")("class", "only this class", text(),
                                                          "CLASS")("json", "as one JSON object")(
        "h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto period = read_period(flags, system_clock().now_utc(), default_period);
    if (!period) return report_usage_error(verb_name, period.error().context.c_str());
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    store::RequestFilter filter;
    filter.from = period->from;
    filter.to = period->to;
    if (flags.count("project") > 0)
        filter.project =
            store::find_current_slug(home->database_file(), flags["project"].as<std::string>());
    if (flags.count("provider") > 0) filter.provider = flags["provider"].as<std::string>();
    if (flags.count("class") > 0) filter.error_class = flags["class"].as<std::string>();
    store::Reader reader(home->database_file());
    auto groups = store::read_error_groups(reader, filter);
    if (!groups && groups.error().kind == ErrorKind::not_found)
        groups = std::vector<store::ErrorGroup>{};
    if (!groups) return report_failure(groups.error().context, "status");
    if (flags.count("json") > 0)
        fmt::print("{}", to_errors_json(*groups));
    else if (groups->empty())
        fmt::print(
            "No failed call in this period.\n"
            "Next: halton-meter report, or halton-meter errors --since 90d\n");
    else
        fmt::print("{}", to_errors_text(*groups, period->zone, platform::terminal_columns()));
    return exit_done;
}

}  // namespace halton::roles
