// The layers of macOS on a Mac that is played: launchctl, networksetup, security and files answer
// and change as theirs do, so that whole installations run on any system.
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/limits.h"
#include "setup/launchd_plist.h"
#include "setup/layers.h"
#include "setup/proxy_commands.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace halton;
using namespace halton::setup;

namespace {

const std::string home = "/Users/ada";
const std::string data = home + "/.halton-meter";
const std::string agents_folder = home + "/Library/LaunchAgents";
const std::string program = "/opt/halton-meter/bin/halton-meter";
// Any base64 will do: nothing here looks into the certificate.
const std::string root_pem =
    "-----BEGIN CERTIFICATE-----\nAAECAwQFBgcICQ==\n-----END CERTIFICATE-----\n";
const std::string root_hash = "1F825AA2F0020EF7CF91DFA30DA4668D791C5D4824FC8E41354B89EC05795AB3";

std::string recording(const std::string& name) {
    return test::read_fixture("setup/macos/recorded/" + name + ".txt");
}

CommandFact said(std::string output, int exit_code = 0) {
    return {true, exit_code, std::move(output)};
}

struct Mac {
    std::map<std::string, std::string> files;
    std::set<std::string> folders{home};
    std::map<std::string, std::string> loaded;  // label -> text of its plist then
    std::set<std::string> running;
    std::map<std::string, std::string> variables;
    std::map<std::string, std::string> keychain;  // hash -> "" or "trusted"
    std::vector<NetworkService> services;
    bool has_session = true;
    bool is_admin = true;
    bool says_no = false;      // to the keychain's dialog
    int draining = 0;          // bootstraps that fail after a bootout
    bool is_outdated = false;  // the program file was replaced
    std::vector<std::string> told;
    int failures = 0;

    Mac() {
        services = {{"USB 10/100/1000 LAN", {}, {}, {"*.local", "169.254/16"}},
                    {"Wi-Fi", {}, {}, {"*.local", "169.254/16"}},
                    {"iPhone USB", {}, {}, {}}};
    }

    std::string label_in(const std::string& target) const {
        return target.substr(target.rfind('/') + 1);
    }

    CommandFact run(const Argv& argv) {
        if (argv[0] == "launchctl") return run_launchctl(argv);
        if (argv[0] == "networksetup") return run_networksetup(argv);
        if (argv[0] == "security") return run_security(argv);
        if (argv == Argv{"id", "-Gn"})
            return said(is_admin ? "staff everyone localaccounts admin _lpadmin\n"
                                 : "staff everyone localaccounts\n");
        return {};
    }

    CommandFact run_launchctl(const Argv& argv) {
        const auto& verb = argv.at(1);
        CHECK((verb == "print" || verb == "bootstrap" || verb == "bootout" || verb == "kickstart" ||
               verb == "getenv" || verb == "setenv" || verb == "unsetenv"));
        if (!has_session && verb != "getenv")
            return said(recording("launchctl_print_no_session"), 112);
        if (verb == "getenv") {
            const auto found = variables.find(argv.at(2));
            return found == variables.end() ? said("", 1) : said(found->second + "\n");
        }
        if (verb == "setenv") variables[argv.at(2)] = argv.at(3);
        if (verb == "unsetenv") variables.erase(argv.at(2));
        if (verb.find("env") != std::string::npos) return said("");
        const auto label = label_in(argv.back());
        if (verb == "bootstrap") {
            if (draining > 0 && draining--)
                return said("Bootstrap failed: 5: Input/output error\n", 5);
            const auto file = files.find(argv.at(3));
            CHECK(argv.at(2) == "gui/501");
            if (file == files.end()) return said("Bootstrap failed: 2: No such file\n", 2);
            auto name = label;
            name.resize(name.size() - std::string(".plist").size());
            if (loaded.contains(name)) return said("Bootstrap failed: 5: Input/output error\n", 5);
            loaded[name] = file->second;
            if (file->second.find("RunAtLoad") != std::string::npos &&
                name != label_of(Agent::userenv))
                running.insert(name);
            return said("");
        }
        const bool is_loaded = loaded.contains(label);
        if (verb == "print") {
            if (!is_loaded)
                return said(fmt::format("Bad request.\nCould not find service \"{}\" in domain for "
                                        "user gui: 501\n",
                                        label),
                            113);
            return said(fmt::format("gui/501/{} = {{\n\tstate = {}\n\tprogram = {}\n{}}}\n", label,
                                    running.contains(label) ? "running" : "not running", program,
                                    running.contains(label) ? "\tpid = 812\n" : ""));
        }
        if (verb == "bootout") {
            if (!is_loaded) return said("Boot-out failed: 3: No such process\n", 3);
            loaded.erase(label);
            running.erase(label);
            draining = 2;
            return said("");
        }
        if (!is_loaded) return said("Could not find service\n", 113);
        running.insert(label);
        is_outdated = false;
        return said("");
    }

