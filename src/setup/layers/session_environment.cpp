#include <fmt/format.h>

#include "base/text.h"
#include "setup/layers/environment.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/layers/systemd.h"
#include "setup/rc_block.h"

// environment.d(5): read by the user's systemd at its start, and by desktops through it. What runs
// already keeps what it has; the running manager is told as well, for services started from now on.
namespace halton::setup::layers {
namespace {

std::string folder_of(const Facts& facts) { return facts.folders.user_config + "/environment.d"; }
std::string file_of(const Facts& facts) { return folder_of(facts) + "/60-halton-meter.conf"; }

Questions ask(const Facts& facts) {
    auto questions = ask_environment(facts);
    questions.files.push_back(file_of(facts));
    questions.files.push_back(facts.folders.in_data("ca-bundle.pem"));
    questions.commands.push_back(ask_bus());
    return questions;
}

std::string text_for(const Facts& facts) { return make_environment_d(tool_variables(facts)); }

// "NAME=value" is a line of the manager's environment. It quotes odd values, as $'...'.
bool is_told(const Facts& facts, const std::string& name, const std::string& value) {
    const std::string_view all = facts.command(ask_bus()).output;
    const auto line = fmt::format("{}={}\n", name, value);
    for (auto at = all.find(line); at != std::string_view::npos; at = all.find(line, at + 1))
        if (at == 0 || all[at - 1] == '\n') return true;
    return false;
}

// Names of ours that the manager holds with our value.
std::vector<std::string> told_names(const Facts& facts) {
    std::vector<std::string> names;
    for (const auto& [name, value] : tool_variables(facts))
        if (is_told(facts, name, value)) names.push_back(name);
    return names;
}

Finding judge(const Facts& facts) {
    const auto& file = facts.file(file_of(facts));
    if (!is_wanted(facts, Mode::apps))
        return file.state == FileFact::State::missing
                   ? off("only with --apps")
                   : odd("session.left", fmt::format("{} is left over", file_of(facts)),
                         facts.recorded_mode() == Mode::none ? "halton-meter uninstall"
                                                             : init_command(facts));
    if (const auto proxy = find_blocking_proxy(facts); !proxy.empty())
        return odd("session.foreign_proxy", advise_on_proxy(facts, proxy), init_command(facts));
    if (file.state == FileFact::State::missing)
        return odd("session.missing", fmt::format("{} is not there", file_of(facts)),
                   init_command(facts));
    if (!is_present(facts, facts.folders.in_data("ca-bundle.pem")))
        return broken("session.points_nowhere",
                      "programs of the session are given a CA bundle that is not there",
                      init_command(facts));
    if (file.text != text_for(facts))
        return odd("session.differs",
                   fmt::format("{} is not as this version writes it", file_of(facts)),
                   init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    if (const auto proxy = find_blocking_proxy(facts); !proxy.empty())
        return {Notify{advise_on_proxy(facts, proxy)}};
    std::vector<Step> steps;
    add_file(steps, facts, file_of(facts), text_for(facts), 0644, wish);
    if (!steps.empty()) steps.insert(steps.begin(), MakeFolder{folder_of(facts), 0755});
    if (has_bus(facts)) {
        const auto variables = tool_variables(facts);
        Argv set = systemctl({"set-environment"});
        Argv unset = systemctl({"unset-environment"});
        for (const auto& [name, value] : variables) {
            if (is_told(facts, name, value)) continue;
            set.push_back(name + "=" + value);
            unset.push_back(name);
        }
        if (set.size() > 3)
            steps.push_back(RunCommand{.argv = set, .may_fail = true, .undo = unset});
    }
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    if (const auto names = told_names(facts); !names.empty() && has_bus(facts)) {
        Argv unset = systemctl({"unset-environment"});
        unset.insert(unset.end(), names.begin(), names.end());
        steps.push_back(RunCommand{.argv = unset, .may_fail = true});
    }
    add_removal(steps, facts, file_of(facts));
    if (is_present(facts, file_of(facts))) steps.push_back(RemoveFolderIfEmpty{folder_of(facts)});
    return steps;
}

}  // namespace

const Layer session_environment{
    "session-environment",
    "session's variables",
    "environment.d: programs that the desktop and systemd start from the next log-in on go through "
    "the edge and trust its CA",
    true,
    false,
    Mode::apps,
    "bundle edge-unit",
    ask,
    judge,
    plan_apply,
    plan_remove};

}  // namespace halton::setup::layers
