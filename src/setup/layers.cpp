#include "setup/layers.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/limits.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup {
namespace {

constexpr std::array<const Layer*, 24> table{
    &layers::data_folder,
    &layers::ports,
    &layers::authority,
    &layers::bundle,
    &layers::network_record,
    &layers::keychain_trust,
    &layers::user_bus,
    &layers::linger,
    &layers::edge_unit,
    &layers::daemon_unit,
    &layers::edge_agent,
    &layers::daemon_agent,
    &layers::watchdog_agent,
    &layers::userenv_agent,
    &layers::session_environment,
    &layers::launchd_variables,
    &layers::shell_rc,
    &layers::nss_trust,
    &layers::system_trust,
    // The watchdog before the setting that it watches.
    &layers::watchdog_unit,
    &layers::gnome_proxy,
    &layers::kde_proxy,
    &layers::network_proxy,
    &layers::sentinels,
};

bool is_on(const Layer& layer, System system) {
    return system == System::linux ? layer.on_linux : layer.on_macos;
}

template <class Value>
bool contains(const std::vector<Value>& values, const Value& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

void append(Plan& plan, const Layer& layer, std::vector<Step> steps) {
    for (auto& step : steps) plan.push_back({&layer, std::move(step)});
}

bool is_free_or_ours(const Facts& facts, std::uint16_t port) {
    return !is_strangers_port(facts, port);
}

// The wanted port, or the next one upwards that nobody else has and that is not one of `taken`.
std::uint16_t choose_port(const Facts& facts, std::uint16_t wanted,
                          const std::vector<std::uint16_t>& taken) {
    for (int i = 0; i <= limits::port_fallback_count; ++i) {
        const auto port = static_cast<std::uint16_t>(wanted + i);
        if (port < wanted) break;
        if (!contains(taken, port) && is_free_or_ours(facts, port)) return port;
    }
    return wanted;
}

}  // namespace

std::span<const Layer* const> all_layers() { return table; }

std::vector<const Layer*> applicable(System system) {
    std::vector<const Layer*> rows;
    for (const Layer* layer : table)
        if (is_on(*layer, system)) rows.push_back(layer);
    return rows;
}

const Layer* find_layer(std::string_view id) {
    const auto found =
        std::find_if(table.begin(), table.end(), [id](const Layer* row) { return row->id == id; });
    return found == table.end() ? nullptr : *found;
}

Questions ask_all(const Facts& facts) {
    Questions all;
    for (const Layer* layer : applicable(facts.system)) {
        auto asked = layer->ask(facts);
        for (auto& file : asked.files)
            if (!facts.files.contains(file) && !contains(all.files, file))
                all.files.push_back(std::move(file));
        for (auto& command : asked.commands)
            if (!facts.commands.contains(command) && !contains(all.commands, command))
                all.commands.push_back(std::move(command));
        for (const auto port : asked.listeners)
            if (!facts.listeners.contains(port) && !contains(all.listeners, port))
                all.listeners.push_back(port);
    }
    return all;
}

config::EffectivePorts choose_ports(const Facts& facts) {
    auto ports = facts.ports;
    // Those in force stay, also when the stranger that we gave way to has gone: environments carry
    // them. Only another wish in config.toml moves them.
    if (facts.file(configured_ports_file(facts)).text != configured_ports_text(facts)) {
        ports.edge_port = facts.configured_ports.edge_port;
        ports.internal_port = facts.configured_ports.internal_port;
        ports.api_port = facts.configured_ports.api_port;
    }
    std::vector<std::uint16_t> taken;
    for (auto* port : {&ports.edge_port, &ports.internal_port, &ports.api_port}) {
        *port = choose_port(facts, *port, taken);
        taken.push_back(*port);
    }
    return ports;
}

std::vector<Judged> judge_all(const Facts& facts) {
    std::vector<Judged> all;
    for (const Layer* layer : applicable(facts.system)) all.push_back({layer, layer->judge(facts)});
    return all;
}

Plan plan_install(const Facts& facts, const Wish& wish) {
    Plan plan;
    const auto rows = applicable(facts.system);
    for (auto row = rows.rbegin(); row != rows.rend(); ++row)
        if ((*row)->from > wish.mode) append(plan, **row, (*row)->plan_remove(facts, wish));
    for (const Layer* layer : rows)
        if (layer->from <= wish.mode) append(plan, *layer, layer->plan_apply(facts, wish));
    return plan;
}

Plan first_part(const Plan& plan) {
    Plan first;
    const auto last =
        std::find(table.begin(), table.end(), static_cast<const Layer*>(&layers::bundle));
    for (const auto& planned : plan)
        if (std::find(table.begin(), last + 1, planned.layer) != last + 1) first.push_back(planned);
    return first;
}

Plan without_repeated_notes(Plan plan, const Plan& before) {
    std::erase_if(plan, [&before](const PlannedStep& planned) {
        return std::holds_alternative<Notify>(planned.step) &&
               std::any_of(before.begin(), before.end(), [&](const PlannedStep& said) {
                   return describe(said.step) == describe(planned.step);
               });
    });
    return plan;
}

Plan plan_uninstall(const Facts& facts, const Wish& wish) {
    Plan plan;
    const auto rows = applicable(facts.system);
    for (auto row = rows.rbegin(); row != rows.rend(); ++row)
        append(plan, **row, (*row)->plan_remove(facts, wish));
    return plan;
}

Plan plan_start(const Facts& facts) {
    Plan plan;
    for (const Layer* layer : applicable(facts.system))
        if (layer->plan_start) append(plan, *layer, layer->plan_start(facts));
    return plan;
}

Plan plan_stop(const Facts& facts) {
    Plan plan;
    const auto rows = applicable(facts.system);
    for (auto row = rows.rbegin(); row != rows.rend(); ++row)
        if ((*row)->plan_stop) append(plan, **row, (*row)->plan_stop(facts));
    return plan;
}

bool is_installed(const Facts& facts) {
    return facts.recorded_mode() != Mode::none || !plan_uninstall(facts, {}).empty();
}

Plan plan_repair(const Facts& facts, const Wish& wish, const Layer& layer) {
    Plan plan;
    append(
        plan, layer,
        layer.from <= wish.mode ? layer.plan_apply(facts, wish) : layer.plan_remove(facts, wish));
    return plan;
}

std::string print_layers() {
    std::string text =
        "| # | Layer | What it is | From mode | Systems | Needs |\n|---|---|---|---|---|---|\n";
    int number = 0;
    for (const Layer* layer : table) {
        std::string needs;
        for (const auto id : split_ids(layer->depends_on))
            needs += fmt::format("{}`{}`", needs.empty() ? "" : ", ", id);
        text += fmt::format("| {} | `{}` | {}: {} | {} | {} | {} |\n", ++number, layer->id,
                            layer->title, layer->purpose, to_text(layer->from),
                            layer->on_linux && layer->on_macos ? "both"
                            : layer->on_linux                  ? "Linux"
                                                               : "macOS",
                            needs);
    }
    return text;
}

}  // namespace halton::setup