    NetworkService* service(const std::string& name) {
        for (auto& entry : services)
            if (entry.name == name) return &entry;
        return nullptr;
    }

    CommandFact run_networksetup(const Argv& argv) {
        if (argv == list_services_command()) {
            std::string text = "An asterisk (*) denotes that a network service is disabled.\n";
            for (const auto& entry : services) text += entry.name + "\n";
            return said(text + "*Thunderbolt Bridge\n");
        }
        auto* entry = service(argv.at(2));
        if (!entry) return said(recording("networksetup_no_service"), 4);
        auto& setting =
            argv[1].find("secure") != std::string::npos ? entry->secure_web : entry->web;
        if (argv[1].starts_with("-set") && !is_admin)
            return said(recording("networksetup_not_admin"), 14);
        if (argv[1] == "-getproxybypassdomains") {
            std::string text;
            for (const auto& domain : entry->bypass_domains) text += domain + "\n";
            return said(text.empty() ? recording("networksetup_bypass_none") : text);
        }
        if (argv[1].starts_with("-get"))
            return said(
                fmt::format("Enabled: {}\nServer: {}\nPort: {}\nAuthenticated Proxy Enabled: {}\n",
                            setting.is_on ? "Yes" : "No", setting.server, setting.port,
                            setting.has_login ? 1 : 0));
        if (argv[1] == "-setproxybypassdomains") {
            entry->bypass_domains.assign(argv.begin() + 3, argv.end());
            if (entry->bypass_domains == std::vector<std::string>{"Empty"})
                entry->bypass_domains.clear();
        } else if (argv[1].ends_with("state")) {
            setting.is_on = argv.at(3) == "on";
        } else {
            setting = {true, argv.at(3), static_cast<std::uint16_t>(std::stoi(argv.at(4))), false};
        }
        return said("");
    }

    CommandFact run_security(const Argv& argv) {
        CHECK(fmt::format("{}", fmt::join(argv, " ")).find("System.keychain") == std::string::npos);
        if (argv[1] == "find-certificate") {
            if (keychain.empty()) return said(recording("security_find_none"), 44);
            std::string text;
            for (const auto& [hash, trust] : keychain)
                text += "SHA-256 hash: " + hash + "\nSHA-1 hash: 00\n";
            return said(text);
        }
        if (argv[1] == "verify-cert") {
            const auto found = keychain.find(root_hash);
            if (!files.contains(argv.back())) return said(recording("security_verify_no_file"), 1);
            return found != keychain.end() && found->second == "trusted"
                       ? said(recording("security_verify_good"))
                       : said(recording("security_verify_15"), 1);
        }
        if (says_no) return said(recording("security_add_cancelled"), 1);
        if (argv[1] == "add-trusted-cert") keychain[root_hash] = "trusted";
        if (argv[1] == "remove-trusted-cert") keychain[root_hash] = "";
        if (argv[1] == "delete-certificate") {
            CHECK(argv.at(2) == "-Z");
            keychain.erase(argv.at(3));
        }
        return said("");
    }

    ListenerFact listen(std::uint16_t port) const {
        ListenerFact fact;
        const auto is_up = [this](Agent agent) {
            return running.contains(std::string(label_of(agent)));
        };
        fact.is_bound = is_up(port == 8081 ? Agent::edge : Agent::daemon);
        if (!fact.is_bound) return fact;
        fact.pid = 812;
        fact.uid = 501;
        fact.program = program;
        fact.is_outdated = is_outdated;
        fact.answers_as_edge = port == 8081;
        if (port == 8765) fact.health_status = 200;
        if (port == 8765) fact.version = "0.1.0";
        return fact;
    }

