#include "setup/layers/environment.h"

#include <fmt/format.h>

#include "setup/layers/parts.h"

namespace halton::setup {
namespace {

// Roots that the user's own variables named at the last init.
std::string own_roots_file(const Facts& facts) { return facts.folders.in_data("own-roots.pem"); }

}  // namespace

Questions ask_environment(const Facts& facts) { return {.files = {own_roots_file(facts)}}; }

Variables tool_variables(const Facts& facts) {
    const auto bundle = facts.folders.in_data("ca-bundle.pem");
    // A user who adds a root for Node must not lose it to ours: the bundle holds both.
    const bool has_own = is_present(facts, own_roots_file(facts));
    return make_run_environment(
        {}, {.edge_port = facts.ports.edge_port,
             .adding_ca_file = has_own ? bundle : facts.folders.in_data("ca.pem"),
             .replacing_ca_file = bundle});
}

std::string find_blocking_proxy(const Facts& facts) {
    if (facts.has_upstream_proxy) return {};
    const auto proxy = find_foreign_proxy(facts.environment, facts.ports.edge_port);
    return proxy ? to_shown_proxy(*proxy) : std::string();
}

std::string advise_on_proxy(const Facts& facts, const std::string& proxy) {
    return fmt::format(
        "your HTTPS_PROXY leads to {} and stays in force; to meter behind it, put it into {} as "
        "[upstream] proxy and run init again",
        proxy, facts.folders.in_data("config.toml"));
}

}  // namespace halton::setup
