#include "platform/system_proxy.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/process.h"
#include "setup/desktop_proxy.h"
#include "setup/proxy_commands.h"

namespace halton::platform {
namespace {

using setup::NetworkService;
using setup::ProxyKind;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Runs tools until the time for all of them is over.
class Runner {
public:
    explicit Runner(milliseconds limit) : until_(steady_clock::now() + limit) {}

    // Nothing when it could not be run, failed or there is no time left.
    std::optional<std::string> run(std::vector<std::string> argv) const {
        const auto left = std::chrono::duration_cast<milliseconds>(until_ - steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        const auto done =
            run_helper(argv, static_cast<int>(std::min(left, limits::proxy_tool_time).count()));
        if (!done) return std::nullopt;
        return *done;
    }

private:
    steady_clock::time_point until_;
};

class NetworkServices {
public:
    NetworkServices(const ProxyTools& tools, const Runner& runner)
        : program_(tools.networksetup), runner_(runner) {}

    std::optional<std::vector<std::string>> list() const {
        const auto printed = run(setup::list_services_command());
        return printed ? setup::parse_services(*printed) : std::nullopt;
    }

    std::optional<NetworkService> read(const std::string& name) const {
        const auto web = run(setup::get_proxy_command(name, ProxyKind::web));
        const auto secure = run(setup::get_proxy_command(name, ProxyKind::secure_web));
        const auto web_setting = web ? setup::parse_proxy(*web) : std::nullopt;
        const auto secure_setting = secure ? setup::parse_proxy(*secure) : std::nullopt;
        if (!web_setting || !secure_setting) return std::nullopt;
        return NetworkService{name, *web_setting, *secure_setting, {}};
    }

    std::optional<std::string> run(setup::Argv argv) const {
        argv.front() = program_;
        return runner_.run(std::move(argv));
    }

    void run(const std::vector<setup::RunCommand>& commands) const {
        for (const auto& command : commands) (void)run(command.argv);
    }

private:
    std::string program_;
    const Runner& runner_;
};

ProxyChange list_failed() {
    return {"network services", false, {}, "networksetup -listallnetworkservices"};
}

std::string off_by_hand(const std::string& service) {
    const auto name = setup::quote_for_shell(service);
    return fmt::format(
        "networksetup -setwebproxystate {} off; networksetup -setsecurewebproxystate {} off", name,
        name);
}

std::string describe_foreign(const NetworkService& service, const setup::Ports& ports) {
    for (const auto* setting : {&service.secure_web, &service.web})
        if (setting->is_on && !setting->server.empty() && !setup::points_at_us(*setting, ports))
            return fmt::format("{}:{}", to_safe_text(setting->server, 100), setting->port);
    return {};
}

void switch_services_off(const NetworkServices& services, const setup::Ports& ports, Whose whose,
                         std::vector<ProxyChange>& changes) {
    const auto names = services.list();
    if (!names) {
        changes.push_back(list_failed());
        return;
    }
    for (const auto& name : *names) {
        const auto before = services.read(name);
        ProxyChange change{name, false, {}, off_by_hand(name)};
        bool is_to_change = false;
        if (whose == Whose::everybodys) {
            // Also where it could not be read: this is the way out of everything.
            for (const auto kind : {ProxyKind::web, ProxyKind::secure_web})
                (void)services.run(setup::switch_proxy_off_command(name, kind));
            is_to_change = !before || before->web.is_on || before->secure_web.is_on;
            if (before) change.was = describe_foreign(*before, ports);
        } else if (before) {
            const auto commands = setup::plan_off(*before, ports);
            services.run(commands);
            is_to_change = !commands.empty();
        }
        if (!is_to_change) continue;
        const auto after = services.read(name);
        change.has_worked =
            after && (whose == Whose::everybodys ? !after->web.is_on && !after->secure_web.is_on
                                                 : setup::plan_off(*after, ports).empty());
        changes.push_back(std::move(change));
    }
}

void switch_services_on(const NetworkServices& services, std::uint16_t edge_port,
                        std::vector<ProxyChange>& changes) {
    const auto names = services.list();
    if (!names) {
        changes.push_back(list_failed());
        return;
    }
    const auto read = [&](const std::string& name) {
        auto service = services.read(name);
        const auto bypass = services.run(setup::get_bypass_command(name));
        if (service && bypass) service->bypass_domains = setup::parse_bypass(*bypass);
        return bypass ? service : std::nullopt;
    };
    for (const auto& name : *names) {
        const auto before = read(name);
        if (before && setup::has_foreign_proxy(*before, {edge_port})) continue;
        ProxyChange change{name, false, {}, "halton-meter init --full"};
        if (before) {
            const auto commands = setup::plan_on(*before, edge_port);
            if (commands.empty()) continue;
            services.run(commands);
            const auto after = read(name);
            change.has_worked = after && setup::is_switched_on(*after, edge_port);
        }
        changes.push_back(std::move(change));
    }
}

constexpr const char* gnome_schema = "org.gnome.system.proxy";

class Gnome {
public:
    Gnome(const ProxyTools& tools, const Runner& runner)
        : program_(tools.gsettings), runner_(runner) {}

