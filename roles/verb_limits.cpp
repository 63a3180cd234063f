// `limits`: how full the subscriptions are, as providers last said. Reads the database directly.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/price_text.h"
#include "roles/verbs.h"
#include "store/reports.h"

namespace halton::roles {

int run_limits(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter limits",
        "Shows how full your subscriptions' windows are, as the providers said "
        "with the latest metered call.\n");
    options.add_options()("json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) {
        return report_failure(home.error().context, "doctor");
    }
    auto limits = store::read_plan_limits(home->database_file());
    if (!limits && limits.error().kind == ErrorKind::not_found)
        limits = std::vector<store::PlanLimitRow>{};
    if (!limits) {
        fmt::print(stderr, "halton-meter: cannot read the database: {}; see halton-meter status\n",
                   limits.error().context);
        return exit_failed;
    }
    const UtcTime now = system_clock().now_utc();
    if (flags.count("json") > 0)
        fmt::print("{}", to_limits_json(*limits, now));
    else if (limits->empty())
        fmt::print(
            "No provider has told a limit yet; Claude and ChatGPT subscriptions do with each "
            "call.\n"
            "Next: halton-meter run -- <your tool>\n");
    else
        fmt::print("{}", to_limits_text(*limits, now, platform::terminal_columns()));
    return exit_done;
}

}  // namespace halton::roles
