#include "platform/home.h"

#include <system_error>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/version.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "platform/process.h"

namespace halton::platform {
namespace {

// A merge takes well under a millisecond; whoever holds the lock longer is stopped or hung.
constexpr std::chrono::milliseconds lock_limit{2'000};

constexpr const char* directory_name = ".halton-meter";

}  // namespace

Result<Home> find_home() {
    if (const auto moved = read_variable("HALTON_METER_HOME")) {
        std::error_code failed;
        auto path = std::filesystem::absolute(*moved, failed);
        if (failed)
            return fail(ErrorKind::not_found, "HALTON_METER_HOME is not a usable path: " + *moved);
        return Home{path.lexically_normal()};
    }
    if (const auto home = read_variable("HOME"); home && home->front() == '/')
        return Home{std::filesystem::path(*home) / directory_name};
    const auto home = find_password_home(own_uid());
    if (!home)
        return fail(ErrorKind::not_found,
                    "no home directory: set HOME, or HALTON_METER_HOME to the data directory");
    return Home{*home / directory_name};
}

Result<void> make_home(const Home& home) { return make_private_directory(home.directory); }

config::ParsedConfig read_config(const Home& home) {
    auto text = read_file(home.config_file(), limits::config_bytes_max);
    if (text) return config::parse_config(*text);
    auto parsed = config::parse_config({});
    if (text.error().kind != ErrorKind::not_found)
        parsed.warnings.push_back(
            fmt::format("config.toml: {}; using the defaults", text.error().context));
    return parsed;
}

Result<config::EffectivePorts> read_ports(const Home& home) {
    auto text = read_file(home.ports_file(), limits::ports_file_bytes_max);
    if (!text) return fail(text.error());
    return config::parse_ports_file(*text);
}

Result<void> merge_ports(const Home& home, const config::EffectivePorts& ports) {
    // Edge and daemon start at the same moment after a log-in: without the lock one of them would
    // write back what it had read before the other wrote.
    const auto lock = FileLock::take(home.directory / ".effective-ports.lock", lock_limit);
    if (!lock) return fail(lock.error());
    config::EffectivePorts merged;
    // A damaged file is replaced: it holds nothing that the next start does not write again.
    if (const auto known = read_ports(home)) merged = *known;
    if (ports.edge_port != 0) merged.edge_port = ports.edge_port;
    if (ports.internal_port != 0) merged.internal_port = ports.internal_port;
    if (ports.api_port != 0) merged.api_port = ports.api_port;
    if (ports.edge_pid != 0) merged.edge_pid = ports.edge_pid;
    if (ports.daemon_pid != 0) merged.daemon_pid = ports.daemon_pid;
    return write_file_atomically(home.ports_file(),
                                 to_ports_file(merged, system_clock().now_utc(), version()), 0600);
}

bool was_stopped_just_now(const Home& home, UtcTime now) {
    const auto text = read_file(home.graceful_shutdown_file(), limits::ports_file_bytes_max);
    const auto at = text ? parse_iso8601(trim(*text)) : fail(text.error());
    return at && *at <= now && now - *at < limits::graceful_shutdown_time;
}

}  // namespace halton::platform
