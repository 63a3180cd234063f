// The data directory: ~/.halton-meter, or HALTON_METER_HOME. Paths only; nothing is created
// unless said.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "config/ports_file.h"

namespace halton::platform {

struct Home {
    std::filesystem::path directory;
    std::filesystem::path config_file() const { return directory / "config.toml"; }
    std::filesystem::path database_file() const { return directory / "db.sqlite"; }
    std::filesystem::path local_prices_file() const { return directory / "prices.jsonl"; }
    std::filesystem::path ports_file() const { return directory / "effective-ports.json"; }
    // Written by `stop`: the time of it.
    std::filesystem::path graceful_shutdown_file() const { return directory / "graceful-shutdown"; }
    // Where a new edge asks a running one for its port.
    std::filesystem::path edge_socket() const { return directory / "edge.sock"; }
    // What changes through the API need, see platform/api_token.h.
    std::filesystem::path api_token_file() const { return directory / "api-token"; }
    // Where the stderr of a role goes that runs without a journal.
    std::filesystem::path log_file(std::string_view role) const {
        return directory / (std::string(role) + ".err.log");
    }
    std::filesystem::path ca_directory() const { return directory / "ca"; }
    std::filesystem::path ca_key_file() const { return directory / "ca" / "ca-key.pem"; }
    std::filesystem::path ca_certificate_file() const { return directory / "ca.pem"; }
    std::filesystem::path ca_bundle_file() const { return directory / "ca-bundle.pem"; }
};

// From HALTON_METER_HOME, else HOME, else the password database. Errors: not_found.
Result<Home> find_home();

// Makes the directory with mode 0700 (and leaves an existing one's mode alone unless others may
// write). Errors: permission, io.
Result<void> make_home(const Home& home);

// The config, with defaults and warnings when the file is absent, unreadable or bad.
config::ParsedConfig read_config(const Home& home);

// Errors: not_found, malformed.
Result<config::EffectivePorts> read_ports(const Home& home);

// Merges the non-zero fields into the file under a lock file and replaces it atomically.
// Errors: permission, io.
Result<void> merge_ports(const Home& home, const config::EffectivePorts& ports);

// Whether a `stop` was within graceful_shutdown_time before `now`: whatever starts the daemon then
// is no wish of the user's. A time in the future (the clock was set back) counts as long ago.
bool was_stopped_just_now(const Home& home, UtcTime now);

}  // namespace halton::platform
