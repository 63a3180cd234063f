#include "platform/system_proxy.h"

#include "base/limits.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::platform;

namespace {

constexpr const char* networksetup_script = R"script(#!/bin/sh
S="$(dirname "$0")/state"
echo "$*" >> "$S/calls"
[ -e "$S/broken" ] && [ "$2" = "$(cat "$S/broken")" ] && exit 14
word() { [ "$1" = on ] && echo Yes || echo No; }
turn() { sed "s/^Enabled: .*/Enabled: $(word "$2")/" "$1" > "$1.new" && mv "$1.new" "$1"; }
fill() { printf 'Enabled: Yes\nServer: %s\nPort: %s\nAuthenticated Proxy Enabled: 0\n' "$2" "$3" > "$1"; }
case "$1" in
-listallnetworkservices) cat "$S/services" ;;
-getwebproxy) cat "$S/$2.web" ;;
-getsecurewebproxy) cat "$S/$2.secure" ;;
-getproxybypassdomains) cat "$S/$2.bypass" ;;
-setwebproxystate) turn "$S/$2.web" "$3" ;;
-setsecurewebproxystate) turn "$S/$2.secure" "$3" ;;
-setwebproxy) fill "$S/$2.web" "$3" "$4" ;;
-setsecurewebproxy) fill "$S/$2.secure" "$3" "$4" ;;
-setproxybypassdomains) F="$S/$2.bypass"; shift 2; printf '%s\n' "$@" > "$F" ;;
*) exit 4 ;;
esac
)script";

constexpr const char* gsettings_script = R"script(#!/bin/sh
S="$(dirname "$0")/state"
case "$1" in
get) cat "$S/$2.$3" ;;
set) [ -e "$S/no-bus" ] || echo "'$4'" > "$S/$2.$3" ;;
esac
)script";

std::string to_text(const char* state, const char* server, int port) {
    return std::string("Enabled: ") + state + "\nServer: " + server +
           "\nPort: " + std::to_string(port) + "\nAuthenticated Proxy Enabled: 0\n";
}

struct Machine {
    test::TempDirectory directory;
    ProxyTools tools;

    std::filesystem::path state(const std::string& name) const {
        return directory.path() / "state" / name;
    }
    std::string read(const std::string& name) const { return test::read_text(state(name)); }
    void write(const std::string& name, const std::string& text) const {
        test::write_text(state(name), text);
    }
    std::string install(const char* name, const char* script) const {
        const auto file = directory / name;
        test::write_text(file, script);
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        return file.string();
    }

    void add_networksetup() {
        tools.networksetup = install("networksetup", networksetup_script);
        write("services",
              "An asterisk (*) denotes that a network service is disabled.\nWi-Fi\n*Bridge\nLAN\n");
        for (const char* name : {"Wi-Fi", "LAN", "Bridge"}) {
            set(name, to_text("No", "", 0));
            write(std::string(name) + ".bypass", "*.local\n");
        }
    }
    void set(const std::string& service, const std::string& text) const {
        write(service + ".web", text);
        write(service + ".secure", text);
    }
    void add_gnome(const char* mode, const char* host, const char* port) {
        tools.gsettings = install("gsettings", gsettings_script);
        write("org.gnome.system.proxy.mode", mode);
        write("org.gnome.system.proxy.https.host", host);
        write("org.gnome.system.proxy.https.port", port);
    }
    std::string calls() const { return read("calls"); }

    std::vector<ProxyChange> off(Whose whose) const {
        return switch_proxy_off(tools, {8081}, whose, limits::system_proxy_time);
    }
    std::vector<ProxyChange> on() const {
        return switch_proxy_on(tools, 8081, limits::system_proxy_time);
    }
};

const std::string ours = to_text("Yes", "127.0.0.1", 8081);
const std::string ours_off = to_text("No", "127.0.0.1", 8081);
const std::string foreign = to_text("Yes", "proxy.corp.example", 3128);

}  // namespace

TEST_CASE("system proxy: nothing to do without tools") {
    const Machine machine;
    CHECK_FALSE(machine.tools.any());
    CHECK(machine.off(Whose::everybodys).empty());
    CHECK(machine.on().empty());
}

TEST_CASE("system proxy: macOS, on and off where it is ours") {
    Machine machine;
    machine.add_networksetup();
    machine.set("LAN", foreign);
    auto changes = machine.on();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].where == "Wi-Fi");
    CHECK(changes[0].has_worked);
    CHECK(machine.read("Wi-Fi.web") == ours);
    CHECK(machine.read("Wi-Fi.secure") == ours);
    CHECK(machine.read("Wi-Fi.bypass") == "*.local\nlocalhost\n127.0.0.1\n::1\n");
    CHECK(machine.read("LAN.web") == foreign);
    CHECK(machine.on().empty());

    changes = machine.off(Whose::ours);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].has_worked);
    CHECK(machine.read("Wi-Fi.web") == ours_off);
    CHECK(machine.read("Wi-Fi.secure") == ours_off);
    CHECK(machine.read("LAN.web") == foreign);
    CHECK(machine.off(Whose::ours).empty());
    CHECK(machine.calls().find("Bridge") == std::string::npos);
}

