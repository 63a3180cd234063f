#include "setup/layers/systemd.h"

#include <fmt/format.h>

#include "base/text.h"
#include "setup/layers/parts.h"

namespace halton::setup {
namespace {

// "Key=value" of a line of `systemctl show`.
std::string_view value_of(std::string_view output, std::string_view key) {
    while (!output.empty()) {
        const auto line = output.substr(0, output.find('\n'));
        output.remove_prefix(std::min(line.size() + 1, output.size()));
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=')
            return trim(line.substr(key.size() + 1));
    }
    return {};
}

int number_of(std::string_view output, std::string_view key) {
    return static_cast<int>(parse_decimal(value_of(output, key)).value_or(0));
}

bool is_link_right(const Facts& facts, const UnitFile& file) {
    if (file.target.empty()) return true;
    return facts.file(unit_link(facts, file.target, file.unit)).link_target ==
           unit_path(facts, file.unit);
}

bool has_link(const Facts& facts, const UnitFile& file) {
    if (file.target.empty()) return false;
    const auto& link = facts.file(unit_link(facts, file.target, file.unit));
    return !link.link_target.empty() || link.state != FileFact::State::missing;
}

}  // namespace

std::string unit_folder(const Facts& facts) { return facts.folders.user_config + "/systemd/user"; }

std::string unit_path(const Facts& facts, std::string_view unit) {
    return fmt::format("{}/{}", unit_folder(facts), unit);
}

std::string unit_link(const Facts& facts, std::string_view target, std::string_view unit) {
    return fmt::format("{}/{}.wants/{}", unit_folder(facts), target, unit);
}

Argv systemctl(std::initializer_list<std::string_view> words) {
    Argv argv{"systemctl", "--user"};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

Argv ask_bus() { return systemctl({"show-environment"}); }

bool has_bus(const Facts& facts) {
    const auto& answer = facts.command(ask_bus());
    return answer.started && answer.exit_code == 0;
}

Argv ask_unit(std::string_view unit) {
    return systemctl({"show",
                      "--property=LoadState,ActiveState,SubState,Result,MainPID,NRestarts,"
                      "NeedDaemonReload",
                      unit});
}

UnitState read_unit(const Facts& facts, std::string_view unit) {
    const auto& answer = facts.command(ask_unit(unit));
    UnitState state;
    if (!answer.started || answer.exit_code != 0) return state;
    state.is_known = true;
    state.is_loaded = value_of(answer.output, "LoadState") == "loaded";
    const auto active = value_of(answer.output, "ActiveState");
    state.is_active = active == "active" || active == "activating" || active == "reloading";
    state.sub_state = value_of(answer.output, "SubState");
    state.result = value_of(answer.output, "Result");
    state.main_pid = number_of(answer.output, "MainPID");
    state.restart_count = number_of(answer.output, "NRestarts");
    state.needs_reload = value_of(answer.output, "NeedDaemonReload") == "yes";
    return state;
}

Questions ask_units(const Facts& facts, const std::vector<UnitFile>& files) {
    Questions questions{.commands = {ask_bus()}};
    for (const auto& file : files) {
        questions.files.push_back(unit_path(facts, file.unit));
        if (!file.target.empty())
            questions.files.push_back(unit_link(facts, file.target, file.unit));
        if (has_bus(facts)) questions.commands.push_back(ask_unit(file.unit));
    }
    return questions;
}

bool has_unit_file(const Facts& facts, std::string_view unit) {
    return facts.file(unit_path(facts, unit)).state != FileFact::State::missing;
}

bool is_unit_right(const Facts& facts, const UnitFile& file) {
    const auto& present = facts.file(unit_path(facts, file.unit));
    return present.state == FileFact::State::present && present.text == file.text &&
           is_link_right(facts, file);
}

std::vector<Step> plan_unit_files(const Facts& facts, const Wish& wish,
                                  const std::vector<UnitFile>& files) {
    std::vector<Step> steps;
    bool needs_reload = false;
    for (const auto& file : files) {
        needs_reload |= read_unit(facts, file.unit).needs_reload;
        const auto before = steps.size();
        add_file(steps, facts, unit_path(facts, file.unit), file.text, 0644, wish);
        const bool is_written = steps.size() > before;
        if (is_written)
            steps.insert(steps.begin() + static_cast<long>(before),
                         MakeFolder{unit_folder(facts), 0755});
        if (!is_link_right(facts, file)) {
            const auto link = unit_link(facts, file.target, file.unit);
            steps.push_back(MakeFolder{parent_of(link), 0755});
            steps.push_back(MakeLink{link, unit_path(facts, file.unit)});
        }
    }
    if (!steps.empty() || needs_reload) steps.push_back(RunCommand{systemctl({"daemon-reload"})});
    return steps;
}

std::vector<Step> plan_unit_removal(const Facts& facts, const std::vector<UnitFile>& files,
                                    bool is_graceful) {
    std::vector<Step> steps;
    bool is_any_there = false;
    for (const auto& file : files) {
        if (has_link(facts, file)) {
            const auto link = unit_link(facts, file.target, file.unit);
            steps.push_back(RemoveFile{link});
            steps.push_back(RemoveFolderIfEmpty{parent_of(link)});
        }
        add_removal(steps, facts, unit_path(facts, file.unit));
    }
    is_any_there = !steps.empty();
    if (is_any_there) steps.push_back(RemoveFolderIfEmpty{unit_folder(facts)});
    // Unloaded units with a running process would lose their restarts.
    if (is_any_there && !is_graceful && has_bus(facts))
        steps.push_back(RunCommand{.argv = systemctl({"daemon-reload"}), .may_fail = true});
    return steps;
}

std::string find_unit_program(std::string_view unit_text) {
    auto rest = value_of(unit_text, "ExecStart");
    if (rest.empty()) return {};
    if (rest.front() != '"') return std::string(rest.substr(0, rest.find(' ')));
    std::string program;
    for (std::size_t i = 1; i < rest.size() && rest[i] != '"'; ++i) {
        if ((rest[i] == '\\' || rest[i] == '%') && i + 1 < rest.size()) ++i;
        program += rest[i];
    }
    return program;
}

}  // namespace halton::setup
