#include "setup/run_environment.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::setup {
namespace {

constexpr std::array adding_names{"NODE_EXTRA_CA_CERTS", "DENO_CERT"};

// CODEX_CA_CERTIFICATE is treated as replacing: it wins over everything else that Codex reads.
constexpr std::array replacing_names{"SSL_CERT_FILE",     "REQUESTS_CA_BUNDLE",  "CURL_CA_BUNDLE",
                                     "GIT_SSL_CAINFO",    "AWS_CA_BUNDLE",       "PIP_CERT",
                                     "CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE"};

constexpr std::array proxy_names{"HTTPS_PROXY", "https_proxy"};
// Also those that we never set: whoever set them may have meant our edge.
constexpr std::array every_proxy_name{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
                                      "http_proxy",  "ALL_PROXY",   "all_proxy"};
constexpr std::array no_proxy_names{"NO_PROXY", "no_proxy"};
// As URLs write them.
constexpr std::array<std::string_view, 3> loopback_hosts{"127.0.0.1", "localhost", "[::1]"};
constexpr std::array loopback_names{"localhost", "127.0.0.1", "::1"};

std::string_view value_of(const Variables& variables, std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view() : trim(found->second);
}

template <class Names>
std::vector<std::string> collect(const Variables& variables, const Names& names) {
    std::vector<std::string> values;
    for (const char* name : names) {
        const std::string value(value_of(variables, name));
        if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end())
            values.push_back(value);
    }
    return values;
}

std::vector<std::string> split_entries(std::string_view text) {
    std::vector<std::string> entries;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(", \t"), text.size());
        if (end > 0) entries.push_back(to_lower(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return entries;
}

// Both spellings, since tools differ in which they read.
std::vector<std::string> read_no_proxy(const Variables& variables) {
    std::vector<std::string> entries;
    for (const auto& value : collect(variables, no_proxy_names))
        for (auto& entry : split_entries(value))
            if (std::find(entries.begin(), entries.end(), entry) == entries.end())
                entries.push_back(std::move(entry));
    return entries;
}

std::string merge_no_proxy(const Variables& variables) {
    auto entries = read_no_proxy(variables);
    // Several tools know "*" only when it stands alone.
    if (std::find(entries.begin(), entries.end(), "*") != entries.end()) return "*";
    for (const char* name : loopback_names)
        if (std::find(entries.begin(), entries.end(), name) == entries.end())
            entries.emplace_back(name);
    return fmt::format("{}", fmt::join(entries, ","));
}

bool is_covered(std::string_view host, std::string_view entry) {
    if (entry == "*") return true;
    if (const auto colon = entry.find(':'); colon != std::string_view::npos)
        entry = entry.substr(0, colon);
    if (entry.substr(0, 1) == "*") entry.remove_prefix(1);
    while (!entry.empty() && entry.front() == '.') entry.remove_prefix(1);
    if (entry.empty() || host.size() < entry.size()) return false;
    const auto rest = host.size() - entry.size();
    return host.substr(rest) == entry && (rest == 0 || host[rest - 1] == '.');
}

constexpr std::string_view java_name = "JAVA_TOOL_OPTIONS";

bool is_java_host(std::string_view entry) {
    return !entry.empty() && std::all_of(entry.begin(), entry.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    });
}

// NO_PROXY in Java's words. Networks (10.0.0.0/8) have none.
std::string make_java_bypass(const Variables& variables) {
    std::string hosts = "localhost|127.*|[::1]";
    for (std::string_view entry : split_entries(merge_no_proxy(variables))) {
        if (entry == "*") return "*";
        if (std::find(loopback_names.begin(), loopback_names.end(), entry) != loopback_names.end())
            continue;
        if (entry.find(':') != entry.rfind(':')) continue;  // an IPv6 address
        entry = entry.substr(0, entry.find(':'));
        if (entry.substr(0, 1) == "*") entry.remove_prefix(1);
        const bool is_subdomains_only = entry.substr(0, 1) == ".";
        if (is_subdomains_only) entry.remove_prefix(1);
        if (!is_java_host(entry)) continue;
        if (!is_subdomains_only) hosts += fmt::format("|{}", entry);
        hosts += fmt::format("|*.{}", entry);
    }
    return hosts;
}