TEST_CASE("system proxy: macOS, everybody's off, also where nothing can be read") {
    Machine machine;
    machine.add_networksetup();
    machine.set("LAN", foreign);
    machine.set("Wi-Fi", "");
    const auto changes = machine.off(Whose::everybodys);
    REQUIRE(changes.size() == 2);
    CHECK(changes[0].where == "Wi-Fi");
    CHECK_FALSE(changes[0].has_worked);
    CHECK(changes[0].by_hand.find("'Wi-Fi' off") != std::string::npos);
    CHECK(changes[1].has_worked);
    CHECK(changes[1].was == "proxy.corp.example:3128");
    CHECK(machine.read("LAN.web").find("Enabled: No") == 0);
    for (const char* call : {"-setwebproxystate Wi-Fi off", "-setsecurewebproxystate Wi-Fi off",
                             "-setwebproxystate LAN off", "-setsecurewebproxystate LAN off"})
        CHECK(machine.calls().find(call) != std::string::npos);
}

TEST_CASE("system proxy: macOS, one service that fails does not stop the others") {
    Machine machine;
    machine.add_networksetup();
    machine.set("Wi-Fi", ours);
    machine.set("LAN", ours);
    machine.write("broken", "Wi-Fi");
    auto changes = machine.off(Whose::everybodys);
    REQUIRE(changes.size() == 2);
    CHECK_FALSE(changes[0].has_worked);
    CHECK(changes[1].has_worked);
    CHECK(machine.read("LAN.secure") == ours_off);

    std::filesystem::remove(machine.state("services"));
    changes = machine.off(Whose::ours);
    REQUIRE(changes.size() == 1);
    CHECK_FALSE(changes[0].has_worked);
    CHECK_FALSE(changes[0].by_hand.empty());
}

TEST_CASE("system proxy: GNOME, off and on again") {
    Machine machine;
    machine.add_gnome("'manual'\n", "'127.0.0.1'\n", "8081\n");
    auto changes = machine.off(Whose::ours);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].has_worked);
    CHECK(machine.read("org.gnome.system.proxy.mode") == "'none'\n");
    CHECK(machine.off(Whose::ours).empty());
    changes = machine.on();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].has_worked);
    CHECK(machine.read("org.gnome.system.proxy.mode") == "'manual'\n");
    CHECK(machine.on().empty());
}

TEST_CASE("system proxy: GNOME, somebody else's stays, and a lost bus is seen") {
    Machine machine;
    machine.add_gnome("'manual'\n", "'proxy.corp.example'\n", "3128\n");
    CHECK(machine.off(Whose::everybodys).empty());
    CHECK(machine.on().empty());
    machine.add_gnome("'auto'\n", "'127.0.0.1'\n", "8081\n");
    CHECK(machine.on().empty());
    machine.add_gnome("'manual'\n", "'127.0.0.1'\n", "8081\n");
    machine.write("no-bus", "");
    const auto changes = machine.off(Whose::ours);
    REQUIRE(changes.size() == 1);
    CHECK_FALSE(changes[0].has_worked);
}

TEST_CASE("system proxy: KDE's file, off and on again, nothing else of it changed") {
    Machine machine;
    const std::string text =
        "[Other]\nProxyType=1\n[Proxy Settings]\nProxyType=1\nhttpsProxy=http://127.0.0.1 8081\n";
    machine.write("kioslaverc", text);
    machine.tools.kioslaverc = machine.state("kioslaverc");
    REQUIRE(machine.off(Whose::ours).size() == 1);
    CHECK(machine.read("kioslaverc").find("[Proxy Settings]\nProxyType=0") != std::string::npos);
    CHECK(machine.off(Whose::ours).empty());
    REQUIRE(machine.on().size() == 1);
    CHECK(machine.read("kioslaverc") == text);
    CHECK(machine.on().empty());
}

TEST_CASE("system proxy: tools are found by looking") {
    const Machine machine;
    const test::ScopedVariable path("PATH", machine.directory.path().string());
    const test::ScopedVariable moved("XDG_CONFIG_HOME", machine.directory.path().string());
    CHECK(find_proxy_tools().gsettings.empty());
    CHECK(find_proxy_tools().kioslaverc.empty());
    machine.install("gsettings", gsettings_script);
    machine.install("networksetup", networksetup_script);
    test::write_text(machine.directory / "kioslaverc", "");
    const auto tools = find_proxy_tools();
    CHECK(tools.gsettings == "gsettings");
    CHECK(tools.networksetup == "networksetup");
    CHECK(tools.kioslaverc == machine.directory / "kioslaverc");
}

TEST_CASE("system proxy: a tool that hangs is given up") {
    Machine machine;
    machine.tools.networksetup = machine.install("networksetup", "#!/bin/sh\nexec sleep 600\n");
    const auto changes =
        switch_proxy_off(machine.tools, {8081}, Whose::everybodys, std::chrono::milliseconds(100));
    REQUIRE(changes.size() == 1);
    CHECK_FALSE(changes[0].has_worked);
}
