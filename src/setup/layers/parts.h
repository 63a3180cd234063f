// Small things that several layers say and ask. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

Finding good();
Finding off(std::string detail);
Finding unknown(std::string code, std::string detail, std::string action = {});
Finding odd(std::string code, std::string detail, std::string action);
Finding broken(std::string code, std::string detail, std::string action);

bool is_present(const Facts& facts, std::string_view path);

// Whether the recorded mode reaches as far as `from`; false where nothing is installed.
bool is_wanted(const Facts& facts, Mode from);

// "halton-meter init", "halton-meter init --apps", ...: what sets the recorded mode up again.
std::string init_command(const Facts& facts);

// Somebody else listens there: not us, not our supervisor for us.
bool is_strangers_port(const Facts& facts, std::uint16_t port);
// Whether that listener is this program, by the name of its executable and its user.
bool is_our_program(const Facts& facts, const ListenerFact& listener);

// The ports of config.toml that init last chose by: a change there is a wish, anything else is not.
std::string configured_ports_file(const Facts& facts);
std::string configured_ports_text(const Facts& facts);

std::string root_file(const Facts& facts);  // of our CA
// The daemon that runs: from another program file than the installed one; with another CA than the
// one on disk.
bool is_of_another_program(const Facts& facts);
bool has_old_root(const Facts& facts);
// It answers, and is neither.
bool is_daemon_well(const Facts& facts);

// "program x, pid 7, uid 1000" of a listener, as far as known.
std::string describe_listener(const ListenerFact& listener);

// A WriteFile when the file is not there, has another text, or all is written anew.
void add_file(std::vector<Step>& steps, const Facts& facts, const std::string& path,
              std::string text, unsigned permissions, const Wish& wish);
// A RemoveFile when there is one.
void add_removal(std::vector<Step>& steps, const Facts& facts, const std::string& path);

// The folder of a path.
std::string parent_of(std::string_view path);

}  // namespace halton::setup
