// `explain`: how the cost of one call came about. Reads the database and the prices directly.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "base/version.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/explain_text.h"
#include "roles/local_time.h"
#include "roles/prices.h"
#include "roles/verbs.h"

namespace halton::roles {
namespace {

constexpr std::size_t shown_max = 10;

}  // namespace

int run_explain(int argc, char** argv) {
    constexpr const char* name = "halton-meter explain";
    cxxopts::Options options(name,
                             "Explains what one call cost: its counts, the price row, the sum to "
                             "the nano-dollar.\n"
                             "REQUEST_ID is the beginning of our id or of the provider's, or "
                             "\"last\".\n");
    options.add_options()("id", "which call", cxxopts::value<std::string>(), "REQUEST_ID")(
        "json", "as one JSON object")("utc", "times in UTC")("h,help", "print this help");
    options.parse_positional({"id"});
    options.positional_help("REQUEST_ID");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    if (flags.count("id") == 0)
        return report_usage_error(name, "which call? halton-meter tail shows ids, 'last' is one");
    const auto id = flags["id"].as<std::string>();
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    store::Reader reader(home->database_file());
    auto found = store::find_stored_calls(reader, id, shown_max);
    if (!found && found.error().kind != ErrorKind::not_found)
        return report_failure(found.error().context, "status");
    if (!found || found->calls.empty())
        return id == "last" || !found
                   ? report_failure("no call has been metered yet", "run -- <your tool>")
                   : report_failure(
                         fmt::format("no call's id begins with '{}'", to_safe_text(id, 60)),
                         "tail --since 1d, or: halton-meter explain last");
    if (found->calls.size() > 1) {
        fmt::print(stderr,
                   "halton-meter: {} calls begin with '{}'; next: halton-meter explain {}\n",
                   found->has_more ? "many" : fmt::format("{}", found->calls.size()),
                   to_safe_text(id, 60), found->calls.front().call.id);
        return exit_failed;
    }
    const UtcTime now = system_clock().now_utc();
    const auto parsed = platform::read_config(*home);
    const Prices prices = read_prices(*home, parsed.config, now);
    for (const auto& warning : prices.warnings) fmt::print(stderr, "halton-meter: {}\n", warning);
    const auto explanation = explain_cost(std::move(found->calls.front()), prices.book);
    if (flags.count("json") > 0) {
        JsonWriter json;
        json.begin_object().text("version", version());
        write_explanation(json, explanation, explanation.row.call.project_slug);
        json.end();
        fmt::print("{}", json.finish());
        return exit_done;
    }
    const UtcTime at = explanation.row.call.requested_at;
    const bool is_utc = flags.count("utc") > 0;
    const auto zone = is_utc ? store::DayZone{} : read_local_zone(at, at + std::chrono::hours(1));
    fmt::print("{}", to_explain_text(explanation, zone, is_utc ? "UTC" : local_zone_name(at),
                                     platform::terminal_columns()));
    return exit_done;
}

}  // namespace halton::roles
