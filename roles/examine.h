// Everything that `doctor` looks at: the layers of the installation, what runs, and the tools that
// run beside it. Looks only. Blocking: takes a second, starts programs.
#pragma once

#include <string_view>

#include "platform/command_runner.h"
#include "platform/home.h"
#include "roles/doctor_text.h"
#include "setup/layers.h"

namespace halton::roles {

// "linux", "macos".
std::string_view to_text(setup::System system);

struct Examined {
    setup::Facts facts;
    DoctorReport report;
};

// Who looks: a person's shell is looked at as well, the daemon's own environment is nobody's.
enum class Viewpoint { shell, daemon };

Examined examine(const platform::Home& home, platform::CommandRunner& runner,
                 Viewpoint from = Viewpoint::shell);

}  // namespace halton::roles
