// A made-up Linux desktop with `systemd --user`, GNOME, a browser's database and Debian's anchors.
#pragma once

#include <map>
#include <set>

#include "support/fake_machine.h"
#include "tls/authority.h"
#include "tls/bundle.h"

namespace halton::test {

class FakeLinux : public FakeMachine {
public:
    FakeLinux() {
        facts.system = setup::System::linux;
        facts.folders = {"/home/ann", "/home/ann/.halton-meter", "/home/ann/.config",
                         "/usr/bin/halton-meter"};
        facts.version = "1.2.3";
        facts.uid = 1000;
        facts.user_name = "ann";
        facts.now = parse_iso8601("2026-11-21T01:02:03Z").value();
        facts.configured_ports = {8081, 8090, 8765, 0, 0};
        facts.ports = facts.configured_ports;
        facts.hosts = {"api.example.com", "self-test.halton-meter.invalid"};
        facts.environment = {{"SHELL", "/bin/zsh"}, {"XDG_CURRENT_DESKTOP", "GNOME"}};
        put_folder("/home");
        put_folder("/home/ann");
        put_folder("/home/ann/.config");
        put("/home/ann/.bashrc", "alias ll='ls -l'\nexport EDITOR=vi", 0600);
        put("/usr/bin/halton-meter", "program", 0755);
        put(bundle_path, system_root());
        put_folder("/usr/local/share/ca-certificates");
        put("/home/ann/.pki/nssdb/cert9.db", "", 0600);
        gnome = {{"org.gnome.system.proxy mode", "'none'"},
                 {"org.gnome.system.proxy ignore-hosts", "['localhost', '127.0.0.0/8', '::1']"},
                 {"org.gnome.system.proxy.http host", "''"},
                 {"org.gnome.system.proxy.http port", "8080"},
                 {"org.gnome.system.proxy.https host", "''"},
                 {"org.gnome.system.proxy.https port", "0"}};
        ask = [this](const setup::Argv& argv) { return answer(argv); };
        ask_port = [this](std::uint16_t port) { return answer_port(port); };
        run = [this](const setup::Argv& argv) { return change(argv); };
        make_authority = [this] {
            put(facts.folders.in_data("ca/ca-key.pem"), own_root().key_pem, 0600);
            put_folder(facts.folders.in_data("ca"), 0700);
            put(facts.folders.in_data("ca.pem"), own_root().certificate_pem);
        };
        make_bundle = [this] {
            put(facts.folders.in_data("ca-bundle.pem"),
                tls::merge_bundle({system_root()}, files[facts.folders.in_data("ca.pem")].text)
                    .value());
        };
        on_process = [this](const std::string& role, bool is_started) {
            (is_started ? processes.insert(role).second : processes.erase(role) > 0);
        };
    }

    bool has_systemd = true;
    std::set<std::string> active;                  // units
    std::set<std::string> processes;               // roles that run outside of systemd
    std::map<std::string, std::string> gnome;      // "schema key" -> value
    std::map<std::string, std::string> variables;  // of the user's systemd
    std::set<std::string> nss;                     // names in the browser's database
    std::map<std::uint16_t, setup::ListenerFact> strangers;

    static constexpr const char* bundle_path = "/etc/ssl/certs/ca-certificates.crt";

    static const tls::AuthorityFiles& own_root() {
        static const auto files =
            tls::make_authority({"api.example.com", "self-test.halton-meter.invalid"},
                                parse_iso8601("2026-11-20T00:00:00Z").value())
                .value();
        return files;
    }
    static const std::string& system_root() {
        static const auto files =
            tls::make_authority({"public.example"}, parse_iso8601("2026-01-01T00:00:00Z").value())
                .value();
        return files.certificate_pem;
    }

    // What a user would notice: all but our own folder.
    Files outside() const {
        Files rest = files;
        std::erase_if(rest, [&](const auto& file) {
            return file.first == facts.folders.data ||
                   file.first.starts_with(facts.folders.data + "/");
        });
        return rest;
    }