    setup::GnomeProxy read() const {
        return {get(gnome_schema, "mode"), get("org.gnome.system.proxy.https", "host"),
                get("org.gnome.system.proxy.https", "port")};
    }

    // Read back by the caller: without a session bus gsettings says yes and stores nothing.
    bool set_mode(const char* mode) const {
        return runner_.run({program_, "set", gnome_schema, "mode", mode}).has_value();
    }

private:
    std::string get(const char* schema, const char* key) const {
        return runner_.run({program_, "get", schema, key}).value_or("");
    }

    std::string program_;
    const Runner& runner_;
};

bool write_kioslaverc(const ProxyTools& tools, const Runner& runner, const std::string& text) {
    if (!write_file_atomically(tools.kioslaverc, text, 0600)) return false;
    // Running programs read the file again at this signal; without a bus they do at their start.
    (void)runner.run({"dbus-send", "--type=signal", "/KIO/Scheduler",
                      "org.kde.KIO.Scheduler.reparseSlaveConfiguration", "string:"});
    return true;
}

}  // namespace

ProxyTools find_proxy_tools() {
    ProxyTools tools;
    // Also where somebody's PATH lacks the folder.
    for (const auto* name : {"networksetup", "/usr/sbin/networksetup"})
        if (tools.networksetup.empty() && has_program(name)) tools.networksetup = name;
    if (has_program("gsettings")) tools.gsettings = "gsettings";
    std::filesystem::path folder;
    if (const auto moved = read_variable("XDG_CONFIG_HOME"))
        folder = *moved;
    else if (const auto home = read_variable("HOME"))
        folder = std::filesystem::path(*home) / ".config";
    if (!folder.empty() && platform::is_regular_file(folder / "kioslaverc"))
        tools.kioslaverc = folder / "kioslaverc";
    return tools;
}

std::vector<ProxyChange> switch_proxy_off(const ProxyTools& tools, const setup::Ports& ports,
                                          Whose whose, milliseconds limit) {
    const Runner runner(limit);
    std::vector<ProxyChange> changes;
    if (!tools.networksetup.empty())
        switch_services_off(NetworkServices(tools, runner), ports, whose, changes);
    if (!tools.gsettings.empty()) {
        const Gnome gnome(tools, runner);
        if (setup::is_ours(gnome.read(), ports))
            changes.push_back({"GNOME",
                               gnome.set_mode("none") && !setup::is_ours(gnome.read(), ports),
                               {},
                               "gsettings set org.gnome.system.proxy mode none"});
    }
    if (!tools.kioslaverc.empty()) {
        const auto text = read_file(tools.kioslaverc, limits::config_bytes_max);
        if (text && setup::is_ours(*text, ports))
            changes.push_back(
                {"KDE",
                 write_kioslaverc(tools, runner, setup::switch_off_kioslaverc(*text)),
                 {},
                 "kwriteconfig5 --file kioslaverc --group 'Proxy Settings' --key ProxyType 0"});
    }
    return changes;
}

std::vector<ProxyChange> switch_proxy_on(const ProxyTools& tools, std::uint16_t edge_port,
                                         milliseconds limit) {
    const Runner runner(limit);
    const setup::Ports ports{edge_port};
    std::vector<ProxyChange> changes;
    if (!tools.networksetup.empty())
        switch_services_on(NetworkServices(tools, runner), edge_port, changes);
    if (!tools.gsettings.empty()) {
        const Gnome gnome(tools, runner);
        auto now = gnome.read();
        const bool was_off = trim(now.mode) == "'none'";
        now.mode = "'manual'";
        if (was_off && setup::is_ours(now, ports))
            changes.push_back({"GNOME",
                               gnome.set_mode("manual") && setup::is_ours(gnome.read(), ports),
                               {},
                               "gsettings set org.gnome.system.proxy mode manual"});
    }
    if (!tools.kioslaverc.empty()) {
        const auto text = read_file(tools.kioslaverc, limits::config_bytes_max);
        const auto on = text ? setup::switch_back_on_kioslaverc(*text) : std::nullopt;
        if (on && setup::is_ours(*on, ports))
            changes.push_back(
                {"KDE",
                 write_kioslaverc(tools, runner, *on),
                 {},
                 "kwriteconfig5 --file kioslaverc --group 'Proxy Settings' --key ProxyType 1"});
    }
    return changes;
}

}  // namespace halton::platform
