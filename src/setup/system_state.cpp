#include "setup/system_state.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "setup/desktop_proxy.h"

namespace halton::setup {
namespace {

constexpr unsigned file_permissions = 0600;

std::string text_of(JsonView value) { return std::string(value.as_string().value_or("")); }

// False: not a proxy setting that this program wrote.
bool read_setting(JsonView value, ProxySetting& setting) {
    const auto is_on = value["enabled"].as_bool();
    const auto server = value["server"].as_string();
    const auto port = value["port"].as_integer();
    if (!is_on || !server || !port) return false;
    if (*port < 0 || *port > std::numeric_limits<std::uint16_t>::max()) return false;
    setting = {*is_on, std::string(*server), static_cast<std::uint16_t>(*port),
               value["authenticated"].as_bool().value_or(false)};
    return true;
}

bool read_service(JsonView value, NetworkService& service) {
    service.name = text_of(value["name"]);
    if (service.name.empty() || !read_setting(value["web_proxy"], service.web) ||
        !read_setting(value["secure_web_proxy"], service.secure_web))
        return false;
    bool is_good = value["bypass_domains"].is_array();
    value["bypass_domains"].for_each_element([&](JsonView domain) {
        const auto text = domain.as_string();
        is_good = is_good && text;
        if (text) service.bypass_domains.emplace_back(*text);
    });
    return is_good;
}

void write_setting(JsonWriter& writer, std::string_view key, const ProxySetting& setting) {
    writer.begin_object(key)
        .flag("enabled", setting.is_on)
        .text("server", setting.server)
        .number("port", setting.port)
        .flag("authenticated", setting.has_login)
        .end();
}

}  // namespace

const NetworkService* SystemState::find(std::string_view service) const {
    const auto found =
        std::find_if(network_services.begin(), network_services.end(),
                     [service](const NetworkService& known) { return known.name == service; });
    return found == network_services.end() ? nullptr : &*found;
}

Result<SystemState> parse_system_state(std::string_view json) {
    const auto malformed = [](const char* what) {
        return fail(ErrorKind::malformed, fmt::format("system_state.json {}", what));
    };
    if (json.size() > limits::system_state_bytes_max) return malformed("is larger than it can be");
    JsonParser parser;
    const auto root = parser.parse(json);
    if (!root || !root->is_object()) return malformed("is not the object that init writes");

    SystemState state;
    bool is_good = true;
    const auto services = (*root)["network_services"];
    if (services.is_present() && !services.is_array()) is_good = false;
    services.for_each_element([&](JsonView value) {
        NetworkService service;
        is_good = is_good && read_service(value, service);
        if (is_good && !state.find(service.name))
            state.network_services.push_back(std::move(service));
    });
    if (const auto gnome = (*root)["gnome"]; gnome.is_object()) {
        state.gnome = GnomeState{text_of(gnome["mode"]),       text_of(gnome["http_host"]),
                                 text_of(gnome["http_port"]),  text_of(gnome["https_host"]),
                                 text_of(gnome["https_port"]), text_of(gnome["ignore_hosts"])};
        is_good = is_good && !state.gnome->mode.empty();
    } else if (gnome.is_present()) {
        is_good = false;
    }
    if (const auto kde = (*root)["kde"]; kde.is_object()) {
        const auto text = kde["kioslaverc"];
        is_good = is_good && (text.is_null() || text.is_string());
        state.kde.emplace();
        if (const auto value = text.as_string()) state.kde->kioslaverc = *value;
    } else if (kde.is_present()) {
        is_good = false;
    }
    if (!is_good) return malformed("says something that init never writes");
    return state;
}

std::string to_system_state_file(const SystemState& state) {
    JsonWriter writer;
    writer.begin_object();
    writer.begin_array("network_services");
    for (const auto& service : state.network_services) {
        writer.begin_object().text("name", service.name);
        write_setting(writer, "web_proxy", service.web);
        write_setting(writer, "secure_web_proxy", service.secure_web);
        writer.begin_array("bypass_domains");
        for (const auto& domain : service.bypass_domains) writer.text({}, domain);
        writer.end().end();
    }
    writer.end();
    if (state.gnome)
        writer.begin_object("gnome")
            .text("mode", state.gnome->mode)
            .text("http_host", state.gnome->http_host)
            .text("http_port", state.gnome->http_port)
            .text("https_host", state.gnome->https_host)
            .text("https_port", state.gnome->https_port)
            .text("ignore_hosts", state.gnome->ignore_hosts)
            .end();
    if (state.kde)
        writer.begin_object("kde").text_or_null("kioslaverc", state.kde->kioslaverc).end();
    writer.end();
    return writer.finish();
}

bool points_at_us(const ProxySetting& setting, const Ports& ports) {
    return is_loopback_host(setting.server) &&
           std::find(ports.begin(), ports.end(), setting.port) != ports.end();
}

bool is_ours(const ProxySetting& setting, const Ports& ports) {
    return setting.is_on && points_at_us(setting, ports);
}

SystemState without_ours(SystemState seen, const Ports& ports) {
    for (auto& service : seen.network_services)
        for (auto* setting : {&service.web, &service.secure_web})
            if (points_at_us(*setting, ports)) *setting = {};
    if (seen.gnome) {
        auto& gnome = *seen.gnome;
        if (is_ours(GnomeProxy{gnome.mode, gnome.https_host, gnome.https_port}, ports) ||
            is_ours(GnomeProxy{gnome.mode, gnome.http_host, gnome.http_port}, ports))
            gnome.mode = "'none'";
        const auto clear = [&ports](std::string& host, std::string& port) {
            if (!is_ours(GnomeProxy{"'manual'", host, port}, ports)) return;
            host = "''";
            port = "0";
        };
        clear(gnome.http_host, gnome.http_port);
        clear(gnome.https_host, gnome.https_port);
    }
    if (seen.kde && seen.kde->kioslaverc && is_ours(*seen.kde->kioslaverc, ports))
        seen.kde->kioslaverc = switch_off_kioslaverc(*seen.kde->kioslaverc);
    return seen;
}

SystemState add_unrecorded(SystemState recorded, const SystemState& seen) {
    for (const auto& service : seen.network_services)
        if (!recorded.find(service.name)) recorded.network_services.push_back(service);
    if (!recorded.gnome) recorded.gnome = seen.gnome;
    if (!recorded.kde) recorded.kde = seen.kde;
    return recorded;
}

std::optional<SystemState> read_recorded(const FileFact& file) {
    if (file.state != FileFact::State::present) return std::nullopt;
    auto state = parse_system_state(file.text);
    if (!state) return std::nullopt;
    return std::move(*state);
}

std::vector<Step> plan_recording(const std::string& path, const FileFact& file,
                                 const SystemState& seen, const Ports& ports) {
    if (file.state == FileFact::State::unreadable)
        return {Notify{path + " cannot be read; uninstall will switch the system proxy off "
                              "instead of restoring it"}};
    const auto now = without_ours(seen, ports);
    const auto recorded = read_recorded(file);
    if (recorded) {
        const auto more = add_unrecorded(*recorded, now);
        if (more == *recorded) return {};
        return {WriteFile{path, to_system_state_file(more), file_permissions}};
    }
    std::vector<Step> steps;
    if (file.state == FileFact::State::present) {
        const auto aside = path + ".unreadable";
        steps.push_back(WriteFile{aside, file.text, file_permissions});
        steps.push_back(Notify{path + " makes no sense; it is kept as " + aside +
                               ", and the settings of now are recorded"});
    }
    steps.push_back(WriteFile{path, to_system_state_file(now), file_permissions});
    return steps;
}

}  // namespace halton::setup
