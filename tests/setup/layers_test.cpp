// The table as a whole, on a made-up machine: plans of each mode, repeated, switched, cut off at
// every step and undone.
#include "setup/layers.h"
#include "setup/verdict.h"

#include <array>
#include <functional>

#include <fmt/format.h>

#include "support/catch.h"
#include "support/fake_linux.h"
#include "support/golden.h"

using namespace halton;
using namespace halton::setup;
using test::FakeLinux;

namespace {

constexpr std::array modes{Mode::env_only, Mode::apps, Mode::full};

// Names that carry the root's hash differ from run to run.
std::string without_hashes(std::string line) {
    for (const std::string_view before : {"halton-meter-", "halton-meter "}) {
        const auto at = line.find(before);
        if (at == std::string::npos) continue;
        const auto from = at + before.size();
        const auto end = std::min(line.find_first_not_of("0123456789abcdef", from), line.size());
        if (end == from + 16) line.replace(from, 16, "HASH");
    }
    return line;
}

std::string to_lines(const Plan& plan) {
    std::string text;
    for (const auto& [layer, step] : plan)
        text += fmt::format("[{}] {}\n", layer->id, without_hashes(describe(step)));
    return text;
}

Finding finding_of(const Facts& facts, std::string_view id) {
    for (const auto& judged : judge_all(facts))
        if (judged.layer->id == id) return judged.finding;
    FAIL("no layer " << id);
    return {};
}

}  // namespace

TEST_CASE("layers: each mode's plan and files are the golden ones") {
    for (const auto mode : modes) {
        FakeLinux machine;
        const auto plan = machine.install({.mode = mode});
        test::check_golden(fmt::format("setup/linux/plan-{}.txt", to_text(mode)), to_lines(plan));
        machine.look();
        test::check_golden(fmt::format("setup/linux/plan-{}-uninstall.txt", to_text(mode)),
                           to_lines(plan_uninstall(machine.facts, {.mode = Mode::none})));
    }
    FakeLinux machine;
    machine.install({.mode = Mode::full});
    for (const auto& [path, file] : machine.outside()) {
        const auto name = path.substr(path.rfind('/') + 1);
        const bool is_ours = path.find("halton-meter") != std::string::npos &&
                             !path.ends_with(".crt") && file.link_target.empty();
        if ((is_ours && path.starts_with("/home/ann/.config")) || name == ".bashrc" ||
            name == ".zshrc")
            test::check_golden("setup/linux/" + (name[0] == '.' ? name.substr(1) + ".txt" : name),
                               file.text);
    }
}

TEST_CASE("layers: after init nothing is left to do, and everything is well") {
    for (const auto mode : modes) {
        FakeLinux machine;
        machine.install({.mode = mode});
        INFO("mode " << to_text(mode));
        CHECK(to_lines(plan_install(machine.facts, {.mode = mode})) == "");
        CHECK(machine.facts.recorded_mode() == mode);
        for (const auto& judged : judge_all(machine.facts)) {
            INFO(judged.layer->id << ": " << judged.finding.code << " " << judged.finding.detail);
            CHECK((judged.finding.health == Health::good || judged.finding.health == Health::off));
            // No KDE is here, in no mode.
            if (judged.layer->id != "kde-proxy")
                CHECK((judged.layer->from <= mode) == (judged.finding.health == Health::good));
        }
    }
}

TEST_CASE("layers: uninstall leaves what was there before, byte for byte") {
    for (const auto mode : modes) {
        FakeLinux machine;
        const FakeLinux before;
        machine.install({.mode = mode});
        machine.uninstall();
        INFO("mode " << to_text(mode));
        const auto left = machine.outside();
        for (const auto& [path, file] : left)
            if (!before.files.contains(path)) UNSCOPED_INFO("left over: " << path);
        REQUIRE(left.size() == before.files.size());
        for (const auto& [path, file] : before.files) {
            INFO(path);
            CHECK(left.at(path).text == file.text);
            CHECK(left.at(path).permissions == file.permissions);
        }
        CHECK(machine.active.empty());
        CHECK(machine.variables.empty());
        CHECK(machine.nss.empty());
        CHECK(machine.gnome == before.gnome);
        CHECK(to_lines(plan_uninstall(machine.facts, {.mode = Mode::none})) == "");
        CHECK_FALSE(is_installed(machine.facts));
    }
}

