// What a Linux desktop's proxy settings say, and their text without a proxy. Pure: texts come from
// `gsettings` (GNOME) and kioslaverc (KDE).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halton::setup {

// The answers of `gsettings get org.gnome.system.proxy mode`, `... .https host`, `... .https port`.
struct GnomeProxy {
    std::string mode;  // "'manual'\n"
    std::string https_host;
    std::string https_port;
};

// Whether the desktop sends HTTPS to a loopback address with one of `ports`.
bool is_ours(const GnomeProxy& proxy, const std::vector<std::uint16_t>& ports);
bool is_ours(std::string_view kioslaverc, const std::vector<std::uint16_t>& ports);

// localhost and the loopback addresses, as people write them.
bool is_loopback_host(std::string_view host);

// Whether any proxy is in force there.
bool has_proxy(std::string_view kioslaverc);

// The same kioslaverc with our edge for HTTP and HTTPS; exceptions and everything else stay.
std::string switch_on_kioslaverc(std::string_view kioslaverc, std::uint16_t port);

// The same kioslaverc with ProxyType=0 ("no proxy"); everything else stays as it is.
std::string switch_off_kioslaverc(std::string_view kioslaverc);
// The same with ProxyType=1 ("manual"), if it says "no proxy" now; else nothing.
std::optional<std::string> switch_back_on_kioslaverc(std::string_view kioslaverc);

}  // namespace halton::setup