    Facts look() {
        Facts facts;
        facts.system = System::macos;
        facts.folders = {home, data, home + "/.config", program};
        facts.version = "0.1.0";
        facts.uid = 501;
        facts.user_name = "ada";
        facts.ports = {.edge_port = 8081, .internal_port = 8090, .api_port = 8765};
        facts.configured_ports = facts.ports;
        facts.environment["SHELL"] = "/bin/zsh";
        for (int round = 0; round < limits::setup_ask_rounds; ++round) {
            const auto asked = ask_all(facts);
            if (asked.files.empty() && asked.commands.empty() && asked.listeners.empty()) break;
            for (const auto& path : asked.files) {
                FileFact fact;
                fact.owner_uid = 501;
                if (const auto file = files.find(path); file != files.end()) {
                    fact.state = FileFact::State::present;
                    fact.text = file->second;
                    fact.permissions = path.starts_with(agents_folder) ? 0644 : 0600;
                } else if (folders.contains(path)) {
                    fact.state = FileFact::State::folder;
                    fact.permissions = 0700;
                } else if (path == program) {
                    fact.state = FileFact::State::present;
                }
                facts.files[path] = fact;
            }
            for (const auto& command : asked.commands) facts.commands[command] = run(command);
            for (const auto port : asked.listeners) facts.listeners[port] = listen(port);
        }
        return facts;
    }

    bool perform(const Step& step) {
        if (const auto* write = std::get_if<WriteFile>(&step)) files[write->path] = write->text;
        if (const auto* remove = std::get_if<RemoveFile>(&step)) files.erase(remove->path);
        if (const auto* make = std::get_if<MakeFolder>(&step)) folders.insert(make->path);
        if (std::holds_alternative<MakeAuthority>(step)) {
            files[data + "/ca.pem"] = root_pem;
            folders.insert(data + "/ca");
        }
        if (std::holds_alternative<MakeBundle>(step)) files[data + "/ca-bundle.pem"] = root_pem;
        if (const auto* notify = std::get_if<Notify>(&step)) told.push_back(notify->text);
        if (const auto* command = std::get_if<RunCommand>(&step)) {
            for (int i = 0; i < command->tries; ++i)
                if (run(command->argv).exit_code == 0) return true;
            return command->may_fail;
        }
        return true;
    }

    // As the verbs do: installing stops and takes back what it did, removing goes on.
    bool install(const Wish& wish) {
        std::vector<std::function<void()>> undo;
        for (const auto& planned : plan_install(look(), wish)) {
            const auto files_before = files;
            if (!perform(planned.step)) {
                ++failures;
                while (!undo.empty()) {
                    undo.back()();
                    undo.pop_back();
                }
                return false;
            }
            if (std::holds_alternative<WriteFile>(planned.step) ||
                std::holds_alternative<RemoveFile>(planned.step))
                undo.emplace_back([this, files_before] { files = files_before; });
            if (const auto* command = std::get_if<RunCommand>(&planned.step);
                command && !command->undo.empty())
                undo.emplace_back([this, argv = command->undo] {
                    draining = 0;
                    (void)run(argv);
                });
        }
        return true;
    }
    void uninstall(const Wish& wish = {}) {
        for (const auto& planned : plan_uninstall(look(), wish))
            if (!perform(planned.step)) ++failures;
    }
    void carry_out(const Plan& plan) {
        for (const auto& planned : plan)
            if (!perform(planned.step)) ++failures;
    }

    Finding judge(std::string_view id) {
        const auto facts = look();
        const auto* layer = find_layer(id);
        REQUIRE(layer);
        return layer->judge(facts);
    }
};

bool is_macs(const Layer& layer) { return layer.on_macos && !layer.on_linux; }

// The steps of the layers that only a Mac has.
std::string print(const Plan& plan) {
    std::string text;
    for (const auto& planned : plan)
        if (is_macs(*planned.layer))
            text += fmt::format("{:<18} {}\n", planned.layer->id, describe(planned.step));
    return text;
}

std::string print_undo(const Plan& plan) {
    std::string text;
    for (auto planned = plan.rbegin(); planned != plan.rend(); ++planned)
        if (const auto* command = std::get_if<RunCommand>(&planned->step);
            command && !command->undo.empty())
            text += fmt::format("{:<18} {}\n", planned->layer->id,
                                describe(RunCommand{.argv = command->undo}));
    return text;
}

Wish wish_for(Mode mode) {
    Wish wish;
    wish.mode = mode;
    return wish;
}

const std::vector<Mode> modes{Mode::env_only, Mode::apps, Mode::full};

// Everything that counts, to compare two machines.
std::string state_of(const Mac& mac) {
    std::string text;
    for (const auto& [path, content] : mac.files)
        if (!path.starts_with(data)) text += path + "\n" + content;
    for (const auto& name : {"install-mode", "apps-managed", "proxy-managed"})
        if (const auto found = mac.files.find(data + "/" + name); found != mac.files.end())
            text += fmt::format("{}: {}", name, found->second);
    for (const auto& [label, plist] : mac.loaded)
        text += fmt::format("{} loaded{}\n", label, mac.running.contains(label) ? ", running" : "");
    for (const auto& [name, value] : mac.variables) text += fmt::format("{}={}\n", name, value);
    for (const auto& [hash, trust] : mac.keychain) text += fmt::format("{} {}\n", hash, trust);
    for (const auto& service : mac.services)
        for (const auto* setting : {&service.web, &service.secure_web})
            text += fmt::format("{} {} {}:{} {}\n", service.name, setting->is_on, setting->server,
                                setting->port, fmt::join(service.bypass_domains, ","));
    return text;
}

}  // namespace

