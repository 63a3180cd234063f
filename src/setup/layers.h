// The one ordered table of layers, and what is done with all of them: ask, judge, plan, print.
// In: facts. Out: questions, findings, steps. Fails: never. Pure, any thread.
// A layer is a file in layers/ and a row in layers.cpp; the order of the rows is the order of
// `init`, and backwards that of `uninstall`.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

std::span<const Layer* const> all_layers();

// The rows of a system, in order.
std::vector<const Layer*> applicable(System system);

const Layer* find_layer(std::string_view id);

// What the layers want to know and the facts do not tell yet. Asked again until it is empty, at
// most limits::setup_ask_rounds times.
Questions ask_all(const Facts& facts);

// Ports for an installation: those in force, or those of config.toml when they were changed since
// the last init; where a stranger holds one, the next free one. Needs the answers to ask_all(), and
// has to be asked again with the answers for what it gave, until it gives the same.
config::EffectivePorts choose_ports(const Facts& facts);

struct Judged {
    const Layer* layer = nullptr;
    Finding finding;
};
// In the table's order. What is whose consequence: diagnose() in setup/verdict.h.
std::vector<Judged> judge_all(const Facts& facts);

struct PlannedStep {
    const Layer* layer = nullptr;
    Step step;
};
using Plan = std::vector<PlannedStep>;

// To the wished mode from whatever is there: first what that mode does not want is removed, bottom
// up, then the rest is applied, top down. Nothing to do gives an empty plan.
Plan plan_install(const Facts& facts, const Wish& wish);

// Folder, ports, CA and bundle of such a plan. They are carried out first, and the rest is planned
// with what they made: names carry the new root's hash.
Plan first_part(const Plan& plan);
// `plan` without what was said already.
Plan without_repeated_notes(Plan plan, const Plan& before);

// Everything away, bottom up; data, config and CA stay.
Plan plan_uninstall(const Facts& facts, const Wish& wish);

// What `start` and `stop` do. Neither touches a running edge.
Plan plan_start(const Facts& facts);
Plan plan_stop(const Facts& facts);

// Whether anything of an installation is there, whatever the recorded mode says.
bool is_installed(const Facts& facts);

// The rows of one layer only: what doctor does about it.
Plan plan_repair(const Facts& facts, const Wish& wish, const Layer& layer);

// The table as Markdown, for src/setup/README.md.
std::string print_layers();

}  // namespace halton::setup
