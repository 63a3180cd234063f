#include "setup/systemd_unit.h"

#include <fmt/format.h>

#include "base/limits.h"

namespace halton::setup {
namespace {

// A proxy of the session would lead the daemon to its own edge, and the bundle of an installation
// must not decide what a fresh bundle holds.
constexpr std::string_view cleared_variables =
    "HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy "
    "SSL_CERT_FILE SSL_CERT_DIR";

// Moved only when it is not where it is looked for.
std::string make_environment(const Facts& facts) {
    if (facts.folders.data == facts.folders.user_home + "/.halton-meter") return {};
    return fmt::format("Environment={}\n",
                       quote_for_unit("HALTON_METER_HOME=" + facts.folders.data));
}

std::string make_service(const Facts& facts, std::string_view description, std::string_view role,
                         std::string_view unit_lines, std::string_view service_lines) {
    return fmt::format(
        "# Written by \"halton-meter init\"; changes are lost at the next one.\n"
        "[Unit]\n"
        "Description={}\n"
        "StartLimitIntervalSec=0\n"
        "{}"
        "\n"
        "[Service]\n"
        "ExecStart={} {}\n"
        "{}"
        "UnsetEnvironment={}\n"
        "{}"
        "\n"
        "[Install]\n"
        "WantedBy=default.target\n",
        description, unit_lines, quote_for_unit(facts.folders.program), role,
        make_environment(facts), cleared_variables, service_lines);
}

}  // namespace

std::string quote_for_unit(std::string_view word) {
    std::string quoted = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (c == '%') quoted += c;
        quoted += c;
    }
    return quoted + "\"";
}

std::string make_edge_socket(const Facts& facts) {
    return fmt::format(
        "# Written by \"halton-meter init\"; changes are lost at the next one.\n"
        "[Unit]\n"
        "Description=halton-meter: the proxy port of your tools\n"
        "\n"
        "[Socket]\n"
        "ListenStream=127.0.0.1:{}\n"
        "FileDescriptorName=edge\n"
        "Backlog={}\n"
        "TriggerLimitIntervalSec=0\n"
        "\n"
        "[Install]\n"
        "WantedBy=sockets.target\n",
        facts.ports.edge_port, limits::listen_backlog);
}

std::string make_edge_service(const Facts& facts) {
    return make_service(facts, "halton-meter: edge, which keeps the proxy port answered",
                        "edge --drain-in-child",
                        fmt::format("Requires={0}\nAfter={0}\n", edge_socket_unit),
                        "Type=notify\n"
                        "Restart=always\n"
                        "KillMode=process\n"
                        "RestartSec=100ms\n"
                        "TimeoutStopSec=10\n");
}

std::string make_daemon_service(const Facts& facts) {
    return make_service(facts, "halton-meter: daemon, which meters calls",
                        "daemon --drain-in-child", "",
                        "Type=notify\n"
                        "Restart=always\n"
                        "KillMode=process\n"
                        "RestartSec=1\n"
                        "TimeoutStopSec=30\n");
}

std::string make_watchdog_service(const Facts& facts) {
    return make_service(
        facts, "halton-meter: watchdog, which takes a proxy setting back when nothing answers",
        "watchdog", "",
        // It ends in order where there is no proxy setting that it could take back.
        "Restart=on-failure\n"
        "RestartSec=2\n"
        "TimeoutStopSec=10\n");
}

}  // namespace halton::setup