TEST_CASE("macOS layers: what init does on a new machine, in each mode") {
    for (const auto mode : modes) {
        const std::string name(to_text(mode));
        INFO(name);
        Mac mac;
        const auto plan = plan_install(mac.look(), wish_for(mode));
        test::check_golden("setup/macos/plans/init-" + name + ".txt", print(plan));
        test::check_golden("setup/macos/plans/init-" + name + "-undo.txt", print_undo(plan));
    }
}

TEST_CASE("macOS layers: after init everything is good, and init again has nothing to do") {
    for (const auto mode : modes) {
        INFO(to_text(mode));
        Mac mac;
        REQUIRE(mac.install(wish_for(mode)));
        const auto facts = mac.look();
        CHECK(facts.recorded_mode() == mode);
        for (const auto& judged : judge_all(facts)) {
            if (!is_macs(*judged.layer)) continue;
            INFO(judged.layer->id);
            INFO(judged.finding.detail);
            CHECK(judged.finding.health ==
                  (judged.layer->from <= mode &&
                           !(judged.layer->id == "proxy-record" && mode != Mode::full)
                       ? Health::good
                       : Health::off));
        }
        CHECK(print(plan_install(facts, wish_for(mode))).empty());
        CHECK(mac.running.contains(std::string(label_of(Agent::edge))));
        CHECK(mac.running.contains(std::string(label_of(Agent::daemon))));
        CHECK(mac.running.contains(std::string(label_of(Agent::watchdog))));
        CHECK(mac.loaded.contains(std::string(label_of(Agent::userenv))));
        CHECK(mac.variables.empty() == (mode == Mode::env_only));
        for (const auto& service : mac.services)
            CHECK(is_switched_on(service, 8081) == (mode == Mode::full));
    }
}

TEST_CASE("macOS layers: from every mode to every other") {
    for (const auto from : modes)
        for (const auto to : modes) {
            INFO(to_text(from) << " to " << to_text(to));
            Mac fresh;
            REQUIRE(fresh.install(wish_for(to)));
            Mac mac;
            REQUIRE(mac.install(wish_for(from)));
            const auto plan = plan_install(mac.look(), wish_for(to));
            if (from != to)
                test::check_golden(fmt::format("setup/macos/plans/switch-{}-to-{}.txt",
                                               to_text(from), to_text(to)),
                                   print(plan));
            // The edge is not touched: its definition is the same in all modes.
            CHECK(print(plan).find("meter.edge") == std::string::npos);
            REQUIRE(mac.install(wish_for(to)));
            CHECK(state_of(mac) == state_of(fresh));
            CHECK(mac.failures == 0);
        }
}

TEST_CASE("macOS layers: uninstall leaves what was there before, from every mode") {
    for (const auto mode : modes) {
        INFO(to_text(mode));
        Mac mac;
        mac.services[0].secure_web = {true, "proxy.corp.example", 3128, false};
        mac.services[1].web = {false, "old.example", 80, false};
        mac.variables["NO_PROXY"] = "*.corp.example";
        mac.variables["EDITOR"] = "vi";
        mac.files[home + "/.zshrc"] = "alias ll='ls -l'\n";
        const auto before = state_of(mac);
        REQUIRE(mac.install(wish_for(mode)));
        CHECK(state_of(mac) != before);
        test::check_golden(fmt::format("setup/macos/plans/uninstall-{}.txt", to_text(mode)),
                           print(plan_uninstall(mac.look(), {})));
        mac.uninstall();
        CHECK(mac.failures == 0);
        CHECK(state_of(mac) == before);
        CHECK(print(plan_uninstall(mac.look(), {})).empty());
    }
}

