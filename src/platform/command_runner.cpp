#include "platform/command_runner.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/limits.h"
#include "platform/process.h"

namespace halton::platform {
namespace {

constexpr int timed_out = 124;

setup::CommandFact to_fact(const Result<Finished>& finished) {
    setup::CommandFact fact;
    if (!finished) {
        fact.started = finished.error().kind == ErrorKind::timeout;
        fact.exit_code = fact.started ? timed_out : 127;
        fact.output = finished.error().context;
        return fact;
    }
    fact.started = true;
    fact.exit_code = finished->exit_code;
    fact.output = finished->output;
    if (finished->exit_code != 0) fact.output += finished->errors;
    return fact;
}

}  // namespace

SystemCommandRunner::SystemCommandRunner() : environment_(read_environment()) {
    const auto usual = fmt::format("/run/user/{}", own_uid());
    std::error_code ignored;
    if (!environment_.contains("XDG_RUNTIME_DIR") && std::filesystem::is_directory(usual, ignored))
        environment_["XDG_RUNTIME_DIR"] = usual;
    // Answers are read by us: in one language, without a pager or colours.
    environment_["LC_ALL"] = "C";
    environment_["SYSTEMD_PAGER"] = "";
    environment_["SYSTEMD_COLORS"] = "0";
}

setup::CommandFact SystemCommandRunner::run(const setup::Argv& argv,
                                            std::chrono::milliseconds limit) {
    return to_fact(run_program(argv, environment_, static_cast<int>(limit.count())));
}

setup::CommandFact SystemCommandRunner::run_attended(const setup::Argv& argv) {
    return to_fact(run_program(argv, environment_, 0, true));
}

}  // namespace halton::platform
