#include "roles/dashboard_text.h"

#include <fmt/format.h>

namespace halton::roles {
namespace {

// Only there does it stand under this path; elsewhere "open" may be anything.
constexpr std::string_view macos_opener = "/usr/bin/open";
constexpr std::string_view macos_mark = "/usr/bin/sw_vers";
constexpr std::string_view desktop_opener = "xdg-open";

}  // namespace

std::string to_dashboard_url(std::uint16_t api_port) {
    return fmt::format("http://127.0.0.1:{}/", api_port);
}

std::vector<std::string> choose_opener(const platform::Environment& environment,
                                       const std::function<bool(std::string_view)>& has_program) {
    const auto says = [&environment](std::string_view name) {
        const auto found = environment.find(name);
        return found != environment.end() && !found->second.empty();
    };
    if (has_program(macos_mark) && has_program(macos_opener)) {
        // Over SSH it would open on a screen that nobody may be looking at.
        if (says("SSH_CONNECTION")) return {};
        return {std::string(macos_opener)};
    }
    const bool has_desktop = says("WAYLAND_DISPLAY") || says("DISPLAY");
    if (has_desktop && has_program(desktop_opener)) return {std::string(desktop_opener)};
    return {};
}

}  // namespace halton::roles