TEST_CASE("layers: init that was cut off at any step is undone by uninstall") {
    const FakeLinux before;
    const auto count = FakeLinux().install({.mode = Mode::full}).size();
    REQUIRE(count > 20);
    for (std::size_t cut = 0; cut <= count; ++cut) {
        FakeLinux machine;
        machine.look();
        const auto first = first_part(plan_install(machine.facts, {.mode = Mode::full}));
        machine.carry_out(first, cut);
        if (cut > first.size()) {
            machine.look();
            machine.carry_out(plan_install(machine.facts, {.mode = Mode::full}),
                              cut - first.size());
        }
        machine.uninstall();
        INFO("cut after " << cut << " steps");
        const auto left = machine.outside();
        for (const auto& [path, file] : left)
            if (!before.files.contains(path)) UNSCOPED_INFO("left over: " << path);
        REQUIRE(left.size() == before.files.size());
        for (const auto& [path, file] : before.files) CHECK(left.at(path).text == file.text);
        CHECK(machine.active.empty());
        CHECK(machine.gnome == before.gnome);
        CHECK(machine.nss.empty());
        CHECK(machine.variables.empty());
    }
}

TEST_CASE("layers: an uninstall that was cut off is finished by the next one") {
    const FakeLinux before;
    FakeLinux whole;
    whole.install({.mode = Mode::full});
    const auto count = plan_uninstall(whole.facts, {.mode = Mode::none}).size();
    for (std::size_t cut = 0; cut < count; ++cut) {
        FakeLinux machine;
        machine.install({.mode = Mode::full});
        machine.carry_out(plan_uninstall(machine.facts, {.mode = Mode::none}), cut);
        machine.uninstall();
        INFO("cut after " << cut << " steps");
        CHECK(machine.outside().size() == before.files.size());
        CHECK(machine.gnome == before.gnome);
        CHECK(machine.active.empty());
    }
}

TEST_CASE("layers: a switch of the mode ends where a fresh init of it does") {
    for (const auto from : modes)
        for (const auto to : modes) {
            FakeLinux machine;
            machine.install({.mode = from});
            machine.install({.mode = to});
            FakeLinux fresh;
            fresh.install({.mode = to});
            INFO(to_text(from) << " to " << to_text(to));
            const auto switched = machine.outside();
            const auto wanted = fresh.outside();
            REQUIRE(switched.size() == wanted.size());
            for (const auto& [path, file] : wanted) {
                INFO(path);
                CHECK(switched.at(path).text == file.text);
            }
            CHECK(machine.active == fresh.active);
            CHECK(machine.gnome == fresh.gnome);
            CHECK(machine.variables == fresh.variables);
        }
}

TEST_CASE("layers: a running edge is restarted only when its own definition changed") {
    FakeLinux machine;
    machine.install({.mode = Mode::apps});
    const auto restarts = [&](const Wish& wish) {
        std::vector<std::string> lines;
        for (const auto& [layer, step] : plan_install(machine.facts, wish))
            if (const auto* command = std::get_if<RunCommand>(&step);
                command && layer->id == "edge-unit")
                lines.push_back(describe(step));
        return lines;
    };
    CHECK(restarts({.mode = Mode::apps}).empty());
    CHECK(restarts({.mode = Mode::full}).empty());
    CHECK(restarts({.mode = Mode::env_only}).empty());
    // Files are written anew, the process stays.
    for (const auto& line : restarts({.mode = Mode::apps, .from_scratch = true}))
        CHECK(line == "run: systemctl --user daemon-reload");

    machine.facts.folders.program = "/opt/halton/bin/halton-meter";
    machine.look();
    const auto lines = restarts({.mode = Mode::apps});
    REQUIRE(lines.size() == 2);
    CHECK(lines[1] == "run: systemctl --user restart halton-meter-edge.service");
    // The socket is not touched: the port stays bound.
    for (const auto& line : lines) CHECK(line.find("edge.socket") == std::string::npos);
}

