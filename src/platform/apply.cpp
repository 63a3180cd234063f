#include "platform/apply.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "meter/custom_providers.h"
#include "meter/hosts.h"
#include "platform/authority_files.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/gather.h"
#include "platform/listeners.h"
#include "platform/loopback_http.h"
#include "platform/process.h"
#include "setup/run_environment.h"
#include "tls/bundle.h"

namespace halton::platform {
namespace {

using Outcome = StepReport::Outcome;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds poll_pause{50};

StepReport done(std::string detail = {}) { return {Outcome::done, std::move(detail)}; }
StepReport unchanged() { return {Outcome::unchanged, {}}; }
StepReport failed(std::string detail) { return {Outcome::failed, to_safe_text(detail, 300)}; }
StepReport failed(const Error& error) { return failed(error.context); }

// The line of an answer that says most: programs explain themselves in the last one.
std::string last_line(std::string_view output) {
    output = trim(output);
    return std::string(output.substr(output.rfind('\n') + 1));
}

StepReport to_report(const setup::CommandFact& fact, const setup::Argv& argv) {
    if (!fact.started) return failed(fmt::format("{} is not installed", argv.front()));
    if (fact.exit_code == 0) return done();
    const auto why = last_line(fact.output);
    return failed(fmt::format("{}: {}", argv.front(),
                              why.empty() ? fmt::format("exit code {}", fact.exit_code) : why));
}

// Polls until `is_reached` or the limit.
template <class Condition>
bool await(milliseconds limit, milliseconds pause, Condition is_reached) {
    const auto until = steady_clock::now() + limit;
    while (!is_reached()) {
        if (steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

// Nothing of a tool's proxy or CA may reach our own roles.
Environment make_role_environment() {
    auto environment = read_environment();
    for (const char* name : {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY",
                             "all_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_DIR"})
        environment.erase(name);
    return environment;
}

}  // namespace

bool is_own_role(int pid, const std::string& own_program) {
    const auto look = look_at_process(pid);
    return look && look->uid == own_uid() &&
           std::filesystem::path(look->executable).filename() ==
               std::filesystem::path(own_program).filename();
}

bool stop_own_role(int pid, const std::string& own_program) {
    if (!is_own_role(pid, own_program)) return !is_process_alive(pid);
    ask_to_end(pid);
    const auto is_gone = [&] { return !is_own_role(pid, own_program); };
    if (await(limits::role_stop_time, poll_pause, is_gone)) return true;
    end_by_force(pid);
    return await(milliseconds(2'000), poll_pause, is_gone);
}

Applier::Applier(CommandRunner& runner, const Home& home, Settings settings)
    : runner_(runner), home_(home), settings_(std::move(settings)) {
    sweep_temporaries(home_.directory);
}

StepReport Applier::apply(const setup::Step& step) {
    return std::visit([this](const auto& kind) { return carry_out(kind); }, step);
}

std::vector<StepReport> Applier::undo() {
    std::vector<StepReport> reports;
    while (!undo_.empty()) {
        const auto last = std::move(undo_.back());
        undo_.pop_back();
        reports.push_back(last());
    }
    return reports;
}

bool Applier::is_in_data(const std::string& path) const {
    const auto& data = settings_.folders.data;
    return path == data || path.starts_with(data + "/");
}

std::vector<std::string> Applier::read_made_folders() const {
    std::vector<std::string> folders;
    const auto text = read_file(settings_.folders.made_folders_file(), limits::config_bytes_max);
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (!line.empty()) folders.emplace_back(line);
    }
    return folders;
}

Result<void> Applier::write_made_folders(const std::vector<std::string>& folders) const {
    const auto file = settings_.folders.made_folders_file();
    if (folders.empty()) {
        const auto removed = remove_file(file);
        if (!removed) return fail(removed.error());
        return {};
    }
    return write_file_atomically(file, fmt::format("{}\n", fmt::join(folders, "\n")), 0600);
}

void Applier::remember_file(const std::string& path) {
    const auto before = look_at_file(path);
    remember([path, before, data = home_.directory]() -> StepReport {
        if (before.state == setup::FileFact::State::missing && before.link_target.empty()) {
            const auto removed = remove_file(path);
            return removed ? done() : failed(removed.error());
        }
        if (!before.link_target.empty()) {
            const auto linked = make_link_atomically(path, before.link_target, data);
            if (!linked) return failed(linked.error());
        }
        if (before.state != setup::FileFact::State::present) return done();
        const auto written =
            write_file_atomically(follow_links(path), before.text, before.permissions, data);
        return written ? done() : failed(written.error());
    });
}

StepReport Applier::carry_out(const setup::MakeFolder& step) {
    if (look_at_file(step.path).state == setup::FileFact::State::folder) return unchanged();
    if (!is_in_data(step.path)) {
        // Noted before they are made: cut off in between, a note without a folder does no harm.
        auto noted = read_made_folders();
        for (auto at = std::filesystem::path(step.path); at != at.parent_path();
             at = at.parent_path()) {
            if (look_at_file(at.string()).state != setup::FileFact::State::missing) break;
            if (std::find(noted.begin(), noted.end(), at.string()) == noted.end())
                noted.push_back(at.string());
        }
        if (const auto written = write_made_folders(noted); !written)
            return failed(written.error());
    }
    const auto made = make_folders(step.path, step.permissions);
    if (!made) return failed(made.error());
    for (const auto& folder : *made)
        remember([this, folder] {
            const auto removed = remove_empty_folder(folder);
            auto noted = read_made_folders();
            std::erase(noted, folder.string());
            if (!is_in_data(folder.string())) (void)write_made_folders(noted);
            return removed ? done() : failed(removed.error());
        });
    return done();
}

StepReport Applier::carry_out(const setup::WriteFile& step) {
    const auto before = look_at_file(step.path);
    const bool is_there = before.state == setup::FileFact::State::present;
    const unsigned mode =
        step.permissions != 0 ? step.permissions : (is_there ? before.permissions : 0644);
    if (is_there && before.text == step.text && before.permissions == mode) return unchanged();
    if (before.state == setup::FileFact::State::folder)
        return failed(fmt::format("{} is a folder", step.path));
    if (before.state == setup::FileFact::State::unreadable)
        return failed(fmt::format("{} cannot be read", step.path));
    remember_file(step.path);
    const auto written =
        write_file_atomically(follow_links(step.path), step.text, mode, home_.directory);
    return written ? done() : failed(written.error());
}

StepReport Applier::carry_out(const setup::SetPermissions& step) {
    const auto before = look_at_file(step.path);
    if (before.state == setup::FileFact::State::missing)
        return failed(fmt::format("{} is not there", step.path));
    if (before.permissions == step.permissions) return unchanged();
    const auto set = set_permissions(step.path, step.permissions);
    return set ? done() : failed(set.error());
}

StepReport Applier::carry_out(const setup::MakeLink& step) {
    const auto before = look_at_file(step.path);
    if (before.link_target == step.target) return unchanged();
    remember_file(step.path);
    const auto made = make_link_atomically(step.path, step.target, home_.directory);
    return made ? done() : failed(made.error());
}

StepReport Applier::carry_out(const setup::RemoveFile& step) {
    const auto before = look_at_file(step.path);
    if (before.state == setup::FileFact::State::missing && before.link_target.empty())
        return unchanged();
    if (!step.only_without.empty() &&
        look_at_file(step.only_without).state != setup::FileFact::State::missing)
        return unchanged();
    remember_file(step.path);
    const auto removed = remove_file(step.path);
    return removed ? done() : failed(removed.error());
}

StepReport Applier::carry_out(const setup::RemoveFolderIfEmpty& step) {
    auto noted = read_made_folders();
    bool has_removed = false;
    for (auto at = std::filesystem::path(step.path); at != at.parent_path();
         at = at.parent_path()) {
        const auto note = std::find(noted.begin(), noted.end(), at.string());
        if (note == noted.end() && !(is_in_data(at.string()) && at == step.path)) break;
        const auto removed = remove_empty_folder(at);
        if (!removed) return failed(removed.error());
        if (!*removed && look_at_file(at.string()).state != setup::FileFact::State::missing) break;
        has_removed = has_removed || *removed;
        if (note == noted.end()) break;
        noted.erase(note);
        if (const auto written = write_made_folders(noted); !written)
            return failed(written.error());
    }
    return has_removed ? done() : unchanged();
}

StepReport Applier::carry_out(const setup::ClearFolder& step) {
    std::error_code error;
    std::filesystem::directory_iterator entries(step.path, error);
    if (error) return unchanged();
    bool is_all = true;
    for (const auto& entry : entries) {
        const auto name = entry.path().filename().string();
        if (std::find(step.kept.begin(), step.kept.end(), name) != step.kept.end()) {
            is_all = false;
            continue;
        }
        // Never through a link: what it leads to is not ours.
        std::filesystem::remove_all(entry.path(), error);
        if (error) return failed(fmt::format("{}: {}", entry.path().string(), error.message()));
    }
    if (!is_all) return done();
    const auto removed = remove_empty_folder(step.path);
    return removed ? done() : failed(removed.error());
}

StepReport Applier::carry_out(const setup::RecordPorts& step) {
    const auto merged = merge_ports(home_, step.ports);
    return merged ? done() : failed(merged.error());
}

StepReport Applier::carry_out(const setup::RunCommand& step) {
    StepReport report;
    for (int i = 0; i < std::max(step.tries, 1); ++i) {
        if (i > 0) std::this_thread::sleep_for(limits::setup_try_pause);
        report = to_report(runner_.run(step.argv, limits::setup_change_time), step.argv);
        if (report.outcome == Outcome::done) break;
    }
    if (report.outcome == Outcome::done && !step.undo.empty())
        remember([this, argv = step.undo] {
            return to_report(runner_.run(argv, limits::setup_change_time), argv);
        });
    // "Already gone" is an answer.
    if (report.outcome == Outcome::failed && step.may_fail) report.outcome = Outcome::unchanged;
    return report;
}

StepReport Applier::run_as_root(const setup::Argv& argv, bool tries_alone_first) {
    if (settings_.uid == 0 || tries_alone_first) {
        auto report = to_report(runner_.run(argv, limits::setup_change_time), argv);
        if (report.outcome == Outcome::done || settings_.uid == 0) return report;
    }
    setup::Argv cached{"sudo", "-n"};
    cached.insert(cached.end(), argv.begin(), argv.end());
    auto report = to_report(runner_.run(cached, limits::setup_change_time), cached);
    if (report.outcome == Outcome::done) return report;
    if (settings_.may_ask) {
        setup::Argv asking{"sudo"};
        asking.insert(asking.end(), argv.begin(), argv.end());
        report = to_report(runner_.run_attended(asking), asking);
        if (report.outcome == Outcome::done) return report;
    }
    return failed(fmt::format("needs an administrator; type: {}",
                              setup::describe(setup::RunCommand{.argv = argv}).substr(5)));
}

StepReport Applier::carry_out(const setup::AskAdmin& step) {
    auto report = run_as_root(step.argv, step.tries_alone_first);
    if (report.outcome == Outcome::done && !step.undo.empty())
        remember([this, argv = step.undo, alone = step.tries_alone_first] {
            return run_as_root(argv, alone);
        });
    // Said all the same: the user can do it by hand.
    if (report.outcome == Outcome::failed && step.may_fail) report.outcome = Outcome::unchanged;
    return report;
}

StepReport Applier::carry_out(const setup::MakeAuthority&) {
    const auto parsed = read_config(home_);
    const meter::ProviderTable providers(parsed.config.custom_providers);
    const meter::HostList hosts(providers, parsed.config.extra_hosts, parsed.config.excluded_hosts);
    const auto before = look_at_file(home_.ca_certificate_file().string());
    const auto made = load_or_make_authority(home_, hosts.all(), system_clock().now_utc());
    if (!made) return failed(made.error());
    const auto after = look_at_file(home_.ca_certificate_file().string());
    return before.text == after.text ? unchanged() : done();
}

StepReport Applier::carry_out(const setup::MakeBundle&) {
    const auto parsed = read_config(home_);
    // Kept as a file: the daemon makes the bundle anew, and does not see the user's variables.
    std::vector<std::string> own;
    const auto named = setup::find_own_ca_files(read_environment());
    for (const auto* names : {&named.adding, &named.replacing})
        for (const auto& name : *names)
            if (!is_in_data(name))
                if (auto text = read_file(name, limits::ca_bundle_bytes_max))
                    own.push_back(std::move(*text));
    const auto before = look_at_file(home_.ca_bundle_file().string());
    if (const auto kept = keep_own_roots(home_, own); !kept) return failed(kept.error());
    const auto roots = read_trusted_roots(home_, parsed.config.upstream_ca_file);
    if (const auto written = write_bundle(home_, roots); !written) return failed(written.error());
    const auto after = look_at_file(home_.ca_bundle_file().string());
    return before.text == after.text ? unchanged() : done();
}

StepReport Applier::carry_out(const setup::StartProcess& step) {
    const auto log = home_.log_file(step.role);
    // Recorded before it runs: whoever ends us in between leaves nobody behind.
    const auto record = [&](int pid) {
        config::EffectivePorts ports;
        (step.role == "edge" ? ports.edge_pid : ports.daemon_pid) = pid;
        return merge_ports(home_, ports).has_value();
    };
    std::vector<std::string> command{settings_.folders.program, step.role};
    command.insert(command.end(), step.flags.begin(), step.flags.end());
    const auto started = start_detached(command, make_role_environment(), log, record);
    if (!started) return failed(started.error());
    remember([this, pid = *started] {
        return stop_own_role(pid, settings_.folders.program)
                   ? done()
                   : failed(fmt::format("process {} does not end", pid));
    });
    return done(fmt::format("process {}", *started));
}

StepReport Applier::carry_out(const setup::StopProcess& step) {
    // Also a pid that somebody else has by now.
    if (!is_own_role(step.pid, settings_.folders.program)) return unchanged();
    return stop_own_role(step.pid, settings_.folders.program)
               ? done()
               : failed(fmt::format("process {} does not end", step.pid));
}

StepReport Applier::carry_out(const setup::AwaitHealth& step) {
    const bool is_well = await(milliseconds(step.limit_ms), limits::health_poll, [this] {
        const auto parsed = read_config(home_);
        const auto ports = read_ports(home_);
        const auto port = ports && ports->api_port != 0 ? ports->api_port : parsed.config.api_port;
        const auto health = get_loopback(port, "/health", limits::health_poll);
        return health && health->status == 200;
    });
    return is_well ? done()
                   : failed(fmt::format("the daemon is not healthy after {} s; see {}",
                                        step.limit_ms / 1000,
                                        home_.log_file("daemon").string()));
}

StepReport Applier::carry_out(const setup::AwaitPort& step) {
    const bool is_open = await(milliseconds(step.limit_ms), poll_pause,
                               [&] { return is_listening(step.port, milliseconds(500)); });
    return is_open ? done()
                   : failed(fmt::format("nobody listens on 127.0.0.1:{} after {} s", step.port,
                                        step.limit_ms / 1000));
}

StepReport Applier::carry_out(const setup::Notify&) { return done(); }

}  // namespace halton::platform
