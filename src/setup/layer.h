// An installation is a stack of layers: certificate, bundle, supervisor entries, environment, rc
// block, system proxy, ... One ordered table of them (layers.h) serves `init` (apply, top down),
// `uninstall` and `rescue` (remove, bottom up), `doctor` and `status` (judge) and the printed
// documentation. Everything here is pure: facts in, findings and steps out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "setup/machine.h"

namespace halton::setup {

// What is to be: an argument of planning. The mode says which layers are wanted.
struct Wish {
    Mode mode = Mode::env_only;
    bool with_shell_rc = true;  // `--no-shell-rc`
    bool from_scratch = false;  // `--clean`: write also what looks right already
    bool is_graceful = false;   // uninstall only: the edge stays until the next reboot
};

// Steps are carried out in order by platform/apply.h, each only when it changes something, so that
// a plan can be carried out again after it was cut off anywhere.

// With its missing parents. What is made outside of the data folder is noted there.
struct MakeFolder {
    std::string path;
    unsigned permissions = 0755;
};
// Atomic, through symbolic links. `permissions` 0: those that it has, 0644 for a new one.
struct WriteFile {
    std::string path;
    std::string text;
    unsigned permissions = 0644;
};
struct SetPermissions {
    std::string path;
    unsigned permissions = 0600;
};
struct MakeLink {
    std::string path;
    std::string target;
};
// An absent one is fine.
struct RemoveFile {
    std::string path;
    std::string only_without{};  // a note stays as long as that file, which it tells of, is there
};
// Only if MakeFolder made it; with its parents, as far as that holds for them.
struct RemoveFolderIfEmpty {
    std::string path;
};
// Everything in it but these names, and the folder when nothing is left.
struct ClearFolder {
    std::string path;
    std::vector<std::string> kept;
};
// Into effective-ports.json, which edge and daemon write as well.
struct RecordPorts {
    config::EffectivePorts ports;
};
struct RunCommand {
    Argv argv;
    bool may_fail = false;  // "already gone" is an answer
    int tries = 1;          // a label that is still being freed: once every half second
    Argv undo{};            // takes it back when a later step fails
};
// Shown, then run as root through sudo or a dialog.
struct AskAdmin {
    Argv argv;
    std::string why;
    bool may_fail = false;
    bool tries_alone_first = false;  // the system lets many users do this without being root
    Argv undo{};
};
struct MakeAuthority {};  // the CA, when there is none (platform/authority_files.h)
struct MakeBundle {};     // ca-bundle.pem, with the roots that the user's own variables name
// Where no supervisor is: a role as a process of its own, which outlives us.
struct StartProcess {
    std::string role;  // "edge", "daemon"
    Argv flags{};
};
// SIGTERM, later SIGKILL; only while that pid is this program.
struct StopProcess {
    int pid = 0;
    std::string role;
};
struct AwaitHealth {
    int limit_ms = 0;
};  // until the daemon answers 200
struct AwaitPort {
    std::uint16_t port = 0;
    int limit_ms = 0;
};  // until somebody accepts there
struct Notify {
    std::string text;
};  // one line for the user
using Step =
    std::variant<MakeFolder, WriteFile, SetPermissions, MakeLink, RemoveFile, RemoveFolderIfEmpty,
                 ClearFolder, RecordPorts, RunCommand, AskAdmin, MakeAuthority, MakeBundle,
                 StartProcess, StopProcess, AwaitHealth, AwaitPort, Notify>;

std::string describe(const Step& step);  // one line, for --dry-run and --fix

// 'word' in single quotes, whatever is in it: for commands to paste and for rc blocks.
std::string quote_for_shell(std::string_view word);

enum class Health {
    good,
    off,      // not wanted by the mode, or stopped on purpose; not a fault
    unknown,  // could not be found out (no bus, no permission); said, not counted
    odd,      // works, but disagrees with the recorded mode
    broken,   // calls fail, or would
};

struct Finding {
    Health health = Health::good;
    std::string code;    // stable, for scripts: "edge.not_listening"; empty when good
    std::string detail;  // one line
    std::string action;  // one command to paste; empty when there is nothing to do
};

struct Layer {
    std::string_view id;       // "edge-unit"
    std::string_view title;    // "edge service"
    std::string_view purpose;  // one sentence for the printed documentation
    bool on_linux;
    bool on_macos;
    Mode from;                    // the least mode that wants it
    std::string_view depends_on;  // ids with blanks between: their fault explains ours
    // Called again until it asks nothing new (at most limits::setup_ask_rounds), since an answer
    // may lead to the next question.
    Questions (*ask)(const Facts&);
    Finding (*judge)(const Facts&);
    std::vector<Step> (*plan_apply)(const Facts&, const Wish&);
    std::vector<Step> (*plan_remove)(const Facts&, const Wish&);
    // `start`, top down, and `stop`, bottom up; null for layers that do not run.
    std::vector<Step> (*plan_start)(const Facts&) = nullptr;
    std::vector<Step> (*plan_stop)(const Facts&) = nullptr;
};

// The ids in a `depends_on`.
std::vector<std::string_view> split_ids(std::string_view depends_on);

}  // namespace halton::setup
