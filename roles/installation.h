// What the verbs of the life cycle share: looking at the machine, printing and carrying out plans.
// Blocking. Nothing is decided here: that is src/setup/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/apply.h"
#include "platform/command_runner.h"
#include "platform/files.h"
#include "platform/home.h"
#include "setup/layers.h"

namespace halton::roles {

class Installation {
public:
    // Errors: not_found (no home directory).
    static Result<Installation> find();

    // One verb at a time changes an installation. Where there is no data folder yet, and it is not
    // to be made, there is nothing to wait for. Errors: timeout, permission, io.
    Result<std::optional<platform::FileLock>> take_turn(bool makes_home);

    // Looks at the machine anew. `chooses_ports`: ports that strangers hold are given up.
    setup::Facts look(bool chooses_ports);

    struct Done {
        int failed_count = 0;
        bool was_refused = false;  // an administrator was needed, and the plan cannot do without
    };
    enum class OnFailure { stop, go_on };
    // Prints a line for each step. With `stop` the first failure ends the run.
    Done carry_out(const setup::Facts& facts, const setup::Plan& plan, OnFailure on_failure,
                   bool may_ask, bool is_quiet = false);
    // Takes back what carry_out() has changed until now.
    void take_back();

    const platform::Home& home() const { return home_; }

private:
    explicit Installation(platform::Home home) : home_(std::move(home)) {}

    platform::Home home_;
    std::unique_ptr<platform::SystemCommandRunner> runner_ =
        std::make_unique<platform::SystemCommandRunner>();
    std::unique_ptr<platform::Applier> applier_;
};

// "  [edge service] write /home/..." a line; what `--dry-run` prints.
std::string to_text(const setup::Plan& plan);

// A mark in front of a line, as the terminal can show it.
std::string_view good_mark();
std::string_view bad_mark();

}  // namespace halton::roles
