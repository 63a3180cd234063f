// What the layers share that set tools' variables. Pure.
#pragma once

#include <string>

#include "setup/layer.h"
#include "setup/run_environment.h"

namespace halton::setup {

// The variables of an installation: those of `halton-meter run`, without anything of the caller's.
Variables tool_variables(const Facts& facts);

// The user's own HTTPS_PROXY, when it leads elsewhere and config.toml does not name it as the
// upstream: setting ours would cut the user off. Empty otherwise. As "host:port".
std::string find_blocking_proxy(const Facts& facts);

// What to do about that.
std::string advise_on_proxy(const Facts& facts, const std::string& proxy);

// Files to ask for, so that tool_variables() can tell.
Questions ask_environment(const Facts& facts);

}  // namespace halton::setup