TEST_CASE("macOS layers: uninstall --graceful leaves the edge until the next login") {
    Mac mac;
    REQUIRE(mac.install(wish_for(Mode::full)));
    Wish graceful;
    graceful.is_graceful = true;
    test::check_golden("setup/macos/plans/uninstall-graceful.txt",
                       print(plan_uninstall(mac.look(), graceful)));
    mac.uninstall(graceful);
    const std::string edge(label_of(Agent::edge));
    CHECK(mac.running == std::set<std::string>{edge});
    CHECK_FALSE(mac.files.contains(agents_folder + "/" + edge + ".plist"));
    // Later, without: it goes as well.
    mac.uninstall();
    CHECK(mac.running.empty());
    CHECK(mac.loaded.empty());
}

TEST_CASE("macOS layers: rescue rebuilds every agent") {
    Mac mac;
    REQUIRE(mac.install(wish_for(Mode::apps)));
    const auto before = state_of(mac);
    mac.files[agents_folder + "/com.haltonlabs.meter.plist"] = "half a fi";
    mac.loaded.erase(std::string(label_of(Agent::edge)));
    mac.running.clear();
    mac.uninstall();
    CHECK(mac.loaded.empty());
    REQUIRE(mac.install(wish_for(Mode::apps)));
    CHECK(state_of(mac) == before);
}

TEST_CASE("macOS layers: a new program is a restart that keeps the port") {
    Mac mac;
    REQUIRE(mac.install(wish_for(Mode::apps)));
    mac.is_outdated = true;
    const auto plan = print(plan_install(mac.look(), wish_for(Mode::apps)));
    test::check_golden("setup/macos/plans/upgrade.txt", plan);
    CHECK(plan.find("bootout") == std::string::npos);
    CHECK(mac.judge("edge-agent").code == "edge.old_program");
}

TEST_CASE("macOS layers: bootstrap right after bootout is tried again") {
    Mac mac;
    REQUIRE(mac.install(wish_for(Mode::apps)));
    const auto before = state_of(mac);
    for (const auto agent : all_agents) {
        auto& file = mac.files[plist_path({home, data, home + "/.config", program}, agent)];
        file += "<!-- another version -->\n";
    }
    REQUIRE(mac.install(wish_for(Mode::apps)));
    CHECK(state_of(mac) == before);
    CHECK(mac.failures == 0);
}

TEST_CASE("macOS layers: who says no to the dialog gets everything undone") {
    for (const auto mode : modes) {
        INFO(to_text(mode));
        Mac mac;
        const auto before = state_of(mac);
        mac.says_no = true;
        CHECK_FALSE(mac.install(wish_for(mode)));
        CHECK(mac.loaded.empty());
        CHECK(mac.keychain.empty());
        CHECK(state_of(mac) == before);
        REQUIRE_FALSE(mac.told.empty());
        CHECK(mac.told.front().find("password") != std::string::npos);
        // Asked again at the next init, and only once in the end.
        mac.says_no = false;
        REQUIRE(mac.install(wish_for(mode)));
        mac.told.clear();
        REQUIRE(mac.install(wish_for(mode)));
        CHECK(mac.told.empty());
    }
}

TEST_CASE("macOS layers: whatever command fails, undoing leaves the machine as it was") {
    Mac counting;
    const auto plan = plan_install(counting.look(), wish_for(Mode::full));
    std::size_t commands = 0;
    for (const auto& planned : plan) commands += std::holds_alternative<RunCommand>(planned.step);
    REQUIRE(commands > 20);
    const auto before = state_of(counting);
    // Each command in turn is the last that works.
    for (std::size_t last = 0; last < commands; ++last) {
        Mac mac;
        std::size_t done = 0;
        std::vector<RunCommand> run;
        for (const auto& planned : plan) {
            if (const auto* command = std::get_if<RunCommand>(&planned.step)) {
                if (done++ == last) break;
                run.push_back(*command);
            }
            REQUIRE(mac.perform(planned.step));
        }
        for (auto command = run.rbegin(); command != run.rend(); ++command)
            if (!command->undo.empty()) (void)mac.run(command->undo);
        mac.files.clear();
        auto left = state_of(mac);
        // A server that is not used any more stays as the text of a proxy that is off.
        for (auto& service : mac.services)
            for (auto* setting : {&service.web, &service.secure_web}) {
                CHECK_FALSE(setting->is_on);
                *setting = {};
            }
        if (!mac.keychain.empty()) CHECK(mac.keychain[root_hash].empty());
        mac.keychain.clear();
        INFO(left);
        CHECK(state_of(mac) == before);
    }
}

