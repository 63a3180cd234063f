#include "roles/proxy_nets.h"

#include "support/catch.h"
#include "support/io.h"
#include "support/temp_directory.h"

using namespace halton;

TEST_CASE("proxy nets: without the sentinel nothing is touched") {
    const test::TempDirectory directory;
    const platform::Home home{directory.path()};
    CHECK_FALSE(roles::is_proxy_managed(home));
    // A tool that would leave a trace.
    test::write_text(directory / "networksetup", "#!/bin/sh\ntouch \"$(dirname \"$0\")/called\"\n");
    std::filesystem::permissions(directory / "networksetup", std::filesystem::perms::owner_all);
    const test::ScopedVariable path("PATH", directory.path().string() + ":/usr/bin:/bin");
    const test::ScopedVariable user("HOME", directory.path().string());
    const test::ScopedVariable moved("XDG_CONFIG_HOME", directory.path().string());
    const test::ScopedVariable own("HALTON_METER_HOME", directory.path().string());

    const auto run = [&] {
        test::Io io;
        roles::ProxyNets nets(io.context, home);
        nets.begin_switch_off();
        io.run(nets.await_switch_off());
    };
    run();
    CHECK_FALSE(std::filesystem::exists(directory / "called"));

    test::write_text(directory / "proxy-managed", "");
    CHECK(roles::is_proxy_managed(home));
    run();
    CHECK(std::filesystem::exists(directory / "called"));
}

TEST_CASE("proxy nets: no sentinel or no port, nothing to switch on") {
    const test::TempDirectory directory;
    const platform::Home home{directory.path()};
    test::Io io;
    roles::ProxyNets nets(io.context, home);
    // Over at once: nobody is asked for his health.
    io.run(nets.switch_on_when_healthy(1, 8081));
    test::write_text(directory / "proxy-managed", "");
    io.run(nets.switch_on_when_healthy(1, 0));
}
