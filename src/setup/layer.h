// An installation is a stack of layers: certificate, bundle, supervisor entries, environment, rc
// block, system proxy, ... One ordered table of them (layers.h) serves `init` (apply, top down),
// `uninstall` and `rescue` (remove, bottom up), `doctor` and `status` (judge) and the printed
// documentation. Everything here is pure: facts in, findings and steps out.
#pragma once

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

// Steps are carried out in order by platform/apply.h, each only when it changes something.
struct MakeFolder {
    std::string path;
    unsigned permissions;
};
struct WriteFile {
    std::string path;
    std::string text;
    unsigned permissions;
};  // atomic
struct RemoveFile {
    std::string path;
};  // an absent one is fine
struct RemoveFolderIfEmpty {
    std::string path;
};
struct RunCommand {
    Argv argv;
    bool may_fail = false;  // "already gone" is an answer
    int tries = 1;          // a label that is still being freed: once every half second
};
struct AskAdmin {
    Argv argv;
    std::string why;
};                        // shown, then run through sudo or a dialog
struct MakeAuthority {};  // the CA, when there is none (platform/authority_files.h)
struct MakeBundle {};     // ca.pem and ca-bundle.pem
struct AwaitHealth {
    int limit_ms;
};  // until the daemon answers 200
struct Notify {
    std::string text;
};  // one line for the user
using Step = std::variant<MakeFolder, WriteFile, RemoveFile, RemoveFolderIfEmpty, RunCommand,
                          AskAdmin, MakeAuthority, MakeBundle, AwaitHealth, Notify>;

std::string describe(const Step& step);  // one line, for --dry-run and --fix

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
};

}  // namespace halton::setup