TEST_CASE("layers: uninstall --graceful leaves the edge running, without a way back") {
    FakeLinux machine;
    machine.install({.mode = Mode::full});
    machine.ran.clear();
    machine.uninstall(true);
    for (const auto& line : machine.ran) {
        INFO(line);
        CHECK(line.find("edge") == std::string::npos);
    }
    CHECK(machine.active ==
          std::set<std::string>{"halton-meter-edge.socket", "halton-meter-edge.service"});
    for (const auto& [path, file] : machine.outside())
        CHECK(path.find("systemd/user/halton-meter") == std::string::npos);
    // Another init finds it running, and leaves it so.
    machine.ran.clear();
    machine.install({.mode = Mode::apps});
    for (const auto& line : machine.ran) {
        INFO(line);
        CHECK(line.find("edge") == std::string::npos);
    }
}

TEST_CASE("layers: start and stop leave a running edge alone") {
    FakeLinux machine;
    machine.install({.mode = Mode::full});
    machine.ran.clear();
    machine.carry_out(plan_stop(machine.look()));
    CHECK(machine.active ==
          std::set<std::string>{"halton-meter-edge.socket", "halton-meter-edge.service"});
    CHECK(machine.files.at("/home/ann/.halton-meter/graceful-shutdown").text ==
          "2026-11-21T01:02:03.000000Z\n");
    CHECK(finding_of(machine.look(), "daemon-unit").health == Health::off);
    machine.carry_out(plan_start(machine.look()));
    CHECK(machine.active.size() == 4);
    CHECK_FALSE(machine.files.contains("/home/ann/.halton-meter/graceful-shutdown"));
    for (const auto& line : machine.ran) CHECK(line.find("edge") == std::string::npos);
    // A missing edge is started (the original forgot it on Linux).
    machine.active.clear();
    machine.carry_out(plan_start(machine.look()));
    CHECK(machine.active.size() == 4);
}

TEST_CASE("layers: without systemd the roles are processes, and nothing else differs") {
    FakeLinux machine;
    machine.has_systemd = false;
    const auto plan = machine.install({.mode = Mode::apps});
    test::check_golden("setup/linux/plan-apps-without-systemd.txt", to_lines(plan));
    CHECK(machine.processes == std::set<std::string>{"edge", "daemon"});
    for (const auto& [path, file] : machine.outside())
        CHECK(path.find("systemd/user") == std::string::npos);
    CHECK(finding_of(machine.facts, "user-bus").health == Health::unknown);
    CHECK(to_lines(plan_install(machine.facts, {.mode = Mode::apps})).find("start the") ==
          std::string::npos);
    machine.carry_out(plan_stop(machine.look()));
    CHECK(machine.processes == std::set<std::string>{"edge"});
    machine.carry_out(plan_start(machine.look()));
    CHECK(machine.processes.size() == 2);
    machine.uninstall();
    CHECK(machine.processes.empty());
}

TEST_CASE("layers: ports of strangers are given up, ours and free ones are kept") {
    FakeLinux machine;
    ListenerFact stranger;
    stranger.is_bound = true;
    stranger.uid = 1001;
    machine.strangers[8081] = stranger;
    machine.strangers[8082] = stranger;
    machine.look();
    CHECK(finding_of(machine.facts, "ports").code == "ports.taken");
    CHECK(choose_ports(machine.facts).edge_port == 8083);
    CHECK(choose_ports(machine.facts).api_port == 8765);
    // The same user's other program is a stranger too.
    stranger.uid = machine.facts.uid;
    stranger.program = "/usr/bin/other-proxy";
    machine.strangers = {{8090, stranger}};
    machine.look();
    CHECK(choose_ports(machine.facts).internal_port == 8091);
    // What we hold ourselves is no reason to move, with or without an edge running.
    stranger.program = "/usr/lib/systemd/systemd";
    machine.strangers = {{8081, stranger}};
    machine.look();
    CHECK(choose_ports(machine.facts).edge_port == 8081);

    machine.strangers = {{8081, ListenerFact{.is_bound = true, .uid = 1001}}};
    machine.install({.mode = Mode::apps});
    CHECK(machine.files.at("/home/ann/.config/systemd/user/halton-meter-edge.socket")
              .text.find("ListenStream=127.0.0.1:8082\n") != std::string::npos);
    CHECK(machine.files.at("/home/ann/.bashrc").text.find("http://127.0.0.1:8082") !=
          std::string::npos);
}