// A word among others: in quotes when it has blanks in it.
std::optional<std::string> quote_for_java(const std::string& word) {
    if (word.find_first_of(" \t'\"") == std::string::npos) return word;
    for (const char quote : {'"', '\''})
        if (word.find(quote) == std::string::npos) return quote + word + quote;
    return std::nullopt;
}

}  // namespace

Variables make_run_environment(Variables variables, const RunSettings& settings) {
    const auto no_proxy = merge_no_proxy(variables);
    const auto proxy = fmt::format("http://127.0.0.1:{}", settings.edge_port);
    if (const auto options = make_java_options(variables, settings)) {
        std::string& own = variables[std::string(java_name)];
        // A nested run finds them there.
        if (own.find(*options) == std::string::npos) own += (own.empty() ? "" : " ") + *options;
    }
    for (const char* name : proxy_names) variables[name] = proxy;
    for (const char* name : no_proxy_names) variables[name] = no_proxy;
    for (const char* name : adding_names) variables[name] = settings.adding_ca_file;
    for (const char* name : replacing_names) variables[name] = settings.replacing_ca_file;
    // Node reads the proxy variables only when told to, aiohttp only with this.
    variables["NODE_USE_ENV_PROXY"] = "1";
    variables["AIOHTTP_TRUST_ENV"] = "True";
    return variables;
}

std::optional<std::string> make_java_options(const Variables& variables,
                                             const RunSettings& settings) {
    if (settings.java_trust_file.empty()) return std::nullopt;
    const auto store = quote_for_java("-Djavax.net.ssl.trustStore=" + settings.java_trust_file);
    if (!store) return std::nullopt;
    return fmt::format(
        "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={} -Dhttp.nonProxyHosts={} {} "
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        settings.edge_port, make_java_bypass(variables), *store);
}

std::optional<std::string> find_own_java_option(const Variables& variables,
                                                const std::string& options) {
    std::string own(value_of(variables, java_name));
    if (const auto ours = own.find(options); ours != std::string::npos)
        own.erase(ours, options.size());
    for (const char* option : {"-Djavax.net.ssl.trustStore", "-Dhttps.proxyHost"})
        if (own.find(option) != std::string::npos) return option;
    return std::nullopt;
}

OwnCaFiles find_own_ca_files(const Variables& variables) {
    return {collect(variables, adding_names), collect(variables, replacing_names)};
}

std::string to_shown_proxy(std::string_view url) {
    if (const auto scheme = url.find("://"); scheme != std::string_view::npos)
        url.remove_prefix(scheme + 3);
    if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
    return to_safe_text(url.substr(0, url.find('/')), 120);
}

static bool leads_to_edge(std::string_view url, std::uint16_t edge_port) {
    const auto shown = to_shown_proxy(url);
    return std::any_of(loopback_hosts.begin(), loopback_hosts.end(), [&](std::string_view host) {
        return shown == fmt::format("{}:{}", host, edge_port);
    });
}

std::optional<std::string> find_foreign_proxy(const Variables& variables, std::uint16_t edge_port) {
    for (const auto& url : collect(variables, proxy_names))
        if (!leads_to_edge(url, edge_port)) return url;
    return std::nullopt;
}

Variables remove_edge_proxy(Variables variables, std::uint16_t edge_port) {
    for (const auto name : every_proxy_name) {
        const auto found = variables.find(name);
        if (found != variables.end() && leads_to_edge(found->second, edge_port))
            variables.erase(found);
    }
    return variables;
}

std::vector<std::string> find_bypassed_hosts(const Variables& variables,
                                             const std::vector<std::string>& hosts) {
    const auto entries = read_no_proxy(variables);
    std::vector<std::string> bypassed;
    for (const auto& host : hosts)
        if (std::any_of(entries.begin(), entries.end(),
                        [&](const std::string& entry) { return is_covered(host, entry); }))
            bypassed.push_back(host);
    return bypassed;
}

}  // namespace halton::setup
