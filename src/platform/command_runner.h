// CommandRunner: the port through which set-up runs other programs (`systemctl`, `gsettings`, ...).
// The real one starts them; tests play recorded output (tests/support/recorded_runner.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "platform/environment.h"
#include "setup/machine.h"

namespace halton::platform {

class CommandRunner {
public:
    virtual ~CommandRunner() = default;
    // Fails as a value: `started` false where there is no such program; one that takes longer than
    // `limit` is killed and has exit code 124, as timeout(1) has it.
    virtual setup::CommandFact run(const setup::Argv& argv, std::chrono::milliseconds limit) = 0;
    // With the user's terminal, to ask for a password.
    virtual setup::CommandFact run_attended(const setup::Argv& argv) = 0;
};

// With our environment; where it names no XDG_RUNTIME_DIR (an SSH session, su) and the usual folder
// is there, that one, since the user's systemd and bus are found through it.
class SystemCommandRunner final : public CommandRunner {
public:
    SystemCommandRunner();
    setup::CommandFact run(const setup::Argv& argv, std::chrono::milliseconds limit) override;
    setup::CommandFact run_attended(const setup::Argv& argv) override;

private:
    Environment environment_;
};

}  // namespace halton::platform