TEST_CASE("macOS layers: init cut off at any step, and uninstalled, leaves what was there") {
    for (const auto mode : modes) {
        Mac untouched;
        untouched.services[0].secure_web = {false, "old.example", 80, false};
        untouched.variables["NO_PROXY"] = "*.corp.example";
        const auto before = state_of(untouched);
        const auto plan = plan_install(untouched.look(), wish_for(mode));
        for (std::size_t steps = 0; steps <= plan.size(); ++steps) {
            Mac mac = untouched;
            for (std::size_t i = 0; i < steps; ++i) REQUIRE(mac.perform(plan[i].step));
            // Another init goes on from there to the same end as an undisturbed one.
            Mac second = mac;
            REQUIRE(second.install(wish_for(mode)));
            Mac whole = untouched;
            REQUIRE(whole.install(wish_for(mode)));
            mac.uninstall();
            INFO(to_text(mode) << ", " << steps << " steps");
            CHECK(mac.failures == 0);
            CHECK(state_of(mac) == before);
            CHECK(state_of(second) == state_of(whole));
        }
    }
}

TEST_CASE("macOS layers: the proxy of before is recorded once and put back") {
    Mac mac;
    mac.services[1].secure_web = {true, "proxy.corp.example", 3128, false};
    REQUIRE(mac.install(wish_for(Mode::env_only)));
    const auto record = mac.files[data + "/system_state.json"];
    CHECK(record.find("proxy.corp.example") != std::string::npos);
    REQUIRE(mac.install(wish_for(Mode::full)));
    CHECK(mac.files[data + "/system_state.json"] == record);
    // Somebody else's proxy stays, and the user is told.
    CHECK(mac.services[1].secure_web.server == "proxy.corp.example");
    CHECK(fmt::format("{}", fmt::join(mac.told, "\n")).find("proxy.corp.example:3128") !=
          std::string::npos);
    CHECK(is_switched_on(mac.services[0], 8081));
    // Our own is never "before", whatever became of the record.
    mac.files.erase(data + "/system_state.json");
    REQUIRE(mac.install(wish_for(Mode::full)));
    CHECK(mac.files[data + "/system_state.json"].find("8081") == std::string::npos);
    mac.files[data + "/system_state.json"] = "not json";
    mac.told.clear();
    REQUIRE(mac.install(wish_for(Mode::full)));
    CHECK(mac.files[data + "/system_state.json.unreadable"] == "not json");
    CHECK_FALSE(mac.told.empty());
}

TEST_CASE("macOS layers: without a record uninstall switches off what is ours") {
    Mac mac;
    REQUIRE(mac.install(wish_for(Mode::full)));
    mac.files.erase(data + "/system_state.json");
    mac.uninstall();
    for (const auto& service : mac.services) {
        CHECK_FALSE(service.web.is_on);
        CHECK_FALSE(service.secure_web.is_on);
    }
}

TEST_CASE("macOS layers: full mode needs somebody who may switch it off again") {
    Mac mac;
    mac.is_admin = false;
    REQUIRE(mac.install(wish_for(Mode::full)));
    CHECK_FALSE(mac.services[0].web.is_on);
    CHECK(mac.judge("network-proxy").code == "proxy.no_rights");
}

TEST_CASE("macOS layers: start and stop") {
    Mac mac;
    REQUIRE(mac.install(wish_for(Mode::apps)));
    const auto installed = state_of(mac);
    auto plan = plan_stop(mac.look());
    test::check_golden("setup/macos/plans/stop.txt", print(plan));
    mac.carry_out(plan);
    CHECK(mac.running == std::set<std::string>{std::string(label_of(Agent::edge))});
    CHECK(mac.judge("daemon-agent").health == Health::off);
    CHECK(mac.judge("watchdog-agent").health == Health::off);
    plan = plan_start(mac.look());
    test::check_golden("setup/macos/plans/start.txt", print(plan));
    mac.carry_out(plan);
    CHECK(state_of(mac) == installed);
    CHECK(print(plan_start(mac.look())).empty());
    // An edge that is gone comes back with start.
    mac.loaded.erase(std::string(label_of(Agent::edge)));
    mac.running.erase(std::string(label_of(Agent::edge)));
    CHECK(mac.judge("edge-agent").code == "edge.not_listening");
    mac.carry_out(plan_start(mac.look()));
    CHECK(state_of(mac) == installed);
    CHECK(mac.failures == 0);
}

