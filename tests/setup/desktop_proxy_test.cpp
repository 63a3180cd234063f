#include "setup/desktop_proxy.h"

#include "support/catch.h"

using namespace halton;
using setup::GnomeProxy;
using setup::has_proxy;
using setup::is_ours;
using setup::switch_back_on_kioslaverc;
using setup::switch_off_kioslaverc;
using setup::switch_on_kioslaverc;

namespace {

const std::vector<std::uint16_t> ports{8081, 18081};

constexpr const char* kde_text =
    "[$Version]\nupdate_info=kioslave.upd:x\n\n"
    "[Proxy Settings]\nAuthMode=0\nProxyType=1\nhttpsProxy[$e]=http://127.0.0.1 8081\n\n"
    "[Other]\nProxyType=1\n";

}  // namespace

TEST_CASE("desktop proxy: GNOME's answers") {
    CHECK(is_ours(GnomeProxy{"'manual'\n", "'127.0.0.1'\n", "8081\n"}, ports));
    CHECK(is_ours(GnomeProxy{"'manual'\n", "'localhost'\n", "18081\n"}, ports));
    CHECK_FALSE(is_ours(GnomeProxy{"'none'\n", "'127.0.0.1'\n", "8081\n"}, ports));
    CHECK_FALSE(is_ours(GnomeProxy{"'auto'\n", "'127.0.0.1'\n", "8081\n"}, ports));
    CHECK_FALSE(is_ours(GnomeProxy{"'manual'\n", "'proxy.corp.example'\n", "8081\n"}, ports));
    CHECK_FALSE(is_ours(GnomeProxy{"'manual'\n", "'127.0.0.1'\n", "3128\n"}, ports));
    CHECK_FALSE(is_ours(GnomeProxy{"", "", ""}, ports));  // no gsettings here
}

TEST_CASE("desktop proxy: KDE's file") {
    CHECK(is_ours(kde_text, ports));
    CHECK_FALSE(is_ours(kde_text, {3128}));
    CHECK_FALSE(is_ours("", ports));
    CHECK(is_ours("[Proxy Settings]\nProxyType=1\nhttpsProxy=http://localhost:8081/", ports));
    CHECK_FALSE(is_ours("[Proxy Settings]\nProxyType=2\nhttpsProxy=http://127.0.0.1 8081", ports));
    CHECK_FALSE(is_ours("[Proxy Settings]\nProxyType=1\nhttpsProxy=http://corp 8081", ports));
    CHECK_FALSE(is_ours("[Proxy Settings]\nProxyType=1\nhttpsProxy=http://127.0.0.1", ports));
    CHECK_FALSE(is_ours("[Else]\nProxyType=1\nhttpsProxy=http://127.0.0.1 8081", ports));
}

TEST_CASE("desktop proxy: switching KDE off touches one line of one group") {
    const auto text = switch_off_kioslaverc(kde_text);
    CHECK_FALSE(is_ours(text, ports));
    std::string expected = kde_text;
    expected.replace(expected.find("ProxyType=1"), 11, "ProxyType=0");
    CHECK(text == expected);
    CHECK(switch_off_kioslaverc(text) == text);
    CHECK(switch_off_kioslaverc("").empty());
}

TEST_CASE("desktop proxy: KDE's file is switched on in place") {
    const std::string wanted =
        "[Proxy Settings]\nProxyType=1\nhttpProxy=http://127.0.0.1 8081\n"
        "httpsProxy=http://127.0.0.1 8081\n";
    CHECK(switch_on_kioslaverc("", 8081) == wanted);
    CHECK(switch_on_kioslaverc(wanted, 8081) == wanted);
    CHECK(is_ours(wanted, {8081}));
    CHECK(switch_on_kioslaverc("[Other]\na=1\n", 8081) == "[Other]\na=1\n\n" + wanted);
    // Exceptions, foreign keys and the groups around stay; keys are replaced, never doubled.
    CHECK(switch_on_kioslaverc("[A]\nx=1\n\n[Proxy Settings]\nNoProxyFor=.corp\n"
                               "httpsProxy[$e]=http://old 1\nhttpsProxy=twice\n\n[B]\ny=2",
                               9) ==
          "[A]\nx=1\n\n[Proxy Settings]\nNoProxyFor=.corp\nhttpsProxy=http://127.0.0.1 9\n"
          "ProxyType=1\nhttpProxy=http://127.0.0.1 9\n\n[B]\ny=2");
    CHECK(switch_on_kioslaverc("[Proxy Settings]\nProxyType=0", 9) ==
          "[Proxy Settings]\nProxyType=1\nhttpProxy=http://127.0.0.1 9\n"
          "httpsProxy=http://127.0.0.1 9\n");
    CHECK(has_proxy(wanted));
    CHECK_FALSE(has_proxy("[Proxy Settings]\nProxyType=0\n"));
    CHECK_FALSE(has_proxy("[Other]\nProxyType=1\n"));
}

TEST_CASE("desktop proxy: KDE is switched on again only from off") {
    const auto off = switch_off_kioslaverc(kde_text);
    CHECK(switch_back_on_kioslaverc(off) == std::string(kde_text));
    CHECK_FALSE(switch_back_on_kioslaverc(kde_text));
    CHECK_FALSE(switch_back_on_kioslaverc(""));
    CHECK_FALSE(switch_back_on_kioslaverc("[Proxy Settings]\nProxyType=2\n"));
    CHECK_FALSE(switch_back_on_kioslaverc("[Else]\nProxyType=0\n"));
}

TEST_CASE("desktop proxy: loopback, as people write it") {
    for (const auto* host : {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"})
        CHECK(setup::is_loopback_host(host));
    for (const auto* host : {"", "10.0.0.1", "localhost.example", "12.7.0.0"})
        CHECK_FALSE(setup::is_loopback_host(host));
}
