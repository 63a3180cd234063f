// The system proxy of macOS through `networksetup`: what it prints as values, and the commands that
// switch our proxy on, off, and back to what was before us. Each network service ("Wi-Fi") has a
// proxy for http and one for https; both are ours or none. Pure.
// What cannot be made sense of reads as nothing, and a service whose state is not known is left out
// of every plan but the one that switches everything off.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "setup/system_state.h"

namespace halton::setup {

enum class ProxyKind { web, secure_web };

Argv list_services_command();
Argv get_proxy_command(std::string_view service, ProxyKind kind);
Argv get_bypass_command(std::string_view service);
Argv switch_proxy_off_command(std::string_view service, ProxyKind kind);

// The services that are not switched off. Nothing: that is no list of services.
std::optional<std::vector<std::string>> parse_services(std::string_view printed);
std::optional<ProxySetting> parse_proxy(std::string_view printed);
std::vector<std::string> parse_bypass(std::string_view printed);

// What is to be asked to know every service; grows when the list of services is there.
std::vector<Argv> ask_network_services(const Facts& facts);
// The services whose answers are all there and make sense.
std::vector<NetworkService> see_network_services(const Facts& facts);

// A proxy of somebody else that is on: ours would take its place.
bool has_foreign_proxy(const NetworkService& service, const Ports& ports);
// Both proxies are on and lead to that port, and loopback is bypassed.
bool is_switched_on(const NetworkService& service, std::uint16_t edge_port);

// Bypass list first, and kept: loopback is added to it. Empty when it is on already.
std::vector<RunCommand> plan_on(const NetworkService& service, std::uint16_t edge_port);
// Only what leads to us; what somebody else set stays.
std::vector<RunCommand> plan_off(const NetworkService& service, const Ports& ports);
// The same, and then everything of it as it was: server, port, whether it was on, bypass list.
// Without a record (nothing, or a service that is not in it): off.
std::vector<RunCommand> plan_restore(const NetworkService& service, const NetworkService* before,
                                     const Ports& ports);

}  // namespace halton::setup
