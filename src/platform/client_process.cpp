#include "platform/client_process.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/limits.h"
#include "platform/process.h"
#include "platform/process_facts.h"
#include "platform/project_files.h"

namespace halton::platform {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> variable_names{
    "HALTON_PROJECT", "CURSOR_WORKSPACE_LABEL", "VSCODE_WORKSPACE_LABEL",
    "WINDSURF_WORKSPACE_LABEL", "VSCODE_PROCESS_TITLE"};
constexpr std::size_t title_variable = 4;

std::string base_name(const std::string& path) { return fs::path(path).filename().string(); }

// The processes above one, nearest first, of the same user.
struct Line {
    std::vector<ProcessStatus> above;
    std::size_t same_session_count = 0;
    std::string end;  // what stopped the walk inside of the session
};

Line read_line(const ProcessStatus& client) {
    Line line;
    bool is_same_session = true;
    const auto stop = [&](std::string why) {
        if (line.end.empty()) line.end = std::move(why);
    };
    int pid = client.parent_pid;
    while (true) {
        if (line.above.size() >= static_cast<std::size_t>(limits::ancestor_count_max)) {
            stop(fmt::format("{} steps", limits::ancestor_count_max));
            break;
        }
        if (pid <= 1) {
            stop("the first process");
            break;
        }
        auto status = read_process_status(pid);
        if (!status) {
            stop("a process that has ended");
            break;
        }
        if (status->uid != client.uid) {
            stop("another user's process");
            break;
        }
        is_same_session = is_same_session && status->session_id == client.session_id;
        if (!is_same_session) stop("another session");
        line.same_session_count += is_same_session;
        pid = status->parent_pid;
        line.above.push_back(std::move(*status));
    }
    return line;
}

// A bare argument is a folder if there is one. What is remote cannot be looked at.
std::vector<meter::WorkspacePath> keep_folders(std::vector<meter::WorkspacePath> found) {
    std::erase_if(found, [](const meter::WorkspacePath& path) {
        std::error_code ignored;
        return path.is_bare && !path.is_remote && !fs::is_directory(path.folder, ignored);
    });
    return found;
}

// An editor's terminals are sessions of their own, so the whole line is asked, not only the
// session. The nearest process that names a folder speaks.
void read_editors(const ProcessStatus& client, const Line& line, meter::ClientProcess& process) {
    const auto ask = [&](const ProcessStatus& status) {
        auto ide = meter::ide_of(status.name);
        if (ide.empty()) ide = meter::ide_of(base_name(read_executable(status.pid)));
        if (ide.empty()) return;
        const auto arguments = read_arguments(status.pid);
        for (auto& label : meter::find_labels(arguments))
            if (process.labels.size() < limits::workspace_label_count_max)
                process.labels.push_back({std::move(label), true});
        if (process.ide) return;
        auto folders =
            keep_folders(meter::find_workspaces(arguments, read_working_directory(status.pid)));
        if (!folders.empty()) process.ide = {status.pid, std::string(ide), std::move(folders), {}};
    };
    ask(client);
    for (const auto& status : line.above) ask(status);
}

// Whether there was anything to read.
bool read_own_words(const ProcessStatus& client, meter::ClientProcess& process) {
    auto values = read_variables(client.pid, variable_names);
    if (values.empty()) return false;
    process.halton_project = std::move(values[0]);
    for (std::size_t i = 1; i < values.size(); ++i) {
        if (!values[i]) continue;
        auto label =
            i == title_variable ? meter::parse_title_label(*values[i]) : std::move(values[i]);
        if (label && !label->empty()) process.labels.push_back({std::move(*label), false});
    }
    return true;
}

void read_editor_files(meter::ClientProcess& process) {
    auto& ide = process.ide;
    if (ide && ide->folders.size() == 1 && !ide->folders.front().is_remote)
        ide->files = read_project_files(ide->folders.front().folder, {});
}

void read_ancestors(const Line& line, meter::ClientProcess& process) {
    process.ancestors_end = line.end;
    for (std::size_t i = 0; i < line.same_session_count; ++i) {
        const int pid = line.above[i].pid;
        meter::Ancestor ancestor;
        ancestor.pid = pid;
        ancestor.executable = base_name(read_executable(pid));
        ancestor.working_directory = read_working_directory(pid);
        auto values = read_variables(pid, std::span(variable_names).first(1));
        if (!values.empty()) ancestor.halton_project = std::move(values.front());
        ancestor.files = read_project_files(ancestor.working_directory, read_file_root(pid));
        process.ancestors.push_back(std::move(ancestor));
    }
}

}  // namespace

Result<meter::ClientProcess> ClientProcesses::read(int pid, Wanted wanted) {
    const auto status = read_process_status(pid);
    if (!status) return fail(status.error());
    if (status->uid != own_uid())
        return fail(ErrorKind::permission,
                    fmt::format("process {} belongs to uid {}", pid, status->uid));
    const auto now = std::chrono::steady_clock::now();
    const auto executable = read_executable(pid);
    const auto working_directory = read_working_directory(pid);
    std::erase_if(known_, [&](const Known& known) {
        return now - known.read_at > limits::process_facts_age_max ||
               (known.process.pid == pid &&
                (known.started != status->started || known.executable != executable ||
                 known.process.working_directory != working_directory));
    });
    auto known = std::find_if(known_.begin(), known_.end(),
                              [&](const Known& entry) { return entry.process.pid == pid; });
    std::optional<Line> line;
    meter::ClientProcess process;
    if (known != known_.end()) {
        process = known->process;
    } else {
        // First what vanishes with the process, then what stays on disk.
        process.pid = pid;
        process.uid = status->uid;
        process.executable = base_name(executable);
        process.working_directory = working_directory;
        const bool has_words = read_own_words(*status, process);
        line = read_line(*status);
        read_editors(*status, *line, process);
        // A program that is just being loaded says nothing yet: it is asked again.
        if (has_words) {
            known_.push_front({status->started, executable, now, process});
            if (known_.size() > limits::process_facts_count_max) known_.pop_back();
            known = known_.begin();
        }
    }
    const auto file_root = read_file_root(pid);
    process.files = read_project_files(working_directory, file_root);
    read_editor_files(process);
    const bool has_ancestors = !process.ancestors_end.empty();
    if (!has_ancestors && (wanted == Wanted::all || !is_settled_without_ancestors(process))) {
        if (!line) line = read_line(*status);
        read_ancestors(*line, process);
        process.container = read_container_facts(pid, file_root);
        if (known != known_.end()) {
            known->process.ancestors = process.ancestors;
            known->process.ancestors_end = process.ancestors_end;
            known->process.container = process.container;
        }
    }
    return process;
}

}  // namespace halton::platform
