// system_state.json text <-> values: the system's proxy settings as they were before the first
// `init`, so that `uninstall` can put them back exactly. Pure.
// Rules: what was recorded once is never replaced, only what was not seen yet is added (a network
// service that was plugged in later); our own proxy is never recorded as "before"; a file that
// makes no sense counts as absent, but is kept aside and said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "setup/layer.h"

namespace halton::setup {

using Ports = std::vector<std::uint16_t>;

// One kind of proxy of one network service. A switched off one keeps its server and port.
struct ProxySetting {
    bool is_on = false;
    std::string server;  // empty: none was ever set
    std::uint16_t port = 0;
    bool has_login = false;  // its password is in the keychain and not shown to us
    bool operator==(const ProxySetting&) const = default;
};

// macOS: "Wi-Fi", "USB 10/100/1000 LAN", ...
struct NetworkService {
    std::string name;
    ProxySetting web;         // for http://
    ProxySetting secure_web;  // for https://
    std::vector<std::string> bypass_domains;
    bool operator==(const NetworkService&) const = default;
};

// org.gnome.system.proxy; values as `gsettings get` prints them and `gsettings set` takes them.
struct GnomeState {
    std::string mode;        // 'manual'
    std::string http_host;   // ''
    std::string http_port;   // 8080
    std::string https_host;  // ''
    std::string https_port;
    std::string ignore_hosts;  // ['localhost', '127.0.0.0/8', '::1']
    bool operator==(const GnomeState&) const = default;
};

struct KdeState {
    std::optional<std::string> kioslaverc;  // nothing: there was no such file
    bool operator==(const KdeState&) const = default;
};

struct SystemState {
    std::vector<NetworkService> network_services;
    std::optional<GnomeState> gnome;
    std::optional<KdeState> kde;

    const NetworkService* find(std::string_view service) const;
    bool operator==(const SystemState&) const = default;
};

// Errors: malformed (also larger than limits::system_state_bytes_max). Unknown keys are ignored.
Result<SystemState> parse_system_state(std::string_view json);
std::string to_system_state_file(const SystemState& state);

// Whether it leads to a loopback address with one of `ports`; also while it is switched off.
bool points_at_us(const ProxySetting& setting, const Ports& ports);
bool is_ours(const ProxySetting& setting, const Ports& ports);  // ... and is on

// The same without us: settings that lead to us become ones that were never made.
SystemState without_ours(SystemState seen, const Ports& ports);

// `recorded` with what it does not know yet from `seen`.
SystemState add_unrecorded(SystemState recorded, const SystemState& seen);

// The recorded state of that file, where it is there and makes sense.
std::optional<SystemState> read_recorded(const FileFact& file);

// What keeps the file at `path` right before anything of `seen` is changed. Nothing to do once
// all of it is recorded. A file that cannot be read is left alone.
std::vector<Step> plan_recording(const std::string& path, const FileFact& file,
                                 const SystemState& seen, const Ports& ports);

}  // namespace halton::setup
