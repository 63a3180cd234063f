// `top`: running calls, today's spend, limits and the last calls, on a screen that keeps itself up
// to date. Reads the database; asks the daemon only how many calls run.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "platform/home.h"
#include "platform/loopback_http.h"
#include "platform/raw_terminal.h"
#include "roles/exit_code.h"
#include "roles/local_time.h"
#include "roles/top_text.h"
#include "roles/verbs.h"
#include "store/landed.h"

namespace halton::roles {
namespace {

using platform::Key;

// How many calls one can scroll back to.
constexpr std::size_t kept_calls_max = 500;
constexpr std::chrono::hours zone_span{24 * 400};
// A daemon on this machine answers in a millisecond; a hung one must not hold the screen.
constexpr std::chrono::milliseconds daemon_answer_time{150};

void ask_daemon(const platform::Home& home, TopFacts& facts) {
    facts.has_daemon = false;
    facts.running.reset();
    const auto ports = platform::read_ports(home);
    if (!ports || ports->api_port == 0) return;
    const auto answer =
        platform::get_loopback(ports->api_port, "/v1/daemon/status", daemon_answer_time);
    facts.has_daemon = answer && answer->status == 200;
    if (facts.has_daemon) facts.running = read_running_calls(answer->body);
}

void look(store::Reader& reader, const platform::Home& home, std::int64_t& last_row,
          TopFacts& facts) {
    facts.now = system_clock().now_utc();
    ask_daemon(home, facts);
    facts.trouble.clear();
    auto more = last_row == 0 ? store::read_last_landed(reader, kept_calls_max, std::nullopt)
                              : store::read_landed_after(reader, last_row, std::nullopt);
    if (!more) {
        if (more.error().kind != ErrorKind::not_found) facts.trouble = more.error().context;
        return;
    }
    const bool is_changed = !more->empty() || !facts.today;
    for (auto& call : *more) {
        // A file that was made anew.
        if (call.row <= last_row) facts.calls.clear();
        last_row = call.row;
        facts.calls.push_back(std::move(call));
    }
    if (facts.calls.size() > kept_calls_max)
        facts.calls.erase(facts.calls.begin(),
                          facts.calls.end() - static_cast<std::ptrdiff_t>(kept_calls_max));
    store::UsageQuery query;
    query.from = facts.zone.day_start(facts.now);
    query.to = facts.now + std::chrono::seconds(1);
    query.group_by = {store::UsageGroup::project};
    const auto rows = store::read_usage(reader, query);
    if (rows) {
        facts.today = store::UsageSums{};
        for (const auto& row : *rows) facts.today->add(row.sums);
        facts.projects = *rows;
    } else {
        facts.trouble = rows.error().context;
    }
    if (is_changed)
        if (auto limits = store::read_plan_limits(home.database_file()))
            facts.limits = std::move(*limits);
}

}  // namespace

int run_top(int argc, char** argv) {
    constexpr const char* name = "halton-meter top";
    cxxopts::Options options(
        name,
        "Shows running calls, today's spend, limits and the last calls, live.\n"
        "q ends it, arrows and page keys scroll, g goes to the newest call.\n");
    options.add_options()("utc", "times and today in UTC")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    auto terminal = platform::RawTerminal::open();
    if (!terminal) return report_failure(terminal.error().context, "tail, or: halton-meter report");

    TopFacts facts;
    facts.now = system_clock().now_utc();
    const bool is_utc = flags.count("utc") > 0;
    facts.zone =
        is_utc ? store::DayZone{} : read_local_zone(facts.now - zone_span, facts.now + zone_span);
    facts.zone_name = is_utc ? "UTC" : local_zone_name(facts.now);
    store::Reader reader(home->database_file());
    std::int64_t last_row = 0;
    std::size_t scroll = 0;
    bool wants_look = true;
    while (true) {
        if (wants_look) {
            const auto before = facts.calls.size();
            look(reader, *home, last_row, facts);
            // Who has scrolled back stays where they are while calls come in.
            if (scroll > 0 && facts.calls.size() > before) scroll += facts.calls.size() - before;
        }
        const auto size = terminal->size();
        const auto screen = to_top_screen(facts, size.columns, size.rows, scroll);
        scroll = screen.scroll;
        terminal->draw(screen.lines);
        const Key key = terminal->wait_key(limits::live_look_time);
        wants_look = key == Key::none;
        switch (key) {
            case Key::quit: return exit_done;
            case Key::up: scroll -= scroll > 0 ? 1 : 0; break;
            case Key::down: ++scroll; break;
            case Key::page_up: scroll -= std::min(scroll, screen.page_rows); break;
            case Key::page_down: scroll += screen.page_rows; break;
            case Key::home: scroll = 0; break;
            case Key::end: scroll = facts.calls.size(); break;
            case Key::none:
            case Key::resized:
            case Key::other: break;
        }
    }
}

}  // namespace halton::roles
