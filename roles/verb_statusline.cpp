// `statusline`: one line for Claude Code's status line, tmux or starship. Reads roll-ups and
// indices only, waits for nothing, and always prints something.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/local_time.h"
#include "roles/statusline_text.h"
#include "roles/verbs.h"
#include "store/sessions.h"

namespace halton::roles {

int run_statusline(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter statusline",
        "Prints one line: the session's cost, today's spend, how full your subscriptions are.\n"
        "Claude Code names its session on stdin; in its settings.json:\n"
        "  \"statusLine\": {\"type\": \"command\", \"command\": \"halton-meter statusline\"}\n"
        "tmux:      set -g status-right '#(halton-meter statusline)'\n"
        "starship:  [custom.halton] command = \"halton-meter statusline\", when = true\n");
    options.add_options()("session", "of this session, instead of the one on stdin",
                          cxxopts::value<std::string>(), "ID")("utc", "today is that of UTC")(
        "json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    StatusFacts facts;
    facts.now = system_clock().now_utc();
    if (flags.count("session") > 0) {
        facts.session_id = flags["session"].as<std::string>();
    } else {
        // Some writers leave the pipe open: a whole object is enough.
        const auto text = platform::read_stdin(
            limits::statusline_input_time, limits::statusline_input_bytes_max,
            [](std::string_view so_far) { return read_status_session(so_far).has_value(); });
        facts.session_id = read_status_session(text);
    }
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    const auto zone = flags.count("utc") > 0 ? store::DayZone{}
                                             : read_local_zone(facts.now - std::chrono::hours(48),
                                                               facts.now + std::chrono::hours(24));
    store::Reader reader(home->database_file(), limits::statusline_query_time);
    store::UsageQuery query;
    query.from = zone.day_start(facts.now);
    query.to = facts.now + std::chrono::seconds(1);
    const auto today = store::read_usage(reader, query);
    facts.has_database = today || today.error().kind != ErrorKind::not_found;
    if (today) {
        facts.today = store::UsageSums{};
        for (const auto& row : *today) facts.today->add(row.sums);
    }
    if (facts.session_id && facts.has_database) {
        const auto session = store::read_session(reader, *facts.session_id);
        if (!session)
            facts.session_id.reset();  // not known is not "not metered"
        else if (*session)
            facts.session = (*session)->sums;
    }
    if (facts.has_database)
        if (auto limits = store::read_plan_limits(home->database_file()))
            facts.limits = std::move(*limits);
    fmt::print("{}", flags.count("json") > 0
                         ? to_statusline_json(facts)
                         : to_statusline(facts, platform::terminal_columns()) + '\n');
    return exit_done;
}

}  // namespace halton::roles
