// `dashboard`: opens the page that the daemon serves, without a shell; where there is no desktop
// it prints the address.
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "platform/environment.h"
#include "platform/home.h"
#include "platform/listeners.h"
#include "platform/loopback_http.h"
#include "platform/process.h"
#include "roles/dashboard_text.h"
#include "roles/exit_code.h"
#include "roles/ports.h"
#include "roles/verbs.h"

namespace halton::roles {

int run_dashboard(int argc, char** argv) {
    cxxopts::Options options("halton-meter dashboard",
                             "Opens the dashboard in your browser. The daemon serves it, to this "
                             "machine only.\n");
    options.add_options()("print-url", "print its address instead of opening it")(
        "h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) {
        fmt::print(stderr, "halton-meter: {}\n", home.error().context);
        return exit_failed;
    }
    const auto port = find_ports(*home, platform::read_config(*home).config).api_port;
    const auto url = to_dashboard_url(port);
    if (flags.count("print-url") > 0) fmt::print("{}\n", url);
    // Another user's daemon may have the port while ours is down: its numbers are not ours.
    const auto owner = platform::find_listener_uid(port);
    if (owner && *owner != platform::own_uid()) {
        fmt::print(stderr,
                   "halton-meter: another user's program has port {}; see halton-meter doctor\n",
                   port);
        return exit_failed;
    }
    const auto health = platform::get_loopback(port, "/health", limits::dashboard_probe);
    if (!health || health->status != 200) {
        fmt::print(stderr,
                   "halton-meter: the daemon, which serves the dashboard, does not answer at {}; "
                   "start it with halton-meter start\n",
                   url);
        return exit_failed;
    }
    if (flags.count("print-url") > 0) return exit_done;
    const auto environment = platform::read_environment();
    auto command = choose_opener(environment, [](std::string_view name) {
        return platform::has_program(std::string(name));
    });
    if (command.empty()) {
        fmt::print("No desktop here to open it on: {}\n", url);
        return exit_done;
    }
    command.push_back(url);
    // Some openers become the browser: it must outlive us.
    const auto started =
        platform::start_detached(command, environment, "/dev/null", [](int) { return true; });
    if (!started) {
        fmt::print(stderr, "halton-meter: {}; open it yourself: {}\n", started.error().context,
                   url);
        return exit_failed;
    }
    fmt::print("Opening {}\n", url);
    return exit_done;
}

}  // namespace halton::roles
