#include "setup/layer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::setup {
namespace {

// As one would type it: only what a shell would take apart is quoted.
std::string to_shown(const Argv& argv) {
    std::string line;
    for (const auto& word : argv) {
        const bool is_plain =
            !word.empty() && word.find_first_not_of(
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_-+=./:,@%~") == std::string::npos;
        if (!line.empty()) line += ' ';
        line += is_plain ? word : quote_for_shell(word);
    }
    return line;
}

struct Describer {
    std::string operator()(const MakeFolder& step) const {
        return fmt::format("make the folder {}", step.path);
    }
    std::string operator()(const WriteFile& step) const {
        return fmt::format("write {} ({} bytes)", step.path, step.text.size());
    }
    std::string operator()(const SetPermissions& step) const {
        return fmt::format("set the permissions of {} to {:04o}", step.path, step.permissions);
    }
    std::string operator()(const MakeLink& step) const {
        return fmt::format("link {} to {}", step.path, step.target);
    }
    std::string operator()(const RemoveFile& step) const {
        return fmt::format("remove {}", step.path);
    }
    std::string operator()(const RemoveFolderIfEmpty& step) const {
        return fmt::format("remove {} if we made it and nothing else is in it", step.path);
    }
    std::string operator()(const ClearFolder& step) const {
        return step.kept.empty() ? fmt::format("delete {}", step.path)
                                 : fmt::format("delete what is in {}, except {}", step.path,
                                               fmt::join(step.kept, ", "));
    }
    std::string operator()(const RecordPorts& step) const {
        return fmt::format("note the ports: edge {}, intercept {}, API {}", step.ports.edge_port,
                           step.ports.internal_port, step.ports.api_port);
    }
    std::string operator()(const RunCommand& step) const {
        return fmt::format("run: {}", to_shown(step.argv));
    }
    std::string operator()(const AskAdmin& step) const {
        return fmt::format("run as root: {} ({})", to_shown(step.argv), step.why);
    }
    std::string operator()(const MakeAuthority&) const {
        return "make the local CA, unless there is one that fits";
    }
    std::string operator()(const MakeBundle&) const {
        return "bring ca-bundle.pem up to date: the system's roots, yours and ours";
    }
    std::string operator()(const StartProcess& step) const {
        return fmt::format("start the {} as a process of its own", step.role);
    }
    std::string operator()(const StopProcess& step) const {
        return fmt::format("stop the {}, process {}", step.role, step.pid);
    }
    std::string operator()(const AwaitHealth& step) const {
        return fmt::format("wait until the daemon is healthy (at most {} s)",
                           (step.limit_ms + 999) / 1000);
    }
    std::string operator()(const AwaitPort& step) const {
        return fmt::format("wait until 127.0.0.1:{} is open (at most {} s)", step.port,
                           (step.limit_ms + 999) / 1000);
    }
    std::string operator()(const Notify& step) const { return fmt::format("say: {}", step.text); }
};

}  // namespace

std::string quote_for_shell(std::string_view word) {
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

std::string describe(const Step& step) {
    // A path may hold anything, and this goes to a terminal.
    return to_safe_text(std::visit(Describer{}, step), 1000);
}

std::vector<std::string_view> split_ids(std::string_view text) {
    std::vector<std::string_view> words;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) words.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

}  // namespace halton::setup
