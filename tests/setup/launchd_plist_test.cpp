#include "setup/launchd_plist.h"

#include "support/catch.h"
#include "support/golden.h"

using namespace halton;
using namespace halton::setup;

namespace {

Folders make_folders() {
    Folders folders;
    folders.user_home = "/Users/ada";
    folders.data = "/Users/ada/.halton-meter";
    folders.user_config = "/Users/ada/.config";
    folders.program = "/opt/halton & co/bin/halton-meter";
    return folders;
}

bool has_key(const std::string& plist, const std::string& key) {
    return plist.find("<key>" + key + "</key>") != std::string::npos;
}

CommandFact printed(int exit_code, std::string output) {
    CommandFact fact;
    fact.started = true;
    fact.exit_code = exit_code;
    fact.output = std::move(output);
    return fact;
}

std::string recording(const std::string& name) {
    const auto text = test::read_fixture("setup/macos/recorded/" + name);
    REQUIRE_FALSE(text.empty());
    return text;
}

}  // namespace

TEST_CASE("launchd plist: golden files") {
    for (const auto agent : all_agents) {
        const std::string label(label_of(agent));
        INFO(label);
        test::check_golden("setup/macos/" + label + ".plist",
                           make_plist(make_folders(), agent, 8081));
    }
}

TEST_CASE("launchd plist: what each agent must and must not say") {
    const auto folders = make_folders();
    const auto text = [&](Agent agent) { return make_plist(folders, agent, 8081); };
    // Any value of KeepAlive means that launchd loads it at login.
    for (const auto agent : {Agent::daemon, Agent::watchdog, Agent::userenv})
        CHECK_FALSE(has_key(text(agent), "KeepAlive"));
    for (const auto agent : {Agent::daemon, Agent::watchdog})
        CHECK_FALSE(has_key(text(agent), "RunAtLoad"));
    for (const auto agent : {Agent::daemon, Agent::watchdog, Agent::userenv})
        CHECK_FALSE(has_key(text(agent), "Sockets"));
    CHECK(has_key(text(Agent::edge), "KeepAlive"));
    CHECK(has_key(text(Agent::edge), "RunAtLoad"));
    CHECK(has_key(text(Agent::userenv), "RunAtLoad"));
    CHECK(has_key(text(Agent::daemon), "ExitTimeOut"));
    CHECK(make_plist(folders, Agent::edge, 18081).find("<string>18081</string>") !=
          std::string::npos);
    for (const auto agent : all_agents) {
        CHECK(text(agent).find("<string>/opt/halton &amp; co/bin/halton-meter</string>") !=
              std::string::npos);
        CHECK_FALSE(has_key(text(agent), "EnvironmentVariables"));
    }
}

TEST_CASE("launchd plist: a home of its own is told") {
    auto folders = make_folders();
    folders.data = "/Volumes/a<b>\"c\"\x01/meter";
    for (const auto agent : all_agents) {
        const auto plist = make_plist(folders, agent, 8081);
        CHECK(has_key(plist, "HALTON_METER_HOME"));
        CHECK(plist.find("<string>/Volumes/a&lt;b&gt;&quot;c&quot;?/meter</string>") !=
              std::string::npos);
    }
}

TEST_CASE("launchd plist: launchctl's arguments") {
    const auto folders = make_folders();
    CHECK(print_command(501, Agent::edge) ==
          Argv{"launchctl", "print", "gui/501/com.haltonlabs.meter.edge"});
    CHECK(bootstrap_command(folders, 501, Agent::daemon) ==
          Argv{"launchctl", "bootstrap", "gui/501",
               "/Users/ada/Library/LaunchAgents/com.haltonlabs.meter.plist"});
    CHECK(bootout_command(501, Agent::watchdog) ==
          Argv{"launchctl", "bootout", "gui/501/com.haltonlabs.meter.watchdog"});
    CHECK(kickstart_command(501, Agent::userenv) ==
          Argv{"launchctl", "kickstart", "gui/501/com.haltonlabs.meter.userenv"});
    CHECK(set_variable_command("A", "b c") == Argv{"launchctl", "setenv", "A", "b c"});
    CHECK(get_variable_command("A") == Argv{"launchctl", "getenv", "A"});
    CHECK(unset_variable_command("A") == Argv{"launchctl", "unsetenv", "A"});
}

TEST_CASE("launchd plist: what launchctl print says") {
    using Kind = AgentState::Kind;
    const auto running = read_agent_state(printed(0, recording("launchctl_print_running_14.txt")));
    CHECK(running.kind == Kind::running);
    CHECK(running.pid == 812);
    CHECK(running.program == "/opt/halton-meter/bin/halton-meter");
    CHECK_FALSE(running.last_exit_code);

    const auto older = read_agent_state(printed(0, recording("launchctl_print_running_12.txt")));
    CHECK(older.kind == Kind::running);
    CHECK(older.pid == 4711);
    CHECK(older.last_exit_code == 1);

    const auto idle = read_agent_state(printed(0, recording("launchctl_print_idle_15.txt")));
    CHECK(idle.kind == Kind::loaded);
    CHECK_FALSE(idle.pid);
    CHECK(idle.last_exit_code == 0);

    CHECK(read_agent_state(printed(113, recording("launchctl_print_absent.txt"))).kind ==
          Kind::absent);
    CHECK(read_agent_state(printed(112, recording("launchctl_print_no_session.txt"))).kind ==
          Kind::unknown);
    CHECK(read_agent_state({}).kind == Kind::unknown);
}

TEST_CASE("launchd plist: launchctl print cut anywhere gives a state") {
    const auto text = recording("launchctl_print_running_14.txt");
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto state = read_agent_state(printed(0, text.substr(0, size)));
        CHECK((state.kind == AgentState::Kind::loaded || state.kind == AgentState::Kind::running));
    }
    const auto odd =
        read_agent_state(printed(0, "x = {\n}\n}\n\tpid = 7\n{ = {\npid = 99999999999999\n"));
    CHECK_FALSE(odd.pid);
}
