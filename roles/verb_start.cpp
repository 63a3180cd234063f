// `start`, `stop`, `restart`: the daemon and the watchdog; the edge stays as it is.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "platform/home.h"
#include "roles/exit_code.h"
#include "roles/installation.h"
#include "roles/verbs.h"

namespace halton::roles {
namespace {

int start(Installation& installation, bool is_quiet) {
    const auto facts = installation.look(false);
    if (const auto made = platform::make_home(installation.home()); !made) {
        return report_failure(made.error().context, "doctor");
    }
    const auto done = installation.carry_out(facts, setup::plan_start(facts),
                                             Installation::OnFailure::go_on, true, is_quiet);
    if (done.failed_count > 0) {
        fmt::print(stderr,
                   "halton-meter: not everything could be started. Next: halton-meter "
                   "doctor\n");
        return exit_failed;
    }
    const auto ports = platform::read_ports(installation.home()).value_or(facts.ports);
    if (is_quiet)
        fmt::print("halton-meter: metering on 127.0.0.1:{}\n", ports.edge_port);
    else
        fmt::print("The daemon is healthy: API on 127.0.0.1:{}, edge on 127.0.0.1:{}.\n",
                   ports.api_port, ports.edge_port);
    return exit_done;
}

int stop(Installation& installation) {
    const auto facts = installation.look(false);
    if (const auto made = platform::make_home(installation.home()); !made) {
        return report_failure(made.error().context, "doctor");
    }
    const auto done = installation.carry_out(facts, setup::plan_stop(facts),
                                             Installation::OnFailure::go_on, true);
    if (done.failed_count > 0) {
        fmt::print(stderr,
                   "halton-meter: not everything could be stopped. Next: halton-meter "
                   "doctor\n");
        return exit_failed;
    }
    return exit_done;
}

int report_no_home(const Error& error) { return report_failure(error.context, "doctor"); }

}  // namespace

int run_start(int argc, char** argv) {
    cxxopts::Options options("halton-meter start",
                             "Starts metering: the daemon and, where it is missing, the edge.\n");
    options.add_options()("quiet", "one line only")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    auto installation = Installation::find();
    if (!installation) return report_no_home(installation.error());
    return start(*installation, flags.count("quiet") > 0);
}

int run_stop(int argc, char** argv) {
    cxxopts::Options options("halton-meter stop",
                             "Stops metering. The edge stays, so your tools go on working.\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;
    auto installation = Installation::find();
    if (!installation) return report_no_home(installation.error());
    const int code = stop(*installation);
    if (code == exit_done)
        fmt::print(
            "Stopped. Your tools go on working, unmetered. To meter again: halton-meter "
            "start\n");
    return code;
}

int run_restart(int argc, char** argv) {
    cxxopts::Options options("halton-meter restart",
                             "Stops and starts the daemon. The edge stays as it is.\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;
    auto installation = Installation::find();
    if (!installation) return report_no_home(installation.error());
    const int code = stop(*installation);
    return code == exit_done ? start(*installation, false) : code;
}

}  // namespace halton::roles