TEST_CASE("layers: a changed port in config.toml is a wish, a stranger that left is none") {
    FakeLinux machine;
    machine.strangers = {{8081, ListenerFact{.is_bound = true, .uid = 1001}}};
    machine.install({.mode = Mode::apps});
    REQUIRE(machine.facts.ports.edge_port == 8082);
    machine.strangers.clear();
    machine.install({.mode = Mode::apps});
    CHECK(machine.facts.ports.edge_port == 8082);
    machine.facts.configured_ports.edge_port = 9000;
    machine.install({.mode = Mode::apps});
    CHECK(machine.facts.ports.edge_port == 9000);
    CHECK(machine.files.at("/home/ann/.zshrc").text.find("http://127.0.0.1:9000") !=
          std::string::npos);
}

TEST_CASE("layers: a consequence names its cause") {
    FakeLinux machine;
    machine.install({.mode = Mode::full});
    machine.files.erase("/home/ann/.halton-meter/ca.pem");
    std::vector<DiagnosisRow> rows;
    for (const auto& judged : judge_all(machine.look()))
        rows.push_back({std::string(judged.layer->id), std::string(judged.layer->title),
                        std::string(judged.layer->depends_on), judged.finding});
    std::size_t followers = 0;
    for (const auto& row : diagnose(std::move(rows)).rows) {
        if (row.id == "authority") {
            CHECK(row.finding.code == "ca.missing");
            CHECK(row.caused_by.empty());
        } else if (!row.caused_by.empty()) {
            CHECK(row.caused_by == "authority");
            ++followers;
        }
    }
    CHECK(followers >= 1);
}

