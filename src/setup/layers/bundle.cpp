#include <set>

#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/run_environment.h"
#include "tls/pem.h"
#include "tls/trust.h"

namespace halton::setup::layers {
namespace {

using Certificates = std::set<std::string, std::less<>>;

std::string bundle_of(const Facts& facts) { return facts.folders.in_data("ca-bundle.pem"); }
std::string root_of(const Facts& facts) { return facts.folders.in_data("ca.pem"); }

// What the user's own variables name, and is not ours.
std::vector<std::string> own_files(const Facts& facts) {
    const auto named = find_own_ca_files(facts.environment);
    std::vector<std::string> files;
    for (const auto* list : {&named.adding, &named.replacing})
        for (const auto& file : *list)
            if (file.front() == '/' && !file.starts_with(facts.folders.data + "/"))
                files.push_back(file);
    return files;
}

Questions ask(const Facts& facts) {
    Questions questions{.files = {bundle_of(facts), root_of(facts)}};
    for (const auto& path : tls::system_bundle_paths()) questions.files.push_back(path);
    for (auto& path : own_files(facts)) questions.files.push_back(std::move(path));
    return questions;
}

void collect(Certificates& all, std::string_view pem) {
    tls::for_each_certificate(pem, [&all](std::string_view der) { all.emplace(der); });
}

Finding judge(const Facts& facts) {
    const auto& bundle = facts.file(bundle_of(facts));
    if (bundle.state == FileFact::State::missing)
        return broken("bundle.missing", fmt::format("{} is not there", bundle_of(facts)),
                      init_command(facts));
    if (bundle.state != FileFact::State::present)
        return broken("bundle.unreadable", fmt::format("{} cannot be read", bundle_of(facts)),
                      fmt::format("ls -l {}", quote_for_shell(bundle_of(facts))));
    Certificates held;
    collect(held, bundle.text);
    Certificates root;
    collect(root, facts.file(root_of(facts)).text);
    for (const auto& certificate : root)
        if (!held.contains(certificate))
            return broken("bundle.other_root", "ca-bundle.pem does not hold the present CA",
                          init_command(facts));
    Certificates system;
    for (const auto& path : tls::system_bundle_paths())
        if (system.empty()) collect(system, facts.file(path).text);
    if (held.size() <= root.size())
        return broken("bundle.only_ours",
                      "ca-bundle.pem holds our CA alone: nothing else would be trusted",
                      init_command(facts));
    std::size_t missing = 0;
    for (const auto& certificate : system) missing += held.contains(certificate) ? 0 : 1;
    if (missing > 0)
        return odd("bundle.old",
                   fmt::format("ca-bundle.pem lacks {} of the system's roots", missing),
                   init_command(facts));
    for (const auto& path : own_files(facts)) {
        Certificates own;
        collect(own, facts.file(path).text);
        for (const auto& certificate : own)
            if (!held.contains(certificate))
                return odd("bundle.lacks_own",
                           fmt::format("ca-bundle.pem lacks a root of your own, of {}", path),
                           init_command(facts));
    }
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    if (judge(facts).health == Health::good && !wish.from_scratch) return {};
    return {MakeBundle{}};
}

// It stays with the CA: variables of running programs still name it.
std::vector<Step> plan_remove(const Facts&, const Wish&) { return {}; }

}  // namespace

const Layer bundle{"bundle",
                   "CA bundle",
                   "the system's roots, the user's own and ours in one file, for tools whose "
                   "variable replaces their roots",
                   true,
                   true,
                   Mode::env_only,
                   "authority",
                   ask,
                   judge,
                   plan_apply,
                   plan_remove};

}  // namespace halton::setup::layers
