#include "setup/systemd_unit.h"

#include "support/catch.h"

using namespace halton::setup;

namespace {

Facts make_facts() {
    Facts facts;
    facts.folders = {"/home/ann", "/home/ann/.halton-meter", "/home/ann/.config",
                     "/opt/50% off/bin/halton-meter"};
    facts.ports = {8082, 8090, 8765, 0, 0};
    return facts;
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("systemd units: the edge is never given up") {
    const auto socket = make_edge_socket(make_facts());
    CHECK(has_line(socket, "ListenStream=127.0.0.1:8082"));
    CHECK(has_line(socket, "FileDescriptorName=edge"));
    CHECK(has_line(socket, "TriggerLimitIntervalSec=0"));
    const auto service = make_edge_service(make_facts());
    CHECK(has_line(service, "StartLimitIntervalSec=0"));
    CHECK(has_line(service, "Restart=always"));
    CHECK(has_line(service, "Requires=halton-meter-edge.socket"));
    CHECK(has_line(service, "ExecStart=\"/opt/50%% off/bin/halton-meter\" edge --drain-in-child"));
}

TEST_CASE("systemd units: the daemon drains, returns and inherits no proxy") {
    const auto service = make_daemon_service(make_facts());
    CHECK(has_line(service, "Restart=always"));
    CHECK(has_line(service, "RestartSec=1"));
    // The child that finishes calls must not be killed with it.
    CHECK(has_line(service, "KillMode=process"));
    CHECK(service.find("daemon --drain-in-child\n") != std::string::npos);
    CHECK(has_line(service, "TimeoutStopSec=30"));
    CHECK(has_line(service, "WantedBy=default.target"));
    for (const char* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"})
        CHECK(service.find(name) > service.find("UnsetEnvironment="));
    CHECK(service.find("HALTON_METER_HOME") == std::string::npos);
}

TEST_CASE("systemd units: a moved data folder is named") {
    auto facts = make_facts();
    facts.folders.data = "/srv/the meter";
    for (const auto& text :
         {make_edge_service(facts), make_daemon_service(facts), make_watchdog_service(facts)})
        CHECK(has_line(text, "Environment=\"HALTON_METER_HOME=/srv/the meter\""));
}

TEST_CASE("systemd units: words are escaped") {
    CHECK(quote_for_unit("a\"b\\c%d$e") == "\"a\\\"b\\\\c%%d$e\"");
}
