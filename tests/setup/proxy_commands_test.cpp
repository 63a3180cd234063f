#include "setup/proxy_commands.h"

#include <functional>
#include <random>

#include "support/catch.h"
#include "support/golden.h"

using namespace halton;
using namespace halton::setup;

namespace {

const Ports ports{8081};
const std::vector<std::string> defaults{"*.local", "169.254/16"};
const std::vector<std::string> extended{"*.local", "169.254/16", "localhost", "127.0.0.1", "::1"};

std::string recording(const std::string& name) {
    return test::read_fixture("setup/macos/recorded/networksetup_" + name + ".txt");
}

CommandFact said(std::string output, int exit_code = 0) {
    CommandFact fact;
    fact.started = true;
    fact.exit_code = exit_code;
    fact.output = std::move(output);
    return fact;
}

std::vector<Argv> argvs(const std::vector<RunCommand>& commands) {
    std::vector<Argv> list;
    for (const auto& command : commands) list.push_back(command.argv);
    return list;
}

// networksetup as the manual page describes it, for one service.
struct Machine {
    NetworkService service;
    bool takes_empty_server = true;

    void run(const RunCommand& command) {
        const auto& argv = command.argv;
        REQUIRE(argv.size() >= 3);
        CHECK(argv[0] == "networksetup");
        CHECK(argv[2] == service.name);
        auto& setting =
            argv[1].find("secure") != std::string::npos ? service.secure_web : service.web;
        if (argv[1] == "-setproxybypassdomains") {
            service.bypass_domains.assign(argv.begin() + 3, argv.end());
            if (service.bypass_domains == std::vector<std::string>{"Empty"})
                service.bypass_domains.clear();
        } else if (argv[1].find("state") != std::string::npos) {
            setting.is_on = argv.at(3) == "on";
        } else if (argv.at(3).empty() && !takes_empty_server) {
            CHECK(command.may_fail);
        } else {
            setting.is_on = true;
            setting.server = argv.at(3);
            setting.port = static_cast<std::uint16_t>(std::stoi(argv.at(4)));
            if (argv.size() > 5) setting.has_login = argv[5] == "on";
        }
    }
    void run(const std::vector<RunCommand>& commands) {
        for (const auto& command : commands) run(command);
    }
};

}  // namespace

TEST_CASE("proxy commands: the list of services") {
    CHECK(parse_services(recording("services")) ==
          std::vector<std::string>{"USB 10/100/1000 LAN", "Wi-Fi", "iPhone USB"});
    CHECK_FALSE(parse_services(""));
    CHECK_FALSE(parse_services("Wi-Fi\n"));
    CHECK_FALSE(parse_services(recording("not_admin")));
    const auto none = parse_services("An asterisk (*) denotes that a network service is disabled.");
    REQUIRE(none);
    CHECK(none->empty());
}

TEST_CASE("proxy commands: one proxy") {
    CHECK(parse_proxy(recording("off")) == ProxySetting{});
    CHECK(parse_proxy(recording("corporate")) ==
          ProxySetting{true, "proxy.corp.example", 3128, true});
    CHECK(parse_proxy(recording("ours")) == ProxySetting{true, "127.0.0.1", 8081, false});
    CHECK(parse_proxy("Enabled: Yes\r\nServer: (null)\r\nPort: 99999\r\n") ==
          ProxySetting{true, "", 0, false});
    for (const auto& text : {std::string(), recording("no_service"), recording("not_admin"),
                             std::string("Enabled: Perhaps\n")})
        CHECK_FALSE(parse_proxy(text));
}

TEST_CASE("proxy commands: bypass lists") {
    CHECK(parse_bypass(recording("bypass")) == defaults);
    CHECK(parse_bypass(recording("bypass_none")).empty());
    CHECK(parse_bypass("").empty());
}

TEST_CASE("proxy commands: every service is asked for, and only what answers is seen") {
    Facts facts;
    CHECK(ask_network_services(facts) == std::vector<Argv>{list_services_command()});
    CHECK(see_network_services(facts).empty());
    facts.commands[list_services_command()] = said(recording("services"));
    CHECK(ask_network_services(facts).size() == 1 + 3 * 3);
    for (const auto* name : {"Wi-Fi", "iPhone USB"}) {
        facts.commands[get_proxy_command(name, ProxyKind::web)] = said(recording("off"));
        facts.commands[get_proxy_command(name, ProxyKind::secure_web)] =
            said(recording("corporate"));
        facts.commands[get_bypass_command(name)] = said(recording("bypass"));
    }
    facts.commands[get_proxy_command("iPhone USB", ProxyKind::web)] =
        said(recording("no_service"), 4);
    const auto seen = see_network_services(facts);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0] ==
          NetworkService{"Wi-Fi", {}, {true, "proxy.corp.example", 3128, true}, defaults});
    CHECK(has_foreign_proxy(seen[0], ports));
}

