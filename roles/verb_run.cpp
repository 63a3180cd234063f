// `run`: becomes one command whose calls go through the edge. Works with the daemon down (the edge
// then tunnels); whenever metering could break the command, it runs as if we were not there, with
// one line on stderr that says why.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "meter/custom_providers.h"
#include "meter/hosts.h"
#include "platform/edge_probe.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/home.h"
#include "platform/listeners.h"
#include "platform/loopback_http.h"
#include "platform/process.h"
#include "roles/exit_code.h"
#include "roles/ports.h"
#include "roles/verbs.h"
#include "setup/run_environment.h"
#include "tls/bundle.h"
#include "tls/java_trust.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter run";

// A busy edge answers within milliseconds; behind a hung one the command would hang too.
constexpr std::chrono::milliseconds edge_answer_limit{2'000};

void warn(std::string_view text) { fmt::print(stderr, "halton-meter: {}\n", text); }

// FNV-1a: names a file by its content, so that equal bundles share one file. Not for security:
// whoever can write into the directory needs no collision.
std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

// The texts of the user's own CA files; what cannot be used is named and left out.
std::vector<std::string> read_own_files(const std::vector<std::string>& names,
                                        const std::string& ours) {
    std::vector<std::string> texts;
    for (const auto& name : names) {
        if (name == ours) continue;
        auto text = platform::read_file(name, limits::ca_bundle_bytes_max);
        if (!text)
            warn(fmt::format("a CA variable of yours is left out: {}",
                             to_safe_text(text.error().context, 200)));
        else if (tls::count_certificates(*text) == 0)
            warn(fmt::format("a CA variable of yours is left out: {} holds no certificate",
                             to_safe_text(name, 120)));
        else
            texts.push_back(std::move(*text));
    }
    return texts;
}

// Writes `content` under its own name, for as many commands as have the same. Errors: permission,
// io.
Result<std::string> write_by_content(const platform::Home& home, const std::string& content,
                                     std::string_view ending) {
    const auto folder = home.directory / "run-ca";
    if (const auto made = platform::make_private_directory(folder); !made)
        return fail(made.error());
    const auto file = folder / fmt::format("{:016x}.{}", hash_of(content), ending);
    const auto there = platform::read_file(file, limits::ca_bundle_bytes_max);
    if (there && *there == content) return file.string();
    if (const auto written = platform::write_file_atomically(file, content, 0644); !written)
        return fail(written.error());
    return file.string();
}

// The file for one kind of variable: ours when the user has none of their own, else a merged one
// under its content's name. Errors: as the parts'.
Result<std::string> find_or_merge(const platform::Home& home, const std::string& ours,
                                  const std::vector<std::string>& own_names,
                                  const std::string& root_pem) {
    auto texts = read_own_files(own_names, ours);
    if (texts.empty()) return ours;
    auto base = platform::read_file(ours, limits::ca_bundle_bytes_max);
    if (!base) return fail(base.error());
    texts.insert(texts.begin(), *base);
    const auto merged = tls::merge_bundle(texts, root_pem);
    if (!merged) return fail(merged.error());
    // The user's variables named nothing that ours does not hold already.
    if (*merged == *base) return ours;
    return write_by_content(home, *merged, "pem");
}

// The trust store for Java, from the bundle that replaces other tools' roots. Errors: as the
// parts'.
Result<std::string> make_java_store(const platform::Home& home, const std::string& bundle) {
    auto text = platform::read_file(bundle, limits::ca_bundle_bytes_max);
    if (!text) return fail(text.error());
    const auto store = tls::make_java_trust_store({std::move(*text)});
    if (!store) return fail(store.error());
    return write_by_content(home, *store, "p12");
}

// Adds Java's part to `settings`, or says why Java is left alone.
void add_java(const platform::Home& home, const platform::Environment& own,
              setup::RunSettings& settings) {
    auto store = make_java_store(home, settings.replacing_ca_file);
    if (!store) {
        warn(fmt::format("Java is not metered: {}", to_safe_text(store.error().context, 200)));
        return;
    }
    settings.java_trust_file = std::move(*store);
    const auto options = setup::make_java_options(own, settings);
    const auto theirs = options ? setup::find_own_java_option(own, *options) : std::nullopt;
    if (theirs)
        warn(fmt::format("Java is not metered: your JAVA_TOOL_OPTIONS has {}", *theirs));
    else if (!options)
        warn("Java is not metered: the data directory's name has quotes in it");
    if (theirs || !options) settings.java_trust_file.clear();
}

// Why nothing may be sent to the edge's port; nothing: our edge is there.
std::optional<Error> find_edge_fault(std::uint16_t port) {
    // Another user would read whatever a tool sends in clear, and could keep calls from their
    // provider.
    const auto uid = platform::find_listener_uid(port);
    if (uid && *uid != platform::own_uid())
        return Error{ErrorKind::permission, Leg::local,
                     fmt::format("port {} belongs to another user (uid {}), not to your edge "
                                 "(look: halton-meter doctor)",
                                 port, *uid)};
    if (!platform::is_listening(port, Limits{}.probe))
        return Error{
            ErrorKind::refused, Leg::local,
            fmt::format("no edge listens on 127.0.0.1:{} (start it: halton-meter start)", port)};
    if (!platform::is_edge(port, edge_answer_limit))
        return Error{ErrorKind::unsupported, Leg::local,
                     fmt::format("what listens on 127.0.0.1:{} does not answer as our edge (look: "
                                 "halton-meter doctor)",
                                 port)};
    return std::nullopt;
}

// The environment to run with. Errors: why it must be the user's `own`; that one loses the proxy
// variables which lead to a port where our edge is not.
Result<platform::Environment> make_metered(platform::Environment& own, bool is_with_java) {
    const auto home = platform::find_home();
    if (!home) return fail(home.error());
    const auto parsed = platform::read_config(*home);
    const auto ports = find_ports(*home, parsed.config);
    if (auto fault = find_edge_fault(ports.edge_port)) {
        own = setup::remove_edge_proxy(std::move(own), ports.edge_port);
        return fail(std::move(*fault));
    }
    const auto foreign = setup::find_foreign_proxy(own, ports.edge_port);
    if (foreign && !parsed.config.has_upstream_proxy)
        return fail(ErrorKind::unsupported,
                    fmt::format("your HTTPS_PROXY leads to {}: put it into {} as [upstream] proxy",
                                setup::to_shown_proxy(*foreign), home->config_file().string()));
    const auto root = platform::read_file(home->ca_certificate_file(), limits::config_bytes_max);
    if (!root || !platform::is_regular_file(home->ca_bundle_file()))
        return fail(
            ErrorKind::not_found,
            fmt::format("{} is not there yet (it is made by: halton-meter init)",
                        (root ? home->ca_bundle_file() : home->ca_certificate_file()).string()));

    const auto own_files = setup::find_own_ca_files(own);
    const auto adding =
        find_or_merge(*home, home->ca_certificate_file().string(), own_files.adding, *root);
    if (!adding) return fail(adding.error());
    const auto replacing =
        find_or_merge(*home, home->ca_bundle_file().string(), own_files.replacing, *root);
    if (!replacing) return fail(replacing.error());

    const meter::ProviderTable providers(parsed.config.custom_providers);
    const meter::HostList hosts(providers, parsed.config.extra_hosts, parsed.config.excluded_hosts);
    const auto bypassed = setup::find_bypassed_hosts(own, hosts.all());
    if (!bypassed.empty())
        warn(fmt::format("calls to {} are not metered: your NO_PROXY covers {}", bypassed.front(),
                         bypassed.size() == 1 ? "it" : "them"));
    setup::RunSettings settings{ports.edge_port, *adding, *replacing, {}};
    if (is_with_java) add_java(*home, own, settings);
    return setup::make_run_environment(own, settings);
}

}  // namespace

