// What the layers of `systemd --user` share: paths, questions and the steps of a unit. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

struct UnitState {
    bool is_known = false;   // there was an answer
    bool is_loaded = false;  // it has a file
    bool is_active = false;
    bool needs_reload = false;  // the file has changed since
    std::string sub_state;      // "running", "listening", "failed", ...
    std::string result;         // "success", "start-limit-hit", ...
    int main_pid = 0;
    int restart_count = 0;
};

std::string unit_folder(const Facts& facts);
std::string unit_path(const Facts& facts, std::string_view unit);
// The link by which `enable` starts it: "<folder>/<target>.wants/<unit>".
std::string unit_link(const Facts& facts, std::string_view target, std::string_view unit);

Argv ask_bus();
// Whether the user's systemd can be talked to.
bool has_bus(const Facts& facts);

Argv ask_unit(std::string_view unit);
UnitState read_unit(const Facts& facts, std::string_view unit);

Argv systemctl(std::initializer_list<std::string_view> words);

struct UnitFile {
    std::string_view unit;
    std::string_view target;  // its link; empty: none
    std::string text;
};
// The steps for files and links, with a daemon-reload behind them where any was needed.
std::vector<Step> plan_unit_files(const Facts& facts, const Wish& wish,
                                  const std::vector<UnitFile>& files);
std::vector<Step> plan_unit_removal(const Facts& facts, const std::vector<UnitFile>& files,
                                    bool is_graceful);
Questions ask_units(const Facts& facts, const std::vector<UnitFile>& files);

// Whether the file on disk is there and has this text; and its link.
bool is_unit_right(const Facts& facts, const UnitFile& file);
bool has_unit_file(const Facts& facts, std::string_view unit);

// The program that a unit file starts, as it stands there; empty when there is none.
std::string find_unit_program(std::string_view unit_text);

}  // namespace halton::setup