TEST_CASE("layers: each layer says what is wrong with it") {
    FakeLinux machine;
    machine.install({.mode = Mode::full});
    const auto data = [](const std::string& name) { return "/home/ann/.halton-meter/" + name; };
    const auto config = [](const std::string& name) { return "/home/ann/.config/" + name; };
    // Ours by its program and its user, as /health tells it.
    const auto run_daemon = [](FakeLinux& m, const std::string& version, const std::string& root) {
        m.strangers[8765] = ListenerFact{.is_bound = true,
                                         .uid = m.facts.uid,
                                         .program = m.facts.folders.program,
                                         .health_status = 200,
                                         .version = version,
                                         .root_fingerprint = root};
    };
    struct Case {
        const char* layer;
        const char* code;
        std::function<void(FakeLinux&)> spoil;
    };
    const std::vector<Case> cases{
        {"data-folder", "data.readable_by_others",
         [&](FakeLinux& m) { m.files["/home/ann/.halton-meter"].permissions = 0755; }},
        {"data-folder", "data.other_owner",
         [&](FakeLinux& m) { m.files["/home/ann/.halton-meter"].owner_uid = 0; }},
        {"ports", "ports.no_record",
         [&](FakeLinux& m) { m.put(data("effective-ports.json"), "{"); }},
        {"authority", "ca.key_readable",
         [&](FakeLinux& m) { m.files[data("ca/ca-key.pem")].permissions = 0644; }},
        {"authority", "ca.damaged", [&](FakeLinux& m) { m.put(data("ca.pem"), "x"); }},
        {"authority", "ca.outdated", [&](FakeLinux& m) { m.facts.hosts.push_back("new.example"); }},
        {"bundle", "bundle.missing", [&](FakeLinux& m) { m.files.erase(data("ca-bundle.pem")); }},
        {"bundle", "bundle.only_ours",
         [&](FakeLinux& m) { m.put(data("ca-bundle.pem"), m.files[data("ca.pem")].text); }},
        {"bundle", "bundle.other_root",
         [&](FakeLinux& m) { m.put(data("ca-bundle.pem"), FakeLinux::system_root()); }},
        {"linger", "linger.off",
         [&](FakeLinux& m) { m.files.erase("/var/lib/systemd/linger/ann"); }},
        {"edge-unit", "edge.not_listening", [&](FakeLinux& m) { m.active.clear(); }},
        {"edge-unit", "edge.program_gone",
         [&](FakeLinux& m) { m.files.erase("/usr/bin/halton-meter"); }},
        {"edge-unit", "edge.unit_differs",
         [&](FakeLinux& m) {
             m.files[config("systemd/user/halton-meter-edge.socket")].text += "#";
         }},
        {"edge-unit", "edge.unit_differs",
         [&](FakeLinux& m) {
             m.files.erase(config("systemd/user/default.target.wants/halton-meter-edge.service"));
         }},
        {"daemon-unit", "daemon.down",
         [&](FakeLinux& m) { m.active.erase("halton-meter.service"); }},
        {"daemon-unit", "daemon.unit_differs",
         [&](FakeLinux& m) { m.put(config("systemd/user/halton-meter.service"), "old"); }},
        {"daemon-unit", "daemon.old_program", [&](FakeLinux& m) { run_daemon(m, "1.0.0", ""); }},
        {"daemon-unit", "daemon.old_root",
         [&](FakeLinux& m) { run_daemon(m, m.facts.version, "0123456789abcdef"); }},
        {"watchdog-unit", "watchdog.down",
         [&](FakeLinux& m) { m.active.erase("halton-meter-watchdog.service"); }},
        {"session-environment", "session.missing",
         [&](FakeLinux& m) { m.files.erase(config("environment.d/60-halton-meter.conf")); }},
        {"session-environment", "session.points_nowhere",
         [&](FakeLinux& m) { m.files.erase(data("ca-bundle.pem")); }},
        {"shell-rc", "rc.missing", [&](FakeLinux& m) { m.put("/home/ann/.bashrc", ""); }},
        {"shell-rc", "rc.differs",
         [&](FakeLinux& m) {
             auto& text = m.files["/home/ann/.zshrc"].text;
             text.replace(text.find("8081"), 4, "9999");
         }},
        {"nss-trust", "nss.missing", [&](FakeLinux& m) { m.nss.clear(); }},
        {"system-trust", "trust.missing",
         [&](FakeLinux& m) {
             std::erase_if(m.files, [](const auto& file) {
                 return file.first.ends_with(".crt") &&
                        file.first.find("halton") != std::string::npos;
             });
         }},
        {"gnome-proxy", "gnome.off",
         [&](FakeLinux& m) { m.gnome["org.gnome.system.proxy mode"] = "'none'"; }},
        {"sentinels", "sentinels.disagree",
         [&](FakeLinux& m) { m.files.erase(data("proxy-managed")); }},
        {"gnome-proxy", "gnome.left_on",
         [&](FakeLinux& m) { m.put(data("install-mode"), "apps\n"); }},
        {"shell-rc", "rc.left", [&](FakeLinux& m) { m.put(data("install-mode"), "env-only\n"); }},
        {"session-environment", "session.left",
         [&](FakeLinux& m) { m.files.erase(data("install-mode")); }},
    };
    for (const auto& spoiled : cases) {
        FakeLinux copy;
        copy.install({.mode = Mode::full});
        spoiled.spoil(copy);
        INFO(spoiled.layer << " " << spoiled.code);
        const auto finding = finding_of(copy.look(), spoiled.layer);
        CHECK(finding.code == spoiled.code);
        CHECK_FALSE(finding.detail.empty());
        CHECK_FALSE(finding.action.empty());
        CHECK(finding.action.find('\n') == std::string::npos);
    }
}

