// `reset-proxy`: the emergency exit. Switches the system proxy off: on macOS for every active
// network service, whoever set it; on a Linux desktop what points at us. Needs no config, database,
// sentinel or daemon.
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "platform/environment.h"
#include "platform/system_proxy.h"
#include "roles/exit_code.h"
#include "roles/ports.h"
#include "roles/verbs.h"
#include "setup/run_environment.h"

namespace halton::roles {

int run_reset_proxy(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter reset-proxy",
        "Switches the system proxy off: on macOS for every active network service, on a "
        "Linux desktop where it points at halton-meter.\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;

    const auto ports = find_edge_ports();
    const auto tools = platform::find_proxy_tools();
    const auto changes = platform::switch_proxy_off(tools, ports, platform::Whose::everybodys,
                                                    limits::system_proxy_time);
    for (const auto& change : changes) {
        const auto where = to_safe_text(change.where, 100);
        if (!change.has_worked)
            fmt::print(stderr, "halton-meter: {}: cannot switch the system proxy off; do: {}\n",
                       where, change.by_hand);
        else if (change.was.empty())
            fmt::print("{}: system proxy switched off\n", where);
        else
            fmt::print("{}: system proxy switched off; it was {}, not ours\n", where, change.was);
    }
    if (std::any_of(changes.begin(), changes.end(),
                    [](const auto& change) { return !change.has_worked; }))
        return exit_failed;
    if (changes.empty())
        fmt::print("Nothing to switch off: {}.\n", tools.networksetup.empty()
                                                       ? "no system proxy setting points at us"
                                                       : "the system proxy is off everywhere");
    const auto environment = platform::read_environment();
    for (const auto port : ports) {
        if (!environment.contains("HTTPS_PROXY") && !environment.contains("https_proxy")) break;
        if (setup::find_foreign_proxy(environment, port)) continue;
        fmt::print(
            "This shell's HTTPS_PROXY points at us; to end that, type: unset HTTPS_PROXY "
            "https_proxy\n");
        break;
    }
    return exit_done;
}

}  // namespace halton::roles