TEST_CASE("proxy commands: on keeps the bypass list and is silent when it is on") {
    const NetworkService plain{"Wi-Fi", {}, {}, defaults};
    CHECK_FALSE(has_foreign_proxy(plain, ports));
    CHECK(argvs(plan_on(plain, 8081)) ==
          std::vector<Argv>{{"networksetup", "-setproxybypassdomains", "Wi-Fi", "*.local",
                             "169.254/16", "localhost", "127.0.0.1", "::1"},
                            {"networksetup", "-setwebproxy", "Wi-Fi", "127.0.0.1", "8081"},
                            {"networksetup", "-setsecurewebproxy", "Wi-Fi", "127.0.0.1", "8081"}});
    Machine machine{plain};
    machine.run(plan_on(plain, 8081));
    CHECK(machine.service ==
          NetworkService{"Wi-Fi", {true, "127.0.0.1", 8081}, {true, "127.0.0.1", 8081}, extended});
    CHECK(is_switched_on(machine.service, 8081));
    CHECK_FALSE(is_switched_on(machine.service, 8082));
    CHECK(plan_on(machine.service, 8081).empty());
    // A login of the proxy before us is not sent to us.
    const NetworkService with_login{
        "Wi-Fi", {}, {true, "proxy.corp.example", 3128, true}, extended};
    CHECK(plan_on(with_login, 8081).back().argv.back() == "off");
}

TEST_CASE("proxy commands: off touches only what is ours") {
    const NetworkService mixed{
        "Wi-Fi", {true, "proxy.corp.example", 3128}, {true, "127.0.0.1", 8081}, {}};
    CHECK(argvs(plan_off(mixed, ports)) ==
          std::vector<Argv>{{"networksetup", "-setsecurewebproxystate", "Wi-Fi", "off"}});
    const NetworkService other{"Wi-Fi", {true, "127.0.0.1", 3128}, {false, "127.0.0.1", 8081}, {}};
    CHECK(plan_off(other, ports).empty());
}

TEST_CASE("proxy commands: without a record, restoring is switching off") {
    const NetworkService ours{
        "Wi-Fi", {true, "127.0.0.1", 8081}, {true, "127.0.0.1", 8081}, extended};
    CHECK(argvs(plan_restore(ours, nullptr, ports)) ==
          std::vector<Argv>{{"networksetup", "-setwebproxystate", "Wi-Fi", "off"},
                            {"networksetup", "-setsecurewebproxystate", "Wi-Fi", "off"}});
}

TEST_CASE("proxy commands: on and restore leave what was there, whatever it was") {
    std::mt19937 random(20261121);
    const auto pick = [&random](int count) {
        return static_cast<int>(random() % static_cast<unsigned>(count));
    };
    const auto make_setting = [&] {
        ProxySetting setting;
        if (pick(2)) return setting;
        setting.server = pick(2) ? "proxy.corp.example" : "127.0.0.1";
        setting.port = 3128;
        setting.is_on = pick(2) == 1;
        return setting;
    };
    const std::vector<std::string> words{"*.local", "169.254/16", "localhost", "::1", "10/8"};
    for (int round = 0; round < 2'000; ++round) {
        NetworkService before{"Wi-Fi", make_setting(), make_setting(), {}};
        for (const auto& word : words)
            if (pick(2)) before.bypass_domains.push_back(word);
        Machine machine{before};
        machine.run(plan_on(machine.service, 8081));
        REQUIRE(is_switched_on(machine.service, 8081));
        // The watchdog may have acted, and the daemon after it.
        if (pick(2)) machine.run(plan_off(machine.service, ports));
        if (pick(3) == 0) machine.run(plan_on(machine.service, 8081));
        machine.takes_empty_server = pick(2) == 1;
        machine.run(plan_restore(machine.service, &before, ports));
        for (const auto* pair : {&before, &machine.service})
            REQUIRE_FALSE(is_ours(pair->web, ports));
        if (machine.takes_empty_server) {
            REQUIRE(machine.service == before);
        } else {
            REQUIRE(machine.service.web.is_on == before.web.is_on);
            REQUIRE(machine.service.secure_web.is_on == before.secure_web.is_on);
        }
        REQUIRE(machine.service.bypass_domains == before.bypass_domains);
    }
}

TEST_CASE("proxy commands: what the user changed since stays") {
    const NetworkService before{"Wi-Fi", {true, "old.example", 80}, {}, defaults};
    NetworkService now{"Wi-Fi", {true, "new.example", 80}, {true, "127.0.0.1", 8081}, extended};
    now.bypass_domains.push_back("*.mine");
    Machine machine{now};
    machine.run(plan_restore(now, &before, ports));
    CHECK(machine.service.web == now.web);
    CHECK_FALSE(machine.service.secure_web.is_on);
    CHECK(machine.service.bypass_domains ==
          std::vector<std::string>{"*.local", "169.254/16", "*.mine"});
}

TEST_CASE("proxy commands: undo of a half-done on leaves nothing on") {
    const NetworkService plain{"Wi-Fi", {}, {}, defaults};
    const auto commands = plan_on(plain, 8081);
    for (std::size_t done = 0; done <= commands.size(); ++done) {
        Machine machine{plain};
        for (std::size_t i = 0; i < done; ++i) machine.run(commands[i]);
        for (std::size_t i = done; i-- > 0;) machine.run(RunCommand{.argv = commands[i].undo});
        CHECK_FALSE(machine.service.web.is_on);
        CHECK_FALSE(machine.service.secure_web.is_on);
        CHECK(machine.service.bypass_domains == defaults);
    }
}
