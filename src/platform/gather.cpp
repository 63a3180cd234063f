#include "platform/gather.h"

#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/version.h"
#include "meter/custom_providers.h"
#include "meter/hosts.h"
#include "platform/apply.h"
#include "platform/edge_probe.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/listeners.h"
#include "platform/loopback_http.h"
#include "platform/network.h"
#include "platform/process.h"
#include "platform/terminal.h"
#include "setup/layers.h"

namespace halton::platform {
namespace {

// A loopback round trip of a busy machine; whoever needs longer is taken for silent.
constexpr std::chrono::milliseconds probe_limit{1'000};
// With the daemon away the edge asks the resolver about a name that does not exist.
constexpr std::chrono::milliseconds chain_limit{3'000};

setup::System this_system() {
#if defined(__APPLE__)
    return setup::System::macos;
#else
    return setup::System::linux;
#endif
}

bool is_empty(const setup::Questions& questions) {
    return questions.files.empty() && questions.commands.empty() && questions.listeners.empty();
}

std::string user_home() {
    if (const auto home = read_variable("HOME"); home && home->front() == '/') return *home;
    const auto found = find_password_home(own_uid());
    return found ? found->string() : std::string("/");
}

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

}  // namespace

std::string find_own_program() {
    const auto look = look_at_process(own_pid());
    const std::string own = look ? look->executable : std::string();
    std::error_code failed;
    std::string_view path;
    const auto variable = read_variable("PATH").value_or("");
    path = variable;
    while (!path.empty()) {
        const auto colon = path.find(':');
        const auto folder = path.substr(0, colon);
        path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
        if (folder.empty() || folder.front() != '/') continue;
        const auto candidate = std::filesystem::path(folder) / "halton-meter";
        if (std::filesystem::equivalent(candidate, own, failed) && !failed)
            return candidate.lexically_normal().string();
    }
    return own;
}

setup::Facts make_facts(const Home& home, const config::Config& config) {
    setup::Facts facts;
    facts.system = this_system();
    facts.folders.user_home = without_slash(user_home());
    facts.folders.data = without_slash(home.directory.string());
    const auto moved = read_variable("XDG_CONFIG_HOME");
    facts.folders.user_config = moved && moved->front() == '/'
                                    ? without_slash(*moved)
                                    : facts.folders.user_home + "/.config";
    facts.folders.program = find_own_program();
    facts.version = version();
    facts.uid = own_uid();
    facts.user_name = find_user_name(facts.uid);
    facts.now = system_clock().now_utc();
    facts.configured_ports = {.edge_port = config.edge_port,
                              .internal_port = config.internal_port,
                              .api_port = config.api_port};
    facts.ports = facts.configured_ports;
    if (const auto known = read_ports(home)) {
        // A pid says something only while it is ours.
        if (is_own_role(known->edge_pid, facts.folders.program))
            facts.ports.edge_pid = known->edge_pid;
        if (is_own_role(known->daemon_pid, facts.folders.program))
            facts.ports.daemon_pid = known->daemon_pid;
        if (known->edge_port) facts.ports.edge_port = known->edge_port;
        if (known->internal_port) facts.ports.internal_port = known->internal_port;
        if (known->api_port) facts.ports.api_port = known->api_port;
    }
    facts.has_upstream_proxy = config.has_upstream_proxy;
    const meter::ProviderTable providers(config.custom_providers);
    facts.hosts = meter::HostList(providers, config.extra_hosts, config.excluded_hosts).all();
    facts.hosts.emplace_back(meter::self_test_host);
    facts.has_terminal = is_stdin_terminal();
    facts.environment = read_environment();
    return facts;
}

setup::FileFact look_at_file(const std::string& path) {
    setup::FileFact fact;
    struct stat link {};
    if (::lstat(path.c_str(), &link) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) fact.state = setup::FileFact::State::unreadable;
        return fact;
    }
    if (S_ISLNK(link.st_mode)) {
        std::array<char, 4096> target;
        const auto size = ::readlink(path.c_str(), target.data(), target.size());
        if (size > 0) fact.link_target.assign(target.data(), static_cast<std::size_t>(size));
    }
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) return fact;  // a link that leads nowhere
    fact.permissions = facts.st_mode & 07777u;
    fact.owner_uid = facts.st_uid;
    if (S_ISDIR(facts.st_mode)) {
        fact.state = setup::FileFact::State::folder;
        return fact;
    }
    auto text = read_file(path, limits::setup_file_bytes_max);
    fact.state = text ? setup::FileFact::State::present : setup::FileFact::State::unreadable;
    if (text) fact.text = std::move(*text);
    return fact;
}

setup::ListenerFact look_at_port(std::uint16_t port, const setup::Facts& facts) {
    setup::ListenerFact fact;
    if (port == 0) return fact;
    const auto found = find_listener(port);
    // Also one that nobody listens on can be taken: by somebody's outgoing connection.
    fact.is_bound = found.has_value() || is_listening(port, probe_limit) || !can_listen(port);
    if (!fact.is_bound) return fact;
    if (found) {
        fact.is_off_loopback = found->is_off_loopback;
        fact.pid = found->pid;
        fact.uid = found->uid;
        if (found->pid) {
            if (const auto look = look_at_process(*found->pid)) {
                fact.program = look->executable;
                fact.is_outdated = look->is_outdated;
            }
        }
    }
    if (port == facts.ports.api_port) {
        if (const auto health = get_loopback(port, "/health", probe_limit)) {
            fact.health_status = health->status;
            JsonParser parser;
            if (const auto json = parser.parse(health->body)) {
                fact.version = std::string((*json)["version"].as_string().value_or(""));
                fact.root_fingerprint = std::string((*json)["root"].as_string().value_or(""));
            }
        }
        return fact;
    }
    if (port == facts.ports.internal_port) return fact;
    fact.answers_as_edge = is_edge(port, probe_limit);
    if (fact.answers_as_edge) {
        const auto answer = connect_through(port, meter::self_test_host, chain_limit);
        fact.chains = answer && answer->status == 200;
    }
    return fact;
}

void gather(setup::Facts& facts, CommandRunner& runner) {
    for (int round = 0; round < limits::setup_ask_rounds; ++round) {
        const auto questions = setup::ask_all(facts);
        if (is_empty(questions)) return;
        for (const auto& path : questions.files) facts.files.emplace(path, look_at_file(path));
        for (const auto& argv : questions.commands)
            facts.commands.emplace(argv, runner.run(argv, limits::setup_look_time));
        for (const auto port : questions.listeners)
            facts.listeners.emplace(port, look_at_port(port, facts));
    }
}

}  // namespace halton::platform
