// Facts of this machine for setup/: the answers to what its layers ask.
// Fails: never; what cannot be found out is a value. Limits: setup_look_time for a command,
// setup_file_bytes_max for a file, setup_ask_rounds. Blocking.
#pragma once

#include "config/config.h"
#include "platform/command_runner.h"
#include "platform/home.h"
#include "setup/machine.h"

namespace halton::platform {

// Who and where we are, the ports in force, no answers yet.
setup::Facts make_facts(const Home& home, const config::Config& config);

// The program's path as it goes into supervisor files: the name by which PATH finds this very
// file, where there is one (a link that outlives versions), else the file itself.
std::string find_own_program();

// Asks and answers until nothing new is asked.
void gather(setup::Facts& facts, CommandRunner& runner);

setup::FileFact look_at_file(const std::string& path);
setup::ListenerFact look_at_port(std::uint16_t port, const setup::Facts& facts);

}  // namespace halton::platform
