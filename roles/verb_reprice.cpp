// `reprice`: recomputes the cost of rows of a period from the counts that they keep. Shows the
// difference; writes it with --apply only. Works beside a running daemon.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/price_text.h"
#include "roles/prices.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/audit.h"
#include "store/reprice.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter reprice";

}  // namespace

int run_reprice(int argc, char** argv) {
    cxxopts::Options options(
        verb_name,
        "Recomputes what calls cost, with the prices of this version, of `pricing import` and of\n"
        "config.toml. Shows the difference and changes nothing, unless --apply is given.\n");
    options.add_options()("since", "a period up to now: 12h, 7d, 2w, or a number of days",
                          cxxopts::value<std::string>(), "PERIOD")("apply", "write the new costs")(
        "json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    if (flags.count("since") == 0)
        return report_usage_error(verb_name, "--since is missing, such as --since 30d");
    const auto period = parse_since(flags["since"].as<std::string>());
    if (!period) return report_usage_error(verb_name, period.error().context.c_str());
    const bool is_json = flags.count("json") > 0;
    const bool is_applied = flags.count("apply") > 0;

    const auto home = platform::find_home();
    if (!home) {
        return report_failure(home.error().context, "doctor");
    }
    const UtcTime now = system_clock().now_utc();
    const auto parsed = platform::read_config(*home);
    const Prices prices = read_prices(*home, parsed.config, now);
    for (const auto& warning : parsed.warnings) fmt::print(stderr, "halton-meter: {}\n", warning);
    for (const auto& warning : prices.warnings) fmt::print(stderr, "halton-meter: {}\n", warning);

    const store::RepriceQuery query{now - *period, now + std::chrono::seconds(1), is_applied};
    const auto result = store::reprice(home->database_file(), query, prices.book);
    if (!result) {
        if (result.error().kind == ErrorKind::not_found) {
            return report_failure("no call has been metered yet", "run -- <your tool>");
        }
        return report_failure(result.error().context, "status");
    }
    if (is_applied && result->changed > 0) {
        store::AuditEvent event;
        event.type = store::audit::pricing_repriced;
        event.actor = "cli";
        event.detail = fmt::format(R"({{"calls":{},"since":"{}"}})", result->changed,
                                   to_iso8601(query.from));
        // The costs stand; that they changed is best effort.
        if (const auto noted = store::append_audit(home->database_file(), std::vector{event});
            !noted)
            fmt::print(stderr, "halton-meter: {}\n", noted.error().context);
    }
    if (is_json) {
        fmt::print("{}", to_reprice_json(*result, is_applied));
        return exit_done;
    }
    fmt::print("{}", to_reprice_text(*result, is_applied, platform::terminal_columns()));
    if (!is_applied && result->changed > 0)
        fmt::print("Nothing was written. To write it: halton-meter reprice --since {} --apply\n",
                   flags["since"].as<std::string>());
    return exit_done;
}

}  // namespace halton::roles
