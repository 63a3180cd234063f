#include <fmt/format.h>

#include "base/text.h"
#include "setup/launchd_plist.h"
#include "setup/layers/environment.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

// `launchctl setenv`: read by what Dock, Spotlight and launchd start from now on, and gone with the
// session; the login agent says it again.
namespace halton::setup::layers {
namespace {

Questions ask(const Facts& facts) {
    auto questions = ask_environment(facts);
    questions.files.push_back(facts.folders.in_data("ca-bundle.pem"));
    for (const auto& [name, value] : tool_variables(facts))
        questions.commands.push_back(get_variable_command(name));
    return questions;
}

bool can_tell(const Facts& facts) {
    return facts.command(get_variable_command("HTTPS_PROXY")).started;
}

std::string now(const Facts& facts, const std::string& name) {
    const auto& fact = facts.command(get_variable_command(name));
    return fact.started && fact.exit_code == 0 ? std::string(trim(fact.output)) : std::string();
}

bool is_no_proxy(std::string_view name) { return is_equal_ignoring_case(name, "NO_PROXY"); }

// Value by name. A NO_PROXY of the user's is extended, each spelling by itself.
Variables wanted(const Facts& facts) {
    auto variables = tool_variables(facts);
    for (auto& [name, value] : variables)
        if (is_no_proxy(name))
            value = make_run_environment({{name, now(facts, name)}}, {}).at("NO_PROXY");
    return variables;
}

Finding judge(const Facts& facts) {
    if (!can_tell(facts))
        return unknown("session.unknown", "launchctl tells nothing about this session");
    int ours = 0;
    std::string differs;
    for (const auto& [name, value] : wanted(facts)) {
        if (now(facts, name) == value)
            ++ours;
        else
            differs = name;
    }
    if (!is_wanted(facts, Mode::apps)) {
        // A user's own NO_PROXY may be what we would set.
        if (now(facts, "HTTPS_PROXY") != tool_variables(facts).at("HTTPS_PROXY"))
            return off("only with --apps");
        return odd(
            "session.left", "the session still has our variables",
            facts.recorded_mode() == Mode::none ? "halton-meter uninstall" : init_command(facts));
    }
    if (const auto proxy = find_blocking_proxy(facts); !proxy.empty())
        return odd("session.foreign_proxy", advise_on_proxy(facts, proxy), init_command(facts));
    if (ours > 0 && !is_present(facts, facts.folders.in_data("ca-bundle.pem")))
        return broken("session.points_nowhere",
                      "programs of the session are given a CA bundle that is not there",
                      init_command(facts));
    if (!differs.empty())
        return odd("session.differs", fmt::format("{} of this session is not ours", differs),
                   init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    if (const auto proxy = find_blocking_proxy(facts); !proxy.empty())
        return {Notify{advise_on_proxy(facts, proxy)}};
    std::vector<Step> steps;
    if (!can_tell(facts)) return steps;
    const auto variables = wanted(facts);
    const auto set = [&](const std::string& name) {
        const auto before = now(facts, name);
        const auto& value = variables.at(name);
        if (before == value) return;
        steps.push_back(RunCommand{.argv = set_variable_command(name, value),
                                   .undo = before.empty() ? unset_variable_command(name)
                                                          : set_variable_command(name, before)});
    };
    // First the one by which the others are known to be ours, see plan_remove.
    set("HTTPS_PROXY");
    for (const auto& [name, value] : variables)
        if (name != "HTTPS_PROXY") set(name);
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    const auto variables = tool_variables(facts);
    const auto our_folder = facts.folders.in_data("");
    // Values that anybody may have set (NO_PROXY) go only together with the one that names us, and
    // that one goes last: cut off before it, the others are still known to be ours.
    const bool has_ours = now(facts, "HTTPS_PROXY") == variables.at("HTTPS_PROXY");
    for (const auto& [name, value] : variables) {
        const auto held = now(facts, name);
        if (name == "HTTPS_PROXY" || (!has_ours && value.find(our_folder) == std::string::npos))
            continue;
        if (held == value)
            steps.push_back(RunCommand{.argv = unset_variable_command(name), .may_fail = true});
        else if (is_no_proxy(name) && held.ends_with("," + value))
            steps.push_back(RunCommand{
                .argv = set_variable_command(name, held.substr(0, held.size() - value.size() - 1)),
                .may_fail = true});
    }
    if (has_ours)
        steps.push_back(
            RunCommand{.argv = unset_variable_command("HTTPS_PROXY"), .may_fail = true});
    return steps;
}

}  // namespace

const Layer launchd_variables{
    "session-environment-launchd",
    "session's variables",
    "what Dock and Spotlight start goes through the edge and trusts its CA; programs that run "
    "already keep what they have",
    false,
    true,
    Mode::apps,
    "bundle edge-agent",
    ask,
    judge,
    plan_apply,
    plan_remove};

}  // namespace halton::setup::layers
