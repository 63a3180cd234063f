// Attribution: from facts about the client process to a project slug.
// An ordered chain of pure questions; the first that answers wins, no scoring, no guessing.
// Everything in the facts is somebody else's text: slugs are checked, and what is shown is made
// safe and short first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meter/ide_workspace.h"
#include "meter/sandbox.h"

namespace halton::meter {

class ProjectRegistry;

struct HaltonrcFile {
    std::string folder;
    std::string text;
};

// What the files on the way up from a folder say.
struct ProjectFiles {
    std::vector<HaltonrcFile> haltonrcs;  // nearest first
    // The folder that holds ".git", nearest first found. For a worktree the main repository's; a
    // submodule keeps its own; for a worktree of a bare "name.git" the path without ".git".
    std::string git_directory_parent;
    // Where that ".git" was found: the worktree's own folder.
    std::string git_work_tree;
    std::string git_branch;  // empty: none, or a detached head
};

// An editor at or above the client that names what it has open.
struct IdeWindow {
    int pid = 0;
    std::string ide;  // "Cursor"
    std::vector<WorkspacePath> folders;
    ProjectFiles files;  // of the one local folder, if it is one
};

struct WorkspaceLabel {
    std::string text;
    bool is_argument = false;  // of a helper's command line, else of the client's environment
};

// A process above the client, of the same user and session.
struct Ancestor {
    int pid = 0;
    std::string executable;
    std::string working_directory;
    std::optional<std::string> halton_project;
    ProjectFiles files;
};

// What platform/ could find out about the process behind a client socket. Unknown = empty.
struct ClientProcess {
    int pid = 0;  // 0: not found
    std::uint32_t uid = 0;
    std::string executable;  // base name
    std::string working_directory;
    std::optional<std::string> halton_project;  // HALTON_PROJECT of its environment
    ProjectFiles files;
    std::optional<IdeWindow> ide;
    std::vector<WorkspaceLabel> labels;
    // Looked for only when nothing above them answers; nearest first.
    std::vector<Ancestor> ancestors;
    std::string ancestors_end;  // why there are no more
    ContainerFacts container;   // as ancestors
};

struct Attribution {
    std::string project_slug;
    std::string layer;       // tag of the tier that answered
    std::string folder;      // the folder that goes by that slug, where there is one
    std::string git_branch;  // of the folder that answered, else of the working directory
};

// Never fails: the last tier is `default_project` (a valid slug, config [tagging]). Without a
// registry no label is believed.
Attribution attribute(const ClientProcess& process, std::string_view default_project,
                      const ProjectRegistry* registry = nullptr);

// Whether a tier above the ancestors answers, so that nobody needs to look for them.
bool is_settled_without_ancestors(const ClientProcess& process);

struct LayerAnswer {
    std::string_view tier;   // "4a"
    std::string_view layer;  // "git"
    std::optional<std::string> slug;
    std::string reason;  // one line, safe to show
};

// What every tier says, in their order; the first with a slug is attribute()'s.
std::vector<LayerAnswer> explain(const ClientProcess& process, std::string_view default_project,
                                 const ProjectRegistry* registry = nullptr);

// What .haltonrc files say on capturing bodies: the nearest to the working directory that says it,
// else the nearest to the folder that an editor above has open.
std::optional<bool> find_body_capture(const ClientProcess& process);

// Lower-cases and maps runs of foreign characters to '-', trims; nothing if nothing is left.
// Allowed: a-z 0-9 - _ : / and (inside a generated mac:, docker:, k8s: form) a dot.
std::optional<std::string> to_slug(std::string_view text);

}  // namespace halton::meter