int run_run(int argc, char** argv) {
    cxxopts::Options options(verb_name,
                             "Runs one command with its calls metered.\n"
                             "Sets proxy and CA variables for that command only; everything from "
                             "the first word on is the command's.\n");
    options.custom_help("[--] COMMAND [ARGUMENTS]");
    options.add_options()(
        "java", "Java too, through JAVA_TOOL_OPTIONS (every JVM says that it found some)")(
        "h,help", "print this help");
    // Ours are the words up to the first one that is no flag; "--" ends them as well.
    int own_count = 1;
    while (own_count < argc && argv[own_count][0] == '-' &&
           std::string_view(argv[own_count]) != "--")
        ++own_count;
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, own_count, argv, &flags)) return *done;
    const bool has_marker = own_count < argc && std::string_view(argv[own_count]) == "--";
    const std::vector<std::string> command(argv + own_count + (has_marker ? 1 : 0), argv + argc);
    if (command.empty()) return report_usage_error(verb_name, "no command given");

    auto environment = platform::read_environment();
    if (auto metered = make_metered(environment, flags.count("java") > 0))
        environment = std::move(*metered);
    else
        warn(fmt::format("running unmetered: {}", to_safe_text(metered.error().context, 300)));

    const auto failed = platform::become_program(command, environment);
    warn(failed.context);
    if (failed.kind == ErrorKind::not_found) return exit_not_found;
    return failed.kind == ErrorKind::permission ? exit_not_runnable : exit_failed;
}

}  // namespace halton::roles