TEST_CASE("macOS layers: what doctor says about one thing that is wrong") {
    struct Case {
        const char* layer;
        const char* code;
        std::function<void(Mac&)> breaks;
    };
    const std::vector<Case> cases{
        {"daemon-agent", "daemon.down",
         [](Mac& mac) { mac.running.erase("com.haltonlabs.meter"); }},
        {"daemon-agent", "daemon.no_agent",
         [](Mac& mac) { mac.files.erase(agents_folder + "/com.haltonlabs.meter.plist"); }},
        {"edge-agent", "edge.no_agent",
         [](Mac& mac) { mac.files.erase(agents_folder + "/com.haltonlabs.meter.edge.plist"); }},
        {"edge-agent", "edge.agent_differs",
         [](Mac& mac) { mac.files[agents_folder + "/com.haltonlabs.meter.edge.plist"] += " "; }},
        {"edge-agent", "edge.program_gone",
         [](Mac& mac) {
             auto& plist = mac.files[agents_folder + "/com.haltonlabs.meter.edge.plist"];
             plist.replace(plist.find(program), program.size(), "/gone/halton-meter");
         }},
        {"watchdog-agent", "watchdog.down",
         [](Mac& mac) { mac.running.erase("com.haltonlabs.meter.watchdog"); }},
        {"userenv-agent", "userenv.not_loaded",
         [](Mac& mac) { mac.loaded.erase("com.haltonlabs.meter.userenv"); }},
        {"session-environment-launchd", "session.differs",
         [](Mac& mac) { mac.variables["SSL_CERT_FILE"] = "/elsewhere"; }},
        {"keychain-trust", "keychain.not_trusted", [](Mac& mac) { mac.keychain[root_hash] = ""; }},
        {"network-proxy", "proxy.not_on",
         [](Mac& mac) { mac.services[2].secure_web.is_on = false; }},
        {"network-proxy", "proxy.dead_port",
         [](Mac& mac) { mac.running.erase("com.haltonlabs.meter.edge"); }},
        {"network-proxy", "proxy.left",
         [](Mac& mac) { mac.files[data + "/install-mode"] = "apps\n"; }},
        {"session-environment-launchd", "session.left",
         [](Mac& mac) { mac.files[data + "/install-mode"] = "env-only\n"; }},
        {"keychain-trust", "keychain.left",
         [](Mac& mac) { mac.files.erase(data + "/install-mode"); }},
    };
    Mac good;
    REQUIRE(good.install(wish_for(Mode::full)));
    for (const auto& each : cases) {
        Mac mac = good;
        each.breaks(mac);
        const auto finding = mac.judge(each.layer);
        INFO(each.layer << " " << finding.code << ": " << finding.detail);
        CHECK(finding.code == each.code);
        CHECK_FALSE(finding.detail.empty());
        CHECK_FALSE(finding.action.empty());
    }
}

TEST_CASE("macOS layers: over SSH without a session the roles run as plain processes") {
    Mac mac;
    mac.has_session = false;
    const auto plan = print(plan_install(mac.look(), wish_for(Mode::env_only)));
    CHECK(plan.find("start the edge as a process of its own") != std::string::npos);
    CHECK(plan.find("start the daemon as a process of its own") != std::string::npos);
    CHECK(plan.find("launchctl bootstrap") == std::string::npos);
    CHECK(plan.find("com.haltonlabs.meter.edge.plist") != std::string::npos);
}

TEST_CASE("macOS layers: roots of earlier installations leave the keychain") {
    Mac mac;
    mac.keychain[std::string(64, 'A')] = "trusted";
    mac.files[data + "/ca.pem"] = root_pem;
    REQUIRE(mac.install(wish_for(Mode::env_only)));
    CHECK(mac.keychain == std::map<std::string, std::string>{{root_hash, "trusted"}});
    mac.uninstall();
    CHECK(mac.keychain.empty());
}
