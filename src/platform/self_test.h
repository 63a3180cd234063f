// `init`'s ten seconds of truth: real connections through the edge, without a network or a key.
// In: the ports in force and the stores to verify with. Out: one line for each question asked.
// Blocking; each question has its own limit.
#pragma once

#include <string>
#include <vector>

#include "config/ports_file.h"
#include "platform/home.h"

namespace halton::platform {

struct SelfTestResult {
    std::string what;  // "the edge passes calls on to the daemon"
    bool is_good = false;
    std::string detail;  // why not
};

// A store that a leaf of ours must verify with, as PEM text.
struct TrustedStore {
    std::string name;
    std::string pem;
};

// ca.pem and ca-bundle.pem of the home are always asked; `changed_stores`: what else `init`
// changed.
std::vector<SelfTestResult> run_self_test(const Home& home, const config::EffectivePorts& ports,
                                          const std::vector<TrustedStore>& changed_stores);

bool is_good(const std::vector<SelfTestResult>& results);

}  // namespace halton::platform
