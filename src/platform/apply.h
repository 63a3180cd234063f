// Carries out steps of setup/layer.h. Each step looks first and changes only what is different, so
// a plan may be carried out again after it was cut off anywhere.
// In:    one step at a time. Out: a report for each; what can be taken back is remembered.
// Fails: as a report; whether to go on is the caller's choice.
// Limits: setup_change_time for a command. Blocking. Owner: one verb.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "platform/command_runner.h"
#include "platform/home.h"
#include "setup/layer.h"

namespace halton::platform {

struct StepReport {
    enum class Outcome { done, unchanged, failed };
    Outcome outcome = Outcome::done;
    std::string detail;  // why it failed, or what to do by hand
};

class Applier {
public:
    struct Settings {
        bool may_ask = true;  // for a password; false with --non-interactive
        setup::Folders folders;
        std::uint32_t uid = 0;
    };

    // `runner` outlives it.
    Applier(CommandRunner& runner, const Home& home, Settings settings);

    StepReport apply(const setup::Step& step);

    // Takes back what apply() has changed, the last first; gives the steps' reports.
    std::vector<StepReport> undo();
    // Forgets it: the run was good.
    void keep() { undo_.clear(); }

private:
    StepReport carry_out(const setup::MakeFolder& step);
    StepReport carry_out(const setup::WriteFile& step);
    StepReport carry_out(const setup::SetPermissions& step);
    StepReport carry_out(const setup::MakeLink& step);
    StepReport carry_out(const setup::RemoveFile& step);
    StepReport carry_out(const setup::RemoveFolderIfEmpty& step);
    StepReport carry_out(const setup::ClearFolder& step);
    StepReport carry_out(const setup::RecordPorts& step);
    StepReport carry_out(const setup::RunCommand& step);
    StepReport carry_out(const setup::AskAdmin& step);
    StepReport carry_out(const setup::MakeAuthority& step);
    StepReport carry_out(const setup::MakeBundle& step);
    StepReport carry_out(const setup::StartProcess& step);
    StepReport carry_out(const setup::StopProcess& step);
    StepReport carry_out(const setup::AwaitHealth& step);
    StepReport carry_out(const setup::AwaitPort& step);
    StepReport carry_out(const setup::Notify& step);

    // What stands at a path now, to be put back.
    void remember_file(const std::string& path);
    void remember(std::function<StepReport()> undo) { undo_.push_back(std::move(undo)); }
    StepReport run_as_root(const setup::Argv& argv, bool tries_alone_first);

    std::vector<std::string> read_made_folders() const;
    Result<void> write_made_folders(const std::vector<std::string>& folders) const;
    bool is_in_data(const std::string& path) const;

    CommandRunner& runner_;
    Home home_;
    Settings settings_;
    std::vector<std::function<StepReport()>> undo_;
};

// Whether `pid` is a process of this user whose program has our program's name.
bool is_own_role(int pid, const std::string& own_program);

// Asks a role of ours to end, and after role_stop_time ends it. False: it is not ours, or stays.
bool stop_own_role(int pid, const std::string& own_program);

}  // namespace halton::platform