TEST_CASE("layers: init repairs what doctor finds") {
    FakeLinux machine;
    machine.install({.mode = Mode::full});
    const auto wanted = machine.outside();
    machine.files.erase("/home/ann/.config/systemd/user/halton-meter.service");
    machine.files.erase("/home/ann/.halton-meter/ca-bundle.pem");
    machine.files["/home/ann/.halton-meter/ca/ca-key.pem"].permissions = 0644;
    machine.put("/home/ann/.zshrc", "");
    machine.active.erase("halton-meter.service");
    machine.gnome["org.gnome.system.proxy.http port"] = "1";
    machine.install({.mode = Mode::full});
    for (const auto& judged : judge_all(machine.facts)) {
        INFO(judged.layer->id << " " << judged.finding.code);
        CHECK((judged.finding.health == Health::good || judged.finding.health == Health::off));
    }
    for (const auto& [path, file] : wanted) CHECK(machine.files.contains(path));
}

TEST_CASE("layers: a foreign proxy of the user's stays in force") {
    FakeLinux machine;
    machine.facts.environment["HTTPS_PROXY"] = "http://ann:secret@proxy.corp:3128";
    machine.gnome["org.gnome.system.proxy mode"] = "'manual'";
    machine.gnome["org.gnome.system.proxy.https host"] = "'proxy.corp'";
    const auto before = machine.gnome;
    machine.install({.mode = Mode::full});
    CHECK(machine.gnome == before);
    CHECK_FALSE(machine.files.contains("/home/ann/.config/environment.d/60-halton-meter.conf"));
    const auto finding = finding_of(machine.facts, "session-environment");
    CHECK(finding.code == "session.foreign_proxy");
    CHECK(finding.detail.find("proxy.corp:3128") != std::string::npos);
    CHECK(finding.detail.find("secret") == std::string::npos);
    // The shell block asks at run time.
    CHECK(machine.files.at("/home/ann/.zshrc").text.find("case \"${HTTPS_PROXY:-") !=
          std::string::npos);
    // Named as the upstream, it is no hindrance.
    machine.facts.has_upstream_proxy = true;
    machine.install({.mode = Mode::full});
    CHECK(machine.files.contains("/home/ann/.config/environment.d/60-halton-meter.conf"));
    CHECK(machine.gnome["org.gnome.system.proxy.https host"] == "'127.0.0.1'");
    machine.uninstall();
    CHECK(machine.gnome == before);
}

TEST_CASE("layers: KDE's settings come back as they were, or as far as they are ours") {
    const std::string path = "/home/ann/.config/kioslaverc";
    const std::string before = "[Proxy Settings]\nNoProxyFor=.corp\nProxyType=0\n";
    FakeLinux machine;
    machine.put(path, before, 0600);
    machine.install({.mode = Mode::full});
    CHECK(finding_of(machine.facts, "kde-proxy").health == Health::good);
    CHECK(machine.files.at(path).text.find("httpsProxy=http://127.0.0.1 8081\n") !=
          std::string::npos);
    CHECK(machine.files.at(path).permissions == 0600);
    machine.install({.mode = Mode::apps});
    CHECK(machine.files.at(path).text == before);

    machine.install({.mode = Mode::full});
    machine.files.at(path).text += "[Mine]\na=1\n";
    machine.uninstall();
    const auto& text = machine.files.at(path).text;
    CHECK(text.find("ProxyType=0\n") != std::string::npos);
    CHECK(text.ends_with("[Mine]\na=1\n"));

    // There was no such file.
    FakeLinux fresh;
    fresh.facts.environment["XDG_CURRENT_DESKTOP"] = "KDE";
    fresh.install({.mode = Mode::full});
    CHECK(fresh.files.contains(path));
    fresh.uninstall();
    CHECK_FALSE(fresh.files.contains(path));
}

TEST_CASE("layers: src/setup/README.md tells the table as it is") {
    const auto page = test::source_root() / "src" / "setup" / "README.md";
    constexpr std::string_view begin = "<!-- printed by tests/setup/layers_test.cpp -->\n";
    constexpr std::string_view end = "<!-- end of the printed part -->";
    const auto text = test::read_text(page);
    const auto from = text.find(begin);
    const auto to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    const auto wanted =
        text.substr(0, from + begin.size()) + "\n" + print_layers() + "\n" + text.substr(to);
    if (std::getenv("HALTON_UPDATE_GOLDEN") != nullptr)
        test::write_text(page, wanted);
    else
        CHECK(text == wanted);
}
