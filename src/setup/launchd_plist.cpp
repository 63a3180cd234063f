#include "setup/launchd_plist.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::setup {
namespace {

// What the supervisor grants the daemon between SIGTERM and SIGKILL; Limits::drain and flush fit.
constexpr int daemon_exit_s = 30;
// The least that launchd lets pass between two starts; its default of 10 would leave connections
// waiting in the queue for as long.
constexpr int edge_throttle_s = 1;
// The limit of a launchd agent is 256 descriptors; what every supported system grants a process.
constexpr int descriptor_count = 24'576;

class Plist {
public:
    Plist& key(std::string_view name) { return line(fmt::format("<key>{}</key>", name)); }
    Plist& text(std::string_view value) {
        return line(fmt::format("<string>{}</string>", escape_xml(value)));
    }
    Plist& number(int value) { return line(fmt::format("<integer>{}</integer>", value)); }
    Plist& yes() { return line("<true/>"); }
    Plist& begin(std::string_view element) {
        line(fmt::format("<{}>", element));
        ++depth_;
        return *this;
    }
    Plist& end(std::string_view element) {
        --depth_;
        return line(fmt::format("</{}>", element));
    }
    const std::string& finish() { return text_ += "</plist>\n"; }

private:
    Plist& line(std::string_view content) {
        text_.append(static_cast<std::size_t>(depth_), '\t').append(content) += '\n';
        return *this;
    }

    std::string text_ =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
        "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
        "<plist version=\"1.0\">\n";
    int depth_ = 0;
};

std::string domain_of(std::uint32_t uid) { return fmt::format("gui/{}", uid); }
std::string target_of(std::uint32_t uid, Agent agent) {
    return fmt::format("gui/{}/{}", uid, label_of(agent));
}

}  // namespace

std::string_view label_of(Agent agent) {
    switch (agent) {
        case Agent::edge: return "com.haltonlabs.meter.edge";
        case Agent::daemon: return "com.haltonlabs.meter";
        case Agent::watchdog: return "com.haltonlabs.meter.watchdog";
        case Agent::userenv: return "com.haltonlabs.meter.userenv";
    }
    return {};
}

std::string_view verb_of(Agent agent) {
    switch (agent) {
        case Agent::edge: return "edge";
        case Agent::daemon: return "daemon";
        case Agent::watchdog: return "watchdog";
        case Agent::userenv: return "userenv";
    }
    return {};
}

std::string plist_path(const Folders& folders, Agent agent) {
    return fmt::format("{}/Library/LaunchAgents/{}.plist", folders.user_home, label_of(agent));
}

std::string escape_xml(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '&': escaped += "&amp;"; break;
            case '<': escaped += "&lt;"; break;
            case '>': escaped += "&gt;"; break;
            case '"': escaped += "&quot;"; break;
            default:
                escaped += static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' ? '?' : c;
        }
    }
    return escaped;
}

std::string make_plist(const Folders& folders, Agent agent, std::uint16_t edge_port) {
    const auto verb = verb_of(agent);
    Plist plist;
    plist.begin("dict").key("Label").text(label_of(agent));
    plist.key("ProgramArguments").begin("array").text(folders.program).text(verb).end("array");
    // A home of its own has to be told, since launchd starts us with a plain environment.
    if (folders.data != folders.user_home + "/.halton-meter")
        plist.key("EnvironmentVariables")
            .begin("dict")
            .key("HALTON_METER_HOME")
            .text(folders.data)
            .end("dict");
    if (agent == Agent::edge || agent == Agent::userenv) plist.key("RunAtLoad").yes();
    if (agent == Agent::edge) {
        plist.key("KeepAlive").yes();
        plist.key("ThrottleInterval").number(edge_throttle_s);
        plist.key("Sockets").begin("dict").key("edge").begin("dict");
        plist.key("SockFamily").text("IPv4");
        plist.key("SockNodeName").text("127.0.0.1");
        plist.key("SockServiceName").text(fmt::format("{}", edge_port));
        plist.key("SockType").text("stream");
        plist.end("dict").end("dict");
    }
    if (agent == Agent::daemon) plist.key("ExitTimeOut").number(daemon_exit_s);
    if (agent == Agent::edge || agent == Agent::daemon) {
        // Calls of a person at work wait for us: no background throttling.
        plist.key("ProcessType").text("Interactive");
        for (const auto* limit : {"SoftResourceLimits", "HardResourceLimits"})
            plist.key(limit)
                .begin("dict")
                .key("NumberOfFiles")
                .number(descriptor_count)
                .end("dict");
    }
    plist.key("StandardOutPath").text(fmt::format("{}/{}.out.log", folders.data, verb));
    plist.key("StandardErrorPath").text(fmt::format("{}/{}.err.log", folders.data, verb));
    plist.end("dict");
    return plist.finish();
}

Argv print_command(std::uint32_t uid, Agent agent) {
    return {"launchctl", "print", target_of(uid, agent)};
}

Argv bootstrap_command(const Folders& folders, std::uint32_t uid, Agent agent) {
    return {"launchctl", "bootstrap", domain_of(uid), plist_path(folders, agent)};
}

Argv bootout_command(std::uint32_t uid, Agent agent) {
    return {"launchctl", "bootout", target_of(uid, agent)};
}

Argv kickstart_command(std::uint32_t uid, Agent agent) {
    return {"launchctl", "kickstart", target_of(uid, agent)};
}

Argv restart_command(std::uint32_t uid, Agent agent) {
    return {"launchctl", "kickstart", "-k", target_of(uid, agent)};
}

AgentState read_agent_state(const CommandFact& printed) {
    AgentState state;
    if (!printed.started) return state;
    if (printed.exit_code != 0) {
        // 113. Other failures (no domain for this user) say nothing about the agent.
        if (printed.output.find("Could not find service") != std::string::npos)
            state.kind = AgentState::Kind::absent;
        return state;
    }
    state.kind = AgentState::Kind::loaded;
    // "label = {", then "key = value" a line; values of inner braces are not the agent's own.
    int depth = 0;
    std::string_view rest = printed.output;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line == "}") --depth;
        if (const auto equals = line.find(" = "); depth == 1 && equals != std::string_view::npos) {
            const auto key = line.substr(0, equals);
            const auto value = trim(line.substr(equals + 3));
            const auto number = parse_decimal(value);
            if (key == "program") state.program = value;
            if (key == "pid" && number && *number > 0 && *number < 1'000'000'000)
                state.pid = static_cast<int>(*number);
            // Newer systems: "1: Operation not permitted".
            if (const auto code = parse_decimal(value.substr(0, value.find(':')));
                key == "last exit code" && code && *code < 256)
                state.last_exit_code = static_cast<int>(*code);
        }
        if (!line.empty() && line.back() == '{') ++depth;
    }
    if (state.pid) state.kind = AgentState::Kind::running;
    return state;
}

Argv get_variable_command(std::string_view name) {
    return {"launchctl", "getenv", std::string(name)};
}

Argv set_variable_command(std::string_view name, std::string_view value) {
    return {"launchctl", "setenv", std::string(name), std::string(value)};
}

Argv unset_variable_command(std::string_view name) {
    return {"launchctl", "unsetenv", std::string(name)};
}

}  // namespace halton::setup
