// No config.toml may crash its reader or what prices are made of; values stay in their ranges, a
// warning is one line, and a password is in none.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/config.h"
#include "config/slug.h"
#include "meter/price_import.h"

using namespace halton;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

bool is_port(std::uint16_t port) { return port == 0 || port >= 1024; }

bool has_capital(std::string_view text) {
    for (const char c : text)
        if (c >= 'A' && c <= 'Z') return true;
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto [config, warnings] = config::parse_config(text);
    require(is_port(config.edge_port) && is_port(config.internal_port) && is_port(config.api_port));
    require(config.edge_port == 0 || config.edge_port != config.internal_port);
    require(config.edge_health_ttl.count() >= 50 && config.edge_health_ttl.count() <= 60'000);
    require(!config.has_upstream_proxy ||
            (!config.upstream_proxy.host.empty() && config.upstream_proxy.port != 0));
    require(config.upstream_proxy.authorization.find_first_of("\r\n") == std::string::npos);
    for (const config::ConnectTo& rule : config.connect_to) {
        require(!has_capital(rule.host) && rule.port != 0 && rule.to_port != 0);
    }
    for (const auto* hosts : {&config.extra_hosts, &config.excluded_hosts}) {
        for (const std::string& host : *hosts) require(!host.empty() && !has_capital(host));
    }
    for (const config::CustomProvider& entry : config.custom_providers) {
        require(!entry.host.empty() && !has_capital(entry.host) && !entry.name.empty());
    }
    require(config::is_slug(config.default_project));
    for (const std::string& warning : warnings) {
        require(!warning.empty() && warning.find_first_of("\r\n") == std::string::npos);
        require(!warning.starts_with("config.toml: upstream.proxy =") ||
                warning.find("(not shown)") != std::string::npos ||
                warning.find("not a text") != std::string::npos);
    }
    for (const config::PriceOverride& entry : config.price_overrides) {
        require(!entry.prices.empty());
        for (const auto& price : entry.prices) require(price.nanousd_per_thousand >= 0);
    }
    require(meter::to_overrides(config.price_overrides).size() == config.price_overrides.size());
    return 0;
}
