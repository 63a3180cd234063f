#include "platform/home.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using config::EffectivePorts;
using platform::find_home;
using platform::Home;

TEST_CASE("home: the variable wins, then HOME, then the password database") {
    {
        const test::ScopedVariable moved("HALTON_METER_HOME", "/srv/meter/../meter-2");
        CHECK(find_home().value().directory == "/srv/meter-2");
    }
    {
        const test::ScopedVariable moved("HALTON_METER_HOME", "relative");
        CHECK(find_home().value().directory == std::filesystem::current_path() / "relative");
    }
    const test::ScopedVariable unset("HALTON_METER_HOME", "");
    {
        const test::ScopedVariable home("HOME", "/home/someone");
        CHECK(find_home().value().directory == "/home/someone/.halton-meter");
        CHECK(find_home().value().database_file() == "/home/someone/.halton-meter/db.sqlite");
    }
    const test::ScopedVariable none("HOME", "");
    const auto found = find_home();
    REQUIRE(found);
    CHECK(found->directory.is_absolute());
    CHECK(found->directory.filename() == ".halton-meter");
}

TEST_CASE("home: an absent, unreadable or bad config gives the defaults") {
    const test::TempDirectory directory;
    const Home home{directory.path()};
    auto parsed = platform::read_config(home);
    CHECK(parsed.warnings.empty());
    CHECK(parsed.config.edge_port == 8081);
    test::write_text(home.config_file(), "[daemon]\nedge_port = 9000\n");
    CHECK(platform::read_config(home).config.edge_port == 9000);
    test::write_text(home.config_file(), std::string(2'000'000, '#'));
    parsed = platform::read_config(home);
    CHECK(parsed.warnings.size() == 1);
    CHECK(parsed.config.edge_port == 8081);
    std::filesystem::remove(home.config_file());
    std::filesystem::create_directory(home.config_file());
    CHECK(platform::read_config(home).warnings.size() == 1);
}

TEST_CASE("home: ports are merged field by field") {
    const test::TempDirectory directory;
    const Home home{directory / "data"};
    CHECK(platform::read_ports(home).error().kind == ErrorKind::not_found);
    CHECK_FALSE(platform::merge_ports(home, {1, 2, 3, 4, 5}));
    REQUIRE(platform::make_home(home));
    REQUIRE(platform::merge_ports(home, {8081, 0, 0, 11, 0}));
    REQUIRE(platform::merge_ports(home, {0, 8090, 8765, 0, 12}));
    CHECK(platform::read_ports(home).value() == EffectivePorts{8081, 8090, 8765, 11, 12});
    REQUIRE(platform::merge_ports(home, {0, 18090, 0, 0, 13}));
    CHECK(platform::read_ports(home).value() == EffectivePorts{8081, 18090, 8765, 11, 13});
    // A damaged file is replaced.
    test::write_text(home.ports_file(), "{\"edge_port\": 80");
    CHECK(platform::read_ports(home).error().kind == ErrorKind::malformed);
    REQUIRE(platform::merge_ports(home, {0, 1, 0, 0, 0}));
    CHECK(platform::read_ports(home).value() == EffectivePorts{0, 1, 0, 0, 0});
}

TEST_CASE("home: edge and daemon that start at the same moment do not lose each other's ports") {
    const test::TempDirectory directory;
    const Home home{directory.path()};
    constexpr int round_count = 100;
    const int child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        for (int i = 1; i <= round_count; ++i)
            if (!platform::merge_ports(home, {static_cast<std::uint16_t>(i), 0, 0, 0, 0}))
                ::_exit(1);
        ::_exit(0);
    }
    int failed_count = 0;
    for (int i = 1; i <= round_count; ++i)
        failed_count += !platform::merge_ports(home, {0, static_cast<std::uint16_t>(i), 0, 0, 0});
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(failed_count == 0);
    CHECK(platform::read_ports(home).value() == EffectivePorts{round_count, round_count, 0, 0, 0});
}

TEST_CASE("home: a stop is remembered for half a minute") {
    const test::TempDirectory directory;
    const Home home{directory.path()};
    const auto now = parse_iso8601("2026-11-21T10:00:30Z").value();
    const auto was_stopped = [&](const char* text) {
        test::write_text(home.graceful_shutdown_file(), text);
        return platform::was_stopped_just_now(home, now);
    };
    CHECK_FALSE(platform::was_stopped_just_now(home, now));
    CHECK(was_stopped("2026-11-21T10:00:29Z\n"));
    CHECK(was_stopped("2026-11-21T10:00:00.5Z"));
    CHECK_FALSE(was_stopped("2026-11-21T10:00:00Z"));
    CHECK_FALSE(was_stopped("2026-11-21T10:00:31Z"));  // the clock was set back
    CHECK_FALSE(was_stopped("yesterday"));
    CHECK_FALSE(was_stopped(""));
}
