// One look at what runs, for `status` and `doctor`: questions on loopback and to files, each with
// its limit. Changes nothing, fails never, and needs nothing to be up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "platform/command_runner.h"
#include "platform/home.h"
#include "setup/checks.h"
#include "setup/layer.h"
#include "store/reports.h"

namespace halton::roles {

struct Look {
    platform::Home home;
    config::Config config;
    std::vector<std::string> warnings;  // about the config
    std::vector<std::string> hosts;     // that are metered
    setup::Observed observed;
    Result<store::DatabaseFacts> database = store::DatabaseFacts{};
    // Of the last unmetered_shown days, from the database: it outlives daemons.
    std::vector<store::UnmeteredRow> unmetered;
};

inline constexpr int unmetered_shown_days = 7;

// Layers of the installation, judged by what they ask themselves: a few instead of all, for whoever
// wants an answer at once. Unknown ids are left out.
struct JudgedLayer {
    const setup::Layer* layer;
    setup::Finding finding;
};
std::vector<JudgedLayer> judge_layers(setup::Facts& facts, platform::CommandRunner& runner,
                                      const std::vector<std::string_view>& ids);

// `is_thorough`: tries the certificates and looks through the whole database, which takes longer.
Look look_around(const platform::Home& home, bool is_thorough);

}  // namespace halton::roles
