// Config: config.toml as values. A bad file never stops a role: what is wrong becomes a warning
// that names key and value, and the default holds.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace halton::config {

// [upstream] connect_to: "host:port=addr:port", as curl's --connect-to.
struct ConnectTo {
    std::string host;  // lower case
    std::uint16_t port = 0;
    std::string to_host;
    std::uint16_t to_port = 0;
};

// [upstream] proxy: "http://[user:password@]host:port". Credentials stay in memory.
struct UpstreamProxy {
    std::string host;
    std::uint16_t port = 0;
    std::string authorization;  // value of Proxy-Authorization, or empty
};

// [[provider.custom]]: a host that speaks a known family of formats.
struct CustomProvider {
    std::string host;   // lower case, or "*." and a domain: everything below it
    std::string shape;  // one of custom_shapes
    std::string name;   // as the provider of its rows
};
inline constexpr std::array<std::string_view, 5> custom_shapes{"openai", "anthropic", "gemini",
                                                               "ollama", "bedrock"};

// One [[pricing.override]]: negotiated prices of a model. What it does not name stays as listed.
struct PriceOverride {
    struct Price {
        std::string name;  // "input", "output", "cache_read", ...
        std::int64_t nanousd_per_thousand = 0;
    };
    std::string provider;
    std::string model;
    std::string tier = "standard";   // or "batch", "flex", "priority"
    std::int64_t above_tokens = -1;  // only for calls with more input; -1: for all
    std::string first_day;           // `from`, "2026-11-21"; empty: since ever
    std::string last_day;            // `to`, included; empty: for ever
    std::vector<Price> prices;       // at least one
};

struct Config {
    // [daemon]; 0 = any free port (tests).
    std::uint16_t edge_port = 8081;
    std::uint16_t internal_port = 8090;
    std::uint16_t api_port = 8765;
    std::chrono::milliseconds edge_health_ttl{1000};  // edge_health_ttl_ms, 50 to 60000
    std::chrono::seconds drain_max{4 * 3600};         // drain_max_s, 1 to 604800

    // [upstream]
    bool has_upstream_proxy = false;
    UpstreamProxy upstream_proxy;
    std::vector<std::string> upstream_proxy_bypass;  // no_proxy: host suffixes, "*"
    std::vector<ConnectTo> connect_to;
    std::string upstream_ca_file;  // extra roots for upstream verification

    // [intercept]
    std::vector<std::string> extra_hosts;
    std::vector<std::string> excluded_hosts;  // exclude_hosts

    // [[provider.custom]]
    std::vector<CustomProvider> custom_providers;

    // [tagging]
    std::string default_project = "misc";

    // [cors]
    std::vector<std::string> cors_allow_origins{"http://localhost:3000"};

    // [log]
    std::string log_level = "info";

    // [notify] command: a program and its arguments, told of what policies find; empty: nobody is.
    std::vector<std::string> notify_command;

    // [bodies]: whether bodies of calls are kept where neither a .haltonrc nor the project says, and
    // how long and how much of them; 0: without that bound.
    bool captures_bodies = false;  // capture
    std::int64_t body_retention_days = 30;
    std::int64_t body_size_limit_mib = 1024;  // size_limit_mb

    // [[pricing.override]], in the order of the file
    std::vector<PriceOverride> price_overrides;
};

struct ParsedConfig {
    Config config;
    std::vector<std::string> warnings;  // one clear line each
};

// Never fails. An empty text gives the defaults.
ParsedConfig parse_config(std::string_view toml_text);

}  // namespace halton::config