    // As `init` does it; gives what was done.
    setup::Plan install(const setup::Wish& wish) {
        for (;;) {
            look();
            const auto chosen = setup::choose_ports(facts);
            if (chosen == facts.ports) break;
            facts.ports = chosen;
        }
        auto done = setup::first_part(setup::plan_install(facts, wish));
        carry_out(done);
        look();
        const auto rest = setup::without_repeated_notes(setup::plan_install(facts, wish), done);
        carry_out(rest);
        look();
        done.insert(done.end(), rest.begin(), rest.end());
        return done;
    }
    void uninstall(bool is_graceful = false) {
        look();
        carry_out(
            setup::plan_uninstall(facts, {.mode = setup::Mode::none, .is_graceful = is_graceful}));
        look();
    }

private:
    static std::string join(const setup::Argv& argv, std::size_t from) {
        std::string line;
        for (std::size_t i = from; i < argv.size(); ++i) line += (i > from ? " " : "") + argv[i];
        return line;
    }

    setup::CommandFact answer(const setup::Argv& argv) {
        if (argv[0] == "systemctl") {
            if (!has_systemd) return {};
            if (argv[2] == "show-environment") {
                std::string text;
                for (const auto& [name, value] : variables) text += name + "=" + value + "\n";
                return {true, 0, text};
            }
            const auto& unit = argv.back();
            const bool is_loaded =
                files.contains(facts.folders.user_config + "/systemd/user/" + unit);
            return {true, 0,
                    std::string("LoadState=") + (is_loaded ? "loaded" : "not-found") +
                        "\nActiveState=" + (active.contains(unit) ? "active" : "inactive") +
                        "\nSubState=running\nNeedDaemonReload=no\n"};
        }
        if (argv[0] == "loginctl")
            return has_systemd ? setup::CommandFact{true, 0, "Linger=no\n"} : setup::CommandFact{};
        if (argv[0] == "gsettings" && argv[1] == "get") {
            const auto found = gnome.find(join(argv, 2));
            if (found == gnome.end()) return {};
            return {true, 0, found->second + "\n"};
        }
        if (argv[0] == "certutil") return {true, nss.contains(argv.back()) ? 0 : 255, ""};
        return {};
    }

    setup::ListenerFact answer_port(std::uint16_t port) {
        if (const auto found = strangers.find(port); found != strangers.end()) return found->second;
        setup::ListenerFact ours;
        ours.uid = facts.uid;
        ours.program = facts.folders.program;
        ours.pid = 77;
        if (port == facts.ports.edge_port) {
            ours.is_bound =
                active.contains("halton-meter-edge.socket") || processes.contains("edge");
            ours.answers_as_edge = ours.is_bound;
        } else if (port == facts.ports.api_port || port == facts.ports.internal_port) {
            ours.is_bound = active.contains("halton-meter.service") || processes.contains("daemon");
            if (ours.is_bound && port == facts.ports.api_port) {
                ours.health_status = 200;
                ours.version = facts.version;
            }
        }
        return ours.is_bound ? ours : setup::ListenerFact{};
    }

    bool change(const setup::Argv& argv) {
        if (argv[0] == "systemctl") {
            const auto& verb = argv[2];
            for (std::size_t i = 3; i < argv.size(); ++i) {
                if (verb == "start" || verb == "restart") active.insert(argv[i]);
                if (verb == "stop") active.erase(argv[i]);
                if (verb == "set-environment") {
                    const auto equals = argv[i].find('=');
                    variables[argv[i].substr(0, equals)] = argv[i].substr(equals + 1);
                }
                if (verb == "unset-environment") variables.erase(argv[i]);
            }
        }
        if (argv[0] == "gsettings" && argv[1] == "set") gnome[argv[2] + " " + argv[3]] = argv[4];
        if (argv[0] == "loginctl") {
            const auto file = "/var/lib/systemd/linger/" + argv[2];
            if (argv[1] == "enable-linger")
                put(file, "");
            else
                files.erase(file);
        }
        if (argv[0] == "install") put(argv.back(), files[argv[argv.size() - 2]].text);
        if (argv[0] == "rm") files.erase(argv.back());
        if (argv[0] == "certutil") {
            if (argv[3] == "-A")
                nss.insert(argv[7]);
            else
                nss.erase(argv.back());
        }
        return true;
    }
};

}  // namespace halton::test
