// `tail`: calls as they become rows, a line each, until Ctrl-C. Follows the database, so it works
// with the daemon down and goes on when it is back.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/call_text.h"
#include "roles/exit_code.h"
#include "roles/local_time.h"
#include "roles/verbs.h"
#include "store/landed.h"
#include "store/projects.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter tail";
constexpr std::chrono::hours zone_span{24 * 400};

}  // namespace

int run_tail(int argc, char** argv) {
    cxxopts::Options options(
        verb_name, "Prints the last calls, and then each one as it ends, until Ctrl-C.\n");
    options.add_options()("lines", "how many of the last calls come first",
                          cxxopts::value<std::string>()->default_value("10"),
                          "COUNT")("project", "only this project", cxxopts::value<std::string>(),
                                   "SLUG")("no-follow", "end after the last calls")(
        "json", "one JSON object a line")("utc", "times in UTC")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto lines = parse_decimal(flags["lines"].as<std::string>());
    if (!lines || *lines > limits::landed_rows_max)
        return report_usage_error(
            verb_name, fmt::format("--lines wants 0 to {}", limits::landed_rows_max).c_str());
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    std::optional<std::string> project;
    if (flags.count("project") > 0)
        project =
            store::find_current_slug(home->database_file(), flags["project"].as<std::string>());
    const bool is_json = flags.count("json") > 0;
    const bool is_following = flags.count("no-follow") == 0;
    const UtcTime now = system_clock().now_utc();
    const auto zone = flags.count("utc") > 0 ? store::DayZone{}
                                             : read_local_zone(now - zone_span, now + zone_span);
    const int width = platform::terminal_columns();

    store::Reader reader(home->database_file());
    bool has_heading = false;
    std::int64_t last_row = 0;
    const auto print = [&](const std::vector<store::LandedCall>& calls) {
        for (const auto& call : calls) {
            if (!is_json && !has_heading) fmt::print("{}\n", call_line_heading(width));
            has_heading = true;
            fmt::print("{}", is_json ? to_call_json(call) : to_call_line(call, zone, width) + '\n');
            last_row = call.row;
        }
        std::fflush(stdout);
    };
    // Without a project first, so that the place to go on from is the newest row of all.
    auto newest = store::read_last_landed(reader, 1, std::nullopt);
    auto calls = store::read_last_landed(reader, *lines, project);
    const bool is_new = !calls && calls.error().kind == ErrorKind::not_found;
    if (!calls && !is_new) return report_failure(calls.error().context, "status");
    if (calls) print(*calls);
    if (newest && !newest->empty()) last_row = std::max(last_row, newest->front().row);
    if (!calls || calls->empty()) {
        if (!is_json && (*lines > 0 || !is_following))
            fmt::print(stderr,
                       "No call has been metered yet{}; next: halton-meter run -- <your "
                       "tool>\n",
                       project ? " for this project" : "");
    }
    while (is_following) {
        platform::pause_for(limits::live_look_time);
        const auto more = store::read_landed_after(reader, last_row, project);
        // The daemon may be making the file anew, or hold its lock for long: the next look tells.
        if (more) print(*more);
    }
    return exit_done;
}

}  // namespace halton::roles
