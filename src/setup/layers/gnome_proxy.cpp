#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "setup/desktop_proxy.h"
#include "setup/layers/desktop.h"
#include "setup/layers/environment.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"
#include "setup/system_state.h"

namespace halton::setup::layers {
namespace {

constexpr const char* schema = "org.gnome.system.proxy";
constexpr const char* http_schema = "org.gnome.system.proxy.http";
constexpr const char* https_schema = "org.gnome.system.proxy.https";

Argv get(const char* where, const char* key) { return {"gsettings", "get", where, key}; }
Argv set(const char* where, const char* key, std::string value) {
    return {"gsettings", "set", where, key, std::move(value)};
}

struct Key {
    const char* schema;
    const char* key;
    std::string GnomeState::*value;
};
// The mode last: until then nothing uses the others.
constexpr Key keys[] = {{http_schema, "host", &GnomeState::http_host},
                        {http_schema, "port", &GnomeState::http_port},
                        {https_schema, "host", &GnomeState::https_host},
                        {https_schema, "port", &GnomeState::https_port},
                        {schema, "ignore-hosts", &GnomeState::ignore_hosts},
                        {schema, "mode", &GnomeState::mode}};

// Without a bus gsettings answers with defaults and stores nothing.
bool can_have_desktop(const Facts& facts) {
    return facts.environment.contains("DBUS_SESSION_BUS_ADDRESS") || has_bus(facts);
}

Questions ask(const Facts& facts) {
    Questions questions{.files = {system_state_file(facts)}, .commands = {ask_bus()}};
    if (can_have_desktop(facts))
        for (const auto& key : keys) questions.commands.push_back(get(key.schema, key.key));
    return questions;
}

// Nothing: there is no GNOME here.
std::optional<GnomeState> read(const Facts& facts) {
    GnomeState state;
    for (const auto& key : keys) {
        const auto& answer = facts.command(get(key.schema, key.key));
        if (!answer.started || answer.exit_code != 0) return std::nullopt;
        state.*key.value = std::string(trim(answer.output));
    }
    return state;
}

bool is_ours_now(const Facts& facts, const GnomeState& state) {
    return is_ours(GnomeProxy{state.mode, state.https_host, state.https_port}, edge_ports(facts));
}

GnomeState wanted_state(const Facts& facts, const GnomeState& now) {
    const auto port = fmt::format("{}", facts.ports.edge_port);
    return {"'manual'", "'127.0.0.1'", port, "'127.0.0.1'", port, now.ignore_hosts};
}

std::string blocking_proxy(const Facts& facts, const GnomeState& now) {
    if (facts.has_upstream_proxy || is_ours_now(facts, now) || now.mode == "'none'") return {};
    return now.mode == "'auto'" ? std::string("an automatic configuration")
                                : std::string(to_safe_text(now.https_host, 80));
}

std::vector<Step> change(const GnomeState& now, const GnomeState& then) {
    std::vector<Step> steps;
    for (const auto& key : keys)
        if (now.*key.value != then.*key.value)
            steps.push_back(RunCommand{.argv = set(key.schema, key.key, then.*key.value),
                                       .undo = set(key.schema, key.key, now.*key.value)});
    return steps;
}

Finding judge(const Facts& facts) {
    const auto now = read(facts);
    if (!now) return off("no GNOME session");
    const bool is_set = is_ours_now(facts, *now);
    if (!is_wanted(facts, Mode::full)) {
        if (!is_set) return off("only with --full");
        return broken("gnome.left_on", "the desktop's proxy leads to us, but the mode has none",
                      "halton-meter reset-proxy");
    }
    if (const auto proxy = blocking_proxy(facts, *now); !proxy.empty())
        return odd("gnome.foreign_proxy",
                   fmt::format("the desktop's proxy is {} and stays in force", proxy),
                   init_command(facts));
    // The daemon takes it away as it ends, and puts it back as it starts.
    if (!is_set && is_present(facts, facts.folders.in_data("graceful-shutdown")))
        return off("off while the daemon is stopped");
    if (!is_set)
        return odd("gnome.off", "the desktop's proxy does not lead to us", init_command(facts));
    if (*now != wanted_state(facts, *now))
        return broken("gnome.other_port",
                      "the desktop's proxy leads to a port that is not ours now",
                      init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    const auto now = read(facts);
    if (!now) return {};
    if (const auto proxy = blocking_proxy(facts, *now); !proxy.empty())
        return {Notify{advise_on_proxy(facts, proxy)}};
    auto steps = change(*now, wanted_state(facts, *now));
    if (steps.empty()) return {};
    SystemState seen;
    seen.gnome = *now;
    auto recording = plan_recording(system_state_file(facts), facts.file(system_state_file(facts)),
                                    seen, edge_ports(facts));
    steps.insert(steps.begin(), recording.begin(), recording.end());
    return steps;
}

// What is to be after us. Keys one by one: an init or uninstall that was cut off leaves some of
// each. What the user has chosen since is the user's.
GnomeState state_without_us(const Facts& facts, const GnomeState& now) {
    const auto recorded = read_recorded(facts.file(system_state_file(facts)));
    auto then = now;
    if (is_ours_now(facts, now))
        then.mode = recorded && recorded->gnome ? recorded->gnome->mode : "'none'";
    if (!recorded || !recorded->gnome) return then;
    const auto ours = wanted_state(facts, now);
    for (const auto& key : keys)
        if (key.value != &GnomeState::mode && now.*key.value == ours.*key.value)
            then.*key.value = (*recorded->gnome).*key.value;
    return then;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    if (const auto now = read(facts)) {
        steps = change(*now, state_without_us(facts, *now));
        // The mode first: with other hosts in between nobody should go there.
        if (steps.size() > 1) std::rotate(steps.begin(), steps.end() - 1, steps.end());
    }
    // This row is the last of the desktops' to be removed: what they were is restored by now.
    add_removal(steps, facts, system_state_file(facts));
    return steps;
}

}  // namespace

const Layer gnome_proxy{"gnome-proxy",
                        "GNOME's proxy",
                        "the desktop's setting for HTTPS and HTTP, as it was before in "
                        "system_state.json",
                        true,
                        false,
                        Mode::full,
                        "edge-unit",
                        ask,
                        judge,
                        plan_apply,
                        plan_remove};

}  // namespace halton::setup::layers
