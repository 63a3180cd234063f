#include "setup/layers/parts.h"

#include <fmt/format.h>

#include "setup/trust_stores.h"

namespace halton::setup {
namespace {

std::string_view name_of_program(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Finding good() { return {}; }

Finding off(std::string detail) { return {Health::off, {}, std::move(detail), {}}; }

Finding unknown(std::string code, std::string detail, std::string action) {
    return {Health::unknown, std::move(code), std::move(detail), std::move(action)};
}

Finding odd(std::string code, std::string detail, std::string action) {
    return {Health::odd, std::move(code), std::move(detail), std::move(action)};
}

Finding broken(std::string code, std::string detail, std::string action) {
    return {Health::broken, std::move(code), std::move(detail), std::move(action)};
}

bool is_present(const Facts& facts, std::string_view path) {
    return facts.file(path).state == FileFact::State::present;
}

bool is_wanted(const Facts& facts, Mode from) {
    const auto mode = facts.recorded_mode();
    return mode != Mode::none && mode >= from;
}

std::string init_command(const Facts& facts) {
    switch (facts.recorded_mode()) {
        case Mode::apps: return "halton-meter init --apps";
        case Mode::full: return "halton-meter init --full";
        default: return "halton-meter init";
    }
}

bool is_our_program(const Facts& facts, const ListenerFact& listener) {
    return listener.uid == facts.uid && !listener.program.empty() &&
           name_of_program(listener.program) == name_of_program(facts.folders.program);
}

bool is_strangers_port(const Facts& facts, std::uint16_t port) {
    const auto& listener = facts.listener(port);
    if (!listener.is_bound || listener.answers_as_edge || is_our_program(facts, listener))
        return false;
    if (listener.uid != facts.uid) return true;
    // A supervisor that holds the edge's socket for us, with no edge running.
    const auto name = name_of_program(listener.program);
    return port != facts.ports.edge_port || (name != "systemd" && name != "launchd");
}

std::string configured_ports_file(const Facts& facts) {
    return facts.folders.in_data("configured-ports");
}

std::string configured_ports_text(const Facts& facts) {
    const auto& ports = facts.configured_ports;
    return fmt::format("{} {} {}\n", ports.edge_port, ports.internal_port, ports.api_port);
}

std::string root_file(const Facts& facts) { return facts.folders.in_data("ca.pem"); }

bool is_of_another_program(const Facts& facts) {
    const auto& api = facts.listener(facts.ports.api_port);
    return api.is_outdated || (!api.version.empty() && api.version != facts.version);
}

bool has_old_root(const Facts& facts) {
    const auto& told = facts.listener(facts.ports.api_port).root_fingerprint;
    const auto& root = facts.file(root_file(facts)).text;
    return !told.empty() && !root.empty() && !told.starts_with(short_hash(root));
}

bool is_daemon_well(const Facts& facts) {
    return facts.listener(facts.ports.api_port).health_status == 200 &&
           facts.listener(facts.ports.internal_port).is_bound && !is_of_another_program(facts) &&
           !has_old_root(facts);
}

std::string describe_listener(const ListenerFact& listener) {
    std::string text = listener.program.empty() ? std::string("another program") : listener.program;
    if (listener.pid) text += fmt::format(", pid {}", *listener.pid);
    if (listener.uid) text += fmt::format(", uid {}", *listener.uid);
    return text;
}

void add_file(std::vector<Step>& steps, const Facts& facts, const std::string& path,
              std::string text, unsigned permissions, const Wish& wish) {
    const auto& file = facts.file(path);
    const bool is_right = file.state == FileFact::State::present && file.text == text &&
                          (permissions == 0 || file.permissions == permissions);
    if (is_right && !wish.from_scratch) return;
    steps.push_back(WriteFile{path, std::move(text), permissions});
}

void add_removal(std::vector<Step>& steps, const Facts& facts, const std::string& path) {
    if (facts.file(path).state != FileFact::State::missing) steps.push_back(RemoveFile{path});
}

std::string parent_of(std::string_view path) {
    return std::string(path.substr(0, path.rfind('/')));
}

}  // namespace halton::setup
