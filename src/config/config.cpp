#include "config/config.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <ratio>
#include <type_traits>

#include <fmt/format.h>
// It asserts that a table's name begins like one, and answers with an error where it does not. With
// NDEBUG clang would be told to assume what it asserts, and take that answer away.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/money.h"
#include "base/text.h"
#include "config/slug.h"
#include "config/toml_text.h"

namespace halton::config {
namespace {

constexpr std::uint16_t port_min = 1024;

// What a value looks like in a warning: short, one line, and never a password.
std::string to_shown(const toml::node& node) {
    if (const auto* text = node.as_string()) return fmt::format("\"{}\"", to_safe_text(**text, 80));
    if (const auto* number = node.as_integer()) return fmt::format("{}", **number);
    if (const auto* number = node.as_floating_point()) return fmt::format("{}", **number);
    if (const auto* flag = node.as_boolean()) return **flag ? "true" : "false";
    if (node.is_array()) return "an array";
    return node.is_table() ? "a table" : "a date or time";
}

std::string encode_base64(std::string_view bytes) {
    static constexpr char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t word = 0;
        for (std::size_t k = 0; k < 3; ++k)
            word = word << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= count ? alphabet[word >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

int hex_value(char c) {
    c = to_lower(c);
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A '%' that no two hex digits follow stands for itself: passwords are typed by people.
std::string decode_percent(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};

bool is_host(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    return std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_' || c == ':';
    });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto number = parse_decimal(text);
    if (!number || *number == 0 || *number > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

// "host:port" or "[v6]:port".
std::optional<HostPort> parse_host_port(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return std::nullopt;
    if (!port || !is_host(host)) return std::nullopt;
    return HostPort{to_lower(host), *port};
}

// Cuts "left=right" at '=' and reads both as host:port.
std::optional<ConnectTo> parse_connect_to(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto from = parse_host_port(trim(text.substr(0, equals)));
    const auto to = parse_host_port(trim(text.substr(equals + 1)));
    if (!from || !to) return std::nullopt;
    return ConnectTo{from->host, from->port, to->host, to->port};
}

std::optional<UpstreamProxy> parse_upstream_proxy(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.find("://") != std::string_view::npos) {
        if (!is_equal_ignoring_case(text.substr(0, scheme.size()), scheme)) return std::nullopt;
        text.remove_prefix(scheme.size());
    }
    while (!text.empty() && text.back() == '/') text.remove_suffix(1);
    UpstreamProxy proxy;
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        const auto credentials = text.substr(0, at);
        const auto colon = credentials.find(':');
        const auto user = decode_percent(credentials.substr(0, colon));
        const auto password = colon == std::string_view::npos
                                  ? std::string()
                                  : decode_percent(credentials.substr(colon + 1));
        proxy.authorization = "Basic " + encode_base64(user + ":" + password);
        text.remove_prefix(at + 1);
    }
    const auto address = parse_host_port(text);
    if (!address) return std::nullopt;
    proxy.host = address->host;
    proxy.port = address->port;
    return proxy;
}

// Reads typed keys out of the parsed document; whatever does not fit becomes a warning.
class Reader {
public:
    Reader(const toml::table& root, std::vector<std::string>& warnings)
        : root_(root), warnings_(warnings) {}

    void read(std::string_view section, std::string_view key, std::uint16_t& port) {
        const auto* node = find(section, key);
        if (!node) return;
        const auto number = node->value_exact<std::int64_t>();
        if (!number || (*number != 0 && (*number < port_min || *number > 65535)))
            return warn(section, key, *node, "not a port from 1024 to 65535 (or 0 for any)", port);
        port = static_cast<std::uint16_t>(*number);
    }

    void read(std::string_view section, std::string_view key, bool& flag) {
        const auto* node = find(section, key);
        if (!node) return;
        if (const auto value = node->value_exact<bool>())
            flag = *value;
        else
            warn(section, key, *node, "not true or false", flag);
    }

    void read(std::string_view section, std::string_view key, std::int64_t& number,
              std::int64_t least, std::int64_t most) {
        const auto* node = find(section, key);
        if (!node) return;
        const auto value = node->value_exact<std::int64_t>();
        if (value && *value >= least && *value <= most)
            number = *value;
        else
            warn(section, key, *node, fmt::format("not a number from {} to {}", least, most),
                 number);
    }

    template <class Period>
    void read(std::string_view section, std::string_view key,
              std::chrono::duration<std::int64_t, Period>& time, std::int64_t least,
              std::int64_t most) {
        constexpr auto unit = std::is_same_v<Period, std::milli> ? "milliseconds" : "seconds";
        const auto* node = find(section, key);
        if (!node) return;
        const auto number = node->value_exact<std::int64_t>();
        if (!number || *number < least || *number > most)
            return warn(section, key, *node,
                        fmt::format("not a number of {} from {} to {}", unit, least, most),
                        time.count());
        time = std::chrono::duration<std::int64_t, Period>(*number);
    }

    std::optional<std::string> read_text(std::string_view section, std::string_view key) {
        const auto* node = find(section, key);
        if (!node) return std::nullopt;
        if (const auto* text = node->as_string()) return **text;
        warn(section, key, *node, "not a text", "the default");
        return std::nullopt;
    }

    // Entries that are no texts are left out, each with a warning.
    std::optional<std::vector<std::string>> read_texts(std::string_view section,
                                                       std::string_view key) {
        const auto* node = find(section, key);
        if (!node) return std::nullopt;
        const auto* array = node->as_array();
        if (!array) {
            warn(section, key, *node, "not an array of texts", "the default");
            return std::nullopt;
        }
        std::vector<std::string> texts;
        for (const auto& entry : *array) {
            if (const auto* text = entry.as_string())
                texts.push_back(**text);
            else
                warn(section, key, entry, "not a text", "the other entries");
        }
        return texts;
    }

    template <class Used>
    void warn(std::string_view section, std::string_view key, const toml::node& node,
              std::string_view why, const Used& used) {
        warn_text(section, key, to_shown(node), why, used);
    }

    template <class Used>
    void warn_text(std::string_view section, std::string_view key, std::string_view shown,
                   std::string_view why, const Used& used) {
        warnings_.push_back(
            fmt::format("config.toml: {}.{} = {}: {}; using {}", section, key, shown, why, used));
    }

private:
    const toml::node* find(std::string_view section, std::string_view key) const {
        const auto* table = root_[section].as_table();
        return table ? table->get(key) : nullptr;
    }

    const toml::table& root_;
    std::vector<std::string>& warnings_;
};

void read_daemon(Reader& reader, Config& config) {
    reader.read("daemon", "edge_port", config.edge_port);
    reader.read("daemon", "internal_port", config.internal_port);
    reader.read("daemon", "api_port", config.api_port);
    // Below 50 ms the edge would do little else than probe; above a minute a dead daemon would
    // cost every new connection its chain limit for too long.
    reader.read("daemon", "edge_health_ttl_ms", config.edge_health_ttl, 50, 60'000);
    // How long a process that was replaced may finish what it has. Sessions over one connection
    // last hours; longer than a week nobody should run an old version.
    reader.read("daemon", "drain_max_s", config.drain_max, 1, 604'800);

    const auto same = [](std::uint16_t a, std::uint16_t b) { return a != 0 && a == b; };
    if (!same(config.edge_port, config.internal_port) && !same(config.edge_port, config.api_port) &&
        !same(config.internal_port, config.api_port))
        return;
    const Config defaults;
    reader.warn_text(
        "daemon", "edge_port, internal_port, api_port",
        fmt::format("{}, {}, {}", config.edge_port, config.internal_port, config.api_port),
        "ports must differ",
        fmt::format("{}, {}, {}", defaults.edge_port, defaults.internal_port, defaults.api_port));
    config.edge_port = defaults.edge_port;
    config.internal_port = defaults.internal_port;
    config.api_port = defaults.api_port;
}

void read_upstream(Reader& reader, Config& config) {
    if (const auto text = reader.read_text("upstream", "proxy"); text && !trim(*text).empty()) {
        if (auto proxy = parse_upstream_proxy(trim(*text))) {
            config.has_upstream_proxy = true;
            config.upstream_proxy = std::move(*proxy);
        } else {
            // The value may hold a password, so it is not shown.
            reader.warn_text("upstream", "proxy", "(not shown)",
                             "not of the form http://[user:password@]host:port", "no proxy");
        }
    }
    if (auto texts = reader.read_texts("upstream", "no_proxy"))
        for (const auto& text : *texts)
            config.upstream_proxy_bypass.push_back(to_lower(trim(text)));
    if (auto texts = reader.read_texts("upstream", "connect_to"))
        for (const auto& text : *texts) {
            if (auto rule = parse_connect_to(text))
                config.connect_to.push_back(std::move(*rule));
            else
                reader.warn_text("upstream", "connect_to",
                                 fmt::format("\"{}\"", to_safe_text(text, 80)),
                                 "not of the form host:port=address:port", "the other entries");
        }
    if (const auto text = reader.read_text("upstream", "ca_file")) config.upstream_ca_file = *text;
}

// Host names as they are compared: lower case, without the root's dot.
void read_hosts(Reader& reader, std::string_view key, std::vector<std::string>& hosts) {
    auto texts = reader.read_texts("intercept", key);
    if (!texts) return;
    for (const auto& text : *texts) {
        auto host = to_lower(trim(text));
        if (!host.empty() && host.back() == '.') host.pop_back();
        if (is_host(host) && host.find(':') == std::string::npos)
            hosts.push_back(std::move(host));
        else
            reader.warn_text("intercept", key, fmt::format("\"{}\"", to_safe_text(text, 80)),
                             "not a host name", "the other entries");
    }
}

// A name as providers of rows have it.
bool is_provider_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                      c == '.';
           });
}

// The host of an entry; nothing when it is none. A mark for everything below a domain needs two
// labels at least: nobody's provider is a whole top-level domain.
std::optional<std::string> read_custom_host(std::string_view text) {
    std::string host = to_lower(trim(text));
    if (!host.empty() && host.back() == '.') host.pop_back();
    const bool is_below = host.starts_with("*.");
    const std::string_view domain = std::string_view(host).substr(is_below ? 2 : 0);
    if (!is_host(domain) || domain.find(':') != std::string_view::npos || domain.front() == '.' ||
        (is_below && domain.find('.') == std::string_view::npos))
        return std::nullopt;
    return host;
}

// Each entry stands alone: a bad one is left out with a warning that says why.
void read_custom_providers(const toml::table& root, Config& config,
                           std::vector<std::string>& warnings) {
    const toml::node_view<const toml::node> node = root["provider"]["custom"];
    if (!node) return;
    const toml::array* entries = node.as_array();
    if (!entries) {
        warnings.push_back("config.toml: provider.custom: not [[provider.custom]]; using none");
        return;
    }
    for (const toml::node& node_of_entry : *entries) {
        const toml::table* entry = node_of_entry.as_table();
        const auto text = [&](std::string_view key) -> std::string {
            return entry ? (*entry)[key].value_or(std::string()) : std::string();
        };
        const auto leave_out = [&](std::string_view why) {
            warnings.push_back(fmt::format(
                "config.toml: provider.custom host = \"{}\": {}; using the other entries",
                to_safe_text(text("host"), 80), why));
        };
        if (config.custom_providers.size() == limits::custom_provider_count_max) {
            leave_out("there are too many");
            break;
        }
        CustomProvider custom;
        const auto host = read_custom_host(text("host"));
        custom.shape = to_lower(trim(text("shape")));
        custom.name = text("name");
        if (!host) {
            leave_out("host is not a host name, or *. and a domain");
        } else if (std::find(custom_shapes.begin(), custom_shapes.end(), custom.shape) ==
                   custom_shapes.end()) {
            leave_out("shape is not one of openai, anthropic, gemini, ollama, bedrock");
        } else if (!is_provider_name(custom.name)) {
            leave_out("name is not written with a-z 0-9 - _ . (at most 64)");
        } else {
            custom.host = *host;
            config.custom_providers.push_back(std::move(custom));
        }
    }
}

void read_tagging(Reader& reader, Config& config) {
    const auto text = reader.read_text("tagging", "default_project");
    if (!text) return;
    if (is_slug(*text))
        config.default_project = *text;
    else
        reader.warn_text("tagging", "default_project",
                         fmt::format("\"{}\"", to_safe_text(*text, 80)),
                         "a project is written with a-z 0-9 - _ : / (at most 128)",
                         fmt::format("\"{}\"", config.default_project));
}

void read_log(Reader& reader, Config& config) {
    const auto text = reader.read_text("log", "level");
    if (!text) return;
    const auto level = to_lower(trim(*text));
    if (level == "debug" || level == "info" || level == "warn" || level == "error")
        config.log_level = level;
    else
        reader.warn_text("log", "level", fmt::format("\"{}\"", to_safe_text(*text, 80)),
                         "not one of debug, info, warn, error",
                         fmt::format("\"{}\"", config.log_level));
}

// A program that is started with half of its arguments would do something else: all or nothing.
void read_notify(Reader& reader, Config& config, std::vector<std::string>& warnings) {
    const auto before = warnings.size();
    auto words = reader.read_texts("notify", "command");
    if (!words || words->empty()) return;
    const bool is_odd =
        warnings.size() != before || words->front().empty() ||
        words->size() > limits::notify_arguments_max ||
        std::any_of(words->begin(), words->end(), [](const std::string& word) {
            return word.size() > limits::notify_argument_bytes_max ||
                   word.find('\0') != std::string::npos;
        });
    if (is_odd)
        reader.warn_text("notify", "command", fmt::format("{} words", words->size()),
                         "not a program and its arguments", "none");
    else
        config.notify_command = std::move(*words);
}

void read_bodies(Reader& reader, Config& config) {
    reader.read("bodies", "capture", config.captures_bodies);
    // A hundred years, a million MiB: more is a mistake.
    reader.read("bodies", "retention_days", config.body_retention_days, 0, 36'500);
    reader.read("bodies", "size_limit_mb", config.body_size_limit_mib, 0, 1'000'000);
}

// Names that a price may have, as in the price file.
constexpr std::array<std::string_view, 11> price_names{
    "input",        "output",           "cache_read",  "cache_write",  "cache_write_1h",  "audio_input",
    "audio_output", "audio_cache_read", "image_input", "image_output", "reasoning_output"};

bool is_day(const std::string& text) {
    return text.size() == 10 && parse_iso8601(text + "T00:00:00Z").has_value();
}

// Reads one key of an override. What is wrong with it, or nothing.
std::optional<std::string> read_override_key(std::string_view key, const toml::node& node,
                                             PriceOverride& entry) {
    const auto* text = node.as_string();
    const bool is_name = text != nullptr && !text->get().empty() && text->get().size() <= 200;
    if (key == "provider" || key == "model") {
        if (!is_name) return fmt::format("{} is not a text", key);
        (key == "model" ? entry.model : entry.provider) = text->get();
        return std::nullopt;
    }
    if (key == "tier") {
        for (const std::string_view tier : {"standard", "batch", "flex", "priority"}) {
            if (text == nullptr || text->get() != tier) continue;
            entry.tier = tier;
            return std::nullopt;
        }
        return "tier is not one of standard, batch, flex, priority";
    }
    if (key == "above_tokens") {
        const auto count = node.value_exact<std::int64_t>();
        if (!count || *count < 0 || *count > limits::token_count_max)
            return "above_tokens is not a number of tokens";
        entry.above_tokens = *count;
        return std::nullopt;
    }
    if (key == "from" || key == "to") {
        std::string day = text != nullptr ? text->get() : std::string();
        if (const auto* date = node.as_date())
            day = fmt::format("{:04}-{:02}-{:02}", date->get().year, date->get().month,
                              date->get().day);
        if (!is_day(day)) return fmt::format("{} is not a day such as 2026-11-21", key);
        (key == "from" ? entry.first_day : entry.last_day) = day;
        return std::nullopt;
    }
    if (std::find(price_names.begin(), price_names.end(), key) == price_names.end())
        return fmt::format("there is no key '{}'", to_safe_text(key, 40));
    const auto dollars = node.value<double>();
    const auto scaled = node.is_number() && dollars ? scale_decimal(*dollars, 6) : std::nullopt;
    // Ten thousand dollars for a million tokens is a price per thousand, or per token.
    if (!scaled || *scaled < 0 || *scaled > 10'000'000'000)
        return fmt::format("{} is not a price in USD per million tokens", key);
    entry.prices.push_back({std::string(key), *scaled});
    return std::nullopt;
}

std::optional<std::string> read_override(const toml::table& table, PriceOverride& entry) {
    for (const auto& [key, node] : table)
        if (auto wrong = read_override_key(key.str(), node, entry)) return wrong;
    if (entry.provider.empty()) return "provider is missing";
    if (entry.model.empty()) return "model is missing";
    if (entry.prices.empty()) return "it names no price";
    if (!entry.first_day.empty() && !entry.last_day.empty() && entry.last_day < entry.first_day)
        return "it ends before it begins";
    return std::nullopt;
}

void read_pricing(const toml::table& root, Config& config, std::vector<std::string>& warnings) {
    const auto* pricing = root["pricing"].as_table();
    const auto* node = pricing ? pricing->get("override") : nullptr;
    if (!node) return;
    const auto* list = node->as_array();
    if (!list) {
        warnings.emplace_back(
            "config.toml: pricing.override is not a list; write [[pricing.override]]");
        return;
    }
    std::size_t number = 0;
    for (const auto& element : *list) {
        ++number;
        PriceOverride entry;
        const auto* table = element.as_table();
        auto wrong =
            table ? read_override(*table, entry) : std::optional<std::string>("it is not a table");
        if (!wrong && config.price_overrides.size() >= limits::price_overrides_max)
            wrong = fmt::format("more than {} are not read", limits::price_overrides_max);
        if (!wrong) {
            config.price_overrides.push_back(std::move(entry));
            continue;
        }
        warnings.push_back(
            fmt::format("config.toml: pricing.override {}: {}; ignored", number, *wrong));
        if (config.price_overrides.size() >= limits::price_overrides_max) return;
    }
}

}  // namespace

ParsedConfig parse_config(std::string_view toml_text) {
    ParsedConfig parsed;
    if (toml_text.size() > limits::config_bytes_max) {
        parsed.warnings.push_back("config.toml: larger than 1 MiB; using the defaults");
        return parsed;
    }
    const auto safe_text = to_safe_toml(toml_text);
    if (!safe_text) {
        parsed.warnings.push_back(
            fmt::format("config.toml: {}; using the defaults", safe_text.error().context));
        return parsed;
    }
    toml::table root;
    try {
        root = toml::parse(*safe_text);
    } catch (const toml::parse_error& error) {
        parsed.warnings.push_back(
            fmt::format("config.toml: line {}: {}; using the defaults", error.source().begin.line,
                        to_safe_text(error.description(), limits::log_value_bytes_max)));
        return parsed;
    } catch (const std::exception& error) {
        parsed.warnings.push_back(
            fmt::format("config.toml: {}; using the defaults",
                        to_safe_text(error.what(), limits::log_value_bytes_max)));
        return parsed;
    }
    Reader reader(root, parsed.warnings);
    read_daemon(reader, parsed.config);
    read_upstream(reader, parsed.config);
    read_hosts(reader, "extra_hosts", parsed.config.extra_hosts);
    read_hosts(reader, "exclude_hosts", parsed.config.excluded_hosts);
    read_custom_providers(root, parsed.config, parsed.warnings);
    read_tagging(reader, parsed.config);
    if (auto origins = reader.read_texts("cors", "allow_origins"))
        parsed.config.cors_allow_origins = std::move(*origins);
    read_log(reader, parsed.config);
    read_notify(reader, parsed.config, parsed.warnings);
    read_bodies(reader, parsed.config);
    read_pricing(root, parsed.config, parsed.warnings);
    return parsed;
}

}  // namespace halton::config
