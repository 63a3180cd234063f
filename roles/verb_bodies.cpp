// `bodies`: stats, list, show, prune. Works on the database, beside a running daemon or without
// one.
#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/json.h"
#include "base/text.h"
#include "platform/home.h"
#include "platform/loopback_http.h"
#include "platform/terminal.h"
#include "roles/bodies_text.h"
#include "roles/exit_code.h"
#include "roles/flags.h"
#include "roles/ports.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/bodies.h"

namespace halton::roles {
namespace {

constexpr const char* usage =
    "Shows and deletes what was captured of calls' bodies. Capturing is off unless a .haltonrc\n"
    "(body_capture = on), a project (projects settings NAME --body-capture on) or config.toml\n"
    "([bodies] capture = true) switches it on; the nearest word counts.\n"
    "Usage:\n"
    "  halton-meter bodies stats                   how many, how large, what was taken out\n"
    "  halton-meter bodies list [--limit N]        the newest\n"
    "  halton-meter bodies show ID|last            one of them, without its secrets\n"
    "  halton-meter bodies prune [...]             deletes old ones, a project's, or all\n"
    "Each of them knows --help and --json.\n";

constexpr std::chrono::milliseconds answer_limit{1'000};

int report_failure(const Error& error) {
    fmt::print(stderr, "halton-meter: {}\n", error.context);
    return exit_failed;
}

struct Asked {
    platform::Home home;
    cxxopts::ParseResult flags;
    bool is_json = false;
};

std::optional<int> ask(cxxopts::Options& options, int argc, char** argv, Asked& asked) {
    options.add_options()("json", "as one JSON object")("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv, &asked.flags)) return done;
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error());
    asked.home = *home;
    asked.is_json = asked.flags.count("json") > 0;
    return std::nullopt;
}

// Nothing when no daemon answers, or an older one.
std::optional<LiveBodies> ask_daemon(const platform::Home& home, const config::Config& config) {
    const auto ports = find_ports(home, config);
    const auto answer = platform::get_loopback(ports.api_port, "/v1/daemon/status", answer_limit);
    if (!answer || answer->status != 200) return std::nullopt;
    JsonParser parser;
    const auto json = parser.parse(answer->body);
    if (!json || !(*json)["bodies"].is_object()) return std::nullopt;
    const JsonView bodies = (*json)["bodies"];
    const auto count = [&](std::string_view key) { return bodies[key].as_integer().value_or(0); };
    return LiveBodies{count("memory_bytes"), count("waiting"), count("refused"), count("dropped")};
}

int run_stats(int argc, char** argv) {
    cxxopts::Options options("halton-meter bodies stats", "What was captured, and what is kept.\n");
    Asked asked;
    if (const auto done = ask(options, argc, argv, asked)) return *done;
    const auto stats = store::read_body_stats(asked.home.database_file());
    if (!stats) return report_failure(stats.error());
    const auto config = platform::read_config(asked.home).config;
    const BodySettings settings{config.captures_bodies, config.body_retention_days,
                                config.body_size_limit_mib};
    const auto live = ask_daemon(asked.home, config);
    fmt::print("{}", asked.is_json ? to_body_stats_json(*stats, settings, live)
                                   : to_body_stats_text(*stats, settings, live));
    return exit_done;
}

int run_list(int argc, char** argv) {
    constexpr const char* name = "halton-meter bodies list";
    cxxopts::Options options(name, "The newest bodies.\n");
    options.add_options()("limit", "at most so many (20)", cxxopts::value<std::string>(), "N");
    Asked asked;
    if (const auto done = ask(options, argc, argv, asked)) return *done;
    std::uint64_t limit = 20;
    if (asked.flags.count("limit") > 0) {
        const auto number = parse_decimal(asked.flags["limit"].as<std::string>());
        if (!number || *number == 0 || *number > 10'000)
            return report_usage_error(name, "--limit wants a number from 1 to 10000");
        limit = *number;
    }
    auto entries = store::list_bodies(asked.home.database_file(), static_cast<std::int64_t>(limit));
    if (!entries && entries.error().kind == ErrorKind::not_found)
        entries = std::vector<store::BodyEntry>{};
    if (!entries) return report_failure(entries.error());
    fmt::print("{}", asked.is_json ? to_body_list_json(*entries)
                                   : to_body_list_text(*entries, platform::terminal_columns()));
    return exit_done;
}

int run_show(int argc, char** argv) {
    constexpr const char* name = "halton-meter bodies show";
    cxxopts::Options options(
        name,
        "What was captured of one call, without its secrets. What steers a terminal is shown as\n"
        "\\xNN; --json has the text as it is.\n");
    options.add_options()("request", "only what the client sent")("answer", "only what came back")(
        "id", "", cxxopts::value<std::string>(), "ID");
    options.parse_positional("id");
    options.positional_help("ID|last");
    Asked asked;
    if (const auto done = ask(options, argc, argv, asked)) return *done;
    if (asked.flags.count("id") == 0) return report_usage_error(name, "the call's id is missing");
    const bool is_request = asked.flags.count("request") > 0;
    const bool is_answer = asked.flags.count("answer") > 0;
    if (is_request && is_answer)
        return report_usage_error(name, "--request and --answer exclude each other");
    const auto row = store::read_body(asked.home.database_file(),
                                      to_lower(trim(asked.flags["id"].as<std::string>())));
    if (!row) return report_failure(row.error());
    if (asked.is_json) {
        fmt::print("{}", to_body_json(*row));
        return exit_done;
    }
    if (!is_request && !is_answer) {
        fmt::print("{}", to_body_text(*row));
        return exit_done;
    }
    const auto& side = is_request ? row->request : row->response;
    if (!side.text) {
        fmt::print(stderr, "halton-meter: that side was no text and is not kept\n");
        return exit_failed;
    }
    fmt::print("{}\n", to_harmless_text(*side.text));
    return exit_done;
}

int run_prune(int argc, char** argv) {
    constexpr const char* name = "halton-meter bodies prune";
    cxxopts::Options options(
        name, "Deletes captured bodies for good; the calls and their costs stay. Asks first.\n");
    options.add_options()("older-than", "an age: 12h, 7d, 2w, or a number of days",
                          cxxopts::value<std::string>(),
                          "AGE")("project", "only of this project", cxxopts::value<std::string>(),
                                 "NAME")("all", "all of them")("yes", "do not ask");
    Asked asked;
    if (const auto done = ask(options, argc, argv, asked)) return *done;
    store::BodyFilter filter;
    if (asked.flags.count("older-than") > 0) {
        const auto age = parse_since(asked.flags["older-than"].as<std::string>());
        if (!age) return report_usage_error(name, age.error().context.c_str());
        filter.older_than = system_clock().now_utc() - *age;
    }
    if (asked.flags.count("project") > 0)
        filter.project_slug = to_lower(trim(asked.flags["project"].as<std::string>()));
    const bool has_filter = filter.older_than || !filter.project_slug.empty();
    const bool is_all = asked.flags.count("all") > 0;
    if (has_filter == is_all)
        return report_usage_error(name, has_filter ? "--all excludes the others"
                                                   : "say which: --older-than, --project or --all");
    const auto file = asked.home.database_file();
    auto count = store::count_bodies(file, filter);
    if (!count && count.error().kind == ErrorKind::not_found) count = 0;
    if (!count) return report_failure(count.error());
    if (*count > 0 && asked.flags.count("yes") == 0) {
        if (!platform::is_stdin_terminal()) {
            fmt::print(stderr,
                       "halton-meter: {} bodies would be deleted; nobody can be asked here, so say "
                       "--yes\n",
                       *count);
            return exit_failed;
        }
        fmt::print("Delete {} bod{} for good? [y/N] ", *count, *count == 1 ? "y" : "ies");
        std::fflush(stdout);
        std::string answer;
        std::getline(std::cin, answer);
        const auto word = to_lower(trim(answer));
        if (word != "y" && word != "yes") {
            fmt::print("Nothing was deleted.\n");
            return exit_failed;
        }
    }
    auto pruned = *count > 0 ? store::prune_bodies(file, filter) : Result<std::int64_t>(0);
    if (!pruned) return report_failure(pruned.error());
    if (asked.is_json)
        fmt::print("{{\"deleted\": {}}}\n", *pruned);
    else
        fmt::print("{} bod{} deleted\n", *pruned, *pruned == 1 ? "y" : "ies");
    return exit_done;
}

constexpr std::array<InnerVerb, 4> inner_verbs{{
    {"stats", run_stats},
    {"list", run_list},
    {"show", run_show},
    {"prune", run_prune},
}};

}  // namespace

int run_bodies(int argc, char** argv) {
    return run_inner_verb("halton-meter bodies", inner_verbs, "stats", usage, argc, argv);
}

}  // namespace halton::roles
