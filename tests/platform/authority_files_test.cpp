#include "platform/authority_files.h"

#include <sys/stat.h>

#include "base/log.h"
#include "support/catch.h"
#include "support/temp_directory.h"
#include "tls/bundle.h"

using namespace halton;
using namespace halton::test;
using platform::load_or_make_authority;

namespace {

const std::vector<std::string> hosts{"api.example.com"};
const UtcTime now = system_clock().now_utc();

struct World {
    World() : home{directory.path()} { set_log_level(LogLevel::error); }

    std::string fingerprint(const std::vector<std::string>& wanted = hosts) {
        const auto authority = load_or_make_authority(home, wanted, now);
        REQUIRE(authority);
        return (*authority)->fingerprint();
    }

    TempDirectory directory;
    platform::Home home;
};

unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
}

std::uint64_t inode_of(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

// Some root, as PEM.
std::string make_root(const std::string& host) {
    return tls::make_authority({host}, now)->certificate_pem;
}

}  // namespace

TEST_CASE("authority files: made once, private, and the same ever after") {
    World world;
    const auto first = world.fingerprint();
    CHECK(mode_of(world.home.ca_key_file()) == 0600);
    CHECK(mode_of(world.home.ca_directory()) == 0700);
    CHECK(mode_of(world.home.ca_certificate_file()) == 0644);
    CHECK(tls::count_certificates(read_text(world.home.ca_certificate_file())) == 1);
    CHECK(read_text(world.home.ca_certificate_file()).find("PRIVATE KEY") == std::string::npos);
    CHECK(world.fingerprint() == first);
}

TEST_CASE("authority files: a root that does not do is replaced, key and certificate together") {
    World world;
    const auto first = world.fingerprint();
    auto wanted = hosts;
    UtcTime when = now;
    SECTION("other hosts") { wanted.emplace_back("api.other.example"); }
    SECTION("damaged key") { write_text(world.home.ca_key_file(), "not a key"); }
    SECTION("damaged certificate") { write_text(world.home.ca_certificate_file(), "nothing"); }
    SECTION("a key of another root") {
        write_text(world.home.ca_key_file(), tls::make_authority(hosts, now)->key_pem);
    }
    SECTION("lost certificate") { std::filesystem::remove(world.home.ca_certificate_file()); }
    SECTION("lost key") { std::filesystem::remove(world.home.ca_key_file()); }
    SECTION("nearly expired") { when += std::chrono::hours(24 * 3650); }
    const auto second = load_or_make_authority(world.home, wanted, when);
    REQUIRE(second);
    CHECK((*second)->fingerprint() != first);
    CHECK((*second)->covers(wanted, when));
    const auto again = load_or_make_authority(world.home, wanted, when);
    REQUIRE(again);
    CHECK((*again)->fingerprint() == (*second)->fingerprint());
    CHECK(mode_of(world.home.ca_key_file()) == 0600);
}

TEST_CASE("authority files: fewer hosts need no new root") {
    World world;
    const auto first = world.fingerprint({"api.example.com", "api.other.example"});
    CHECK(world.fingerprint() == first);
}

TEST_CASE("authority files: what cannot be written is an error") {
    World world;
    write_text(world.home.ca_directory(), "a file where the directory belongs");
    const auto authority = load_or_make_authority(world.home, hosts, now);
    REQUIRE_FALSE(authority);
    const auto kind = authority.error().kind;
    CHECK((kind == ErrorKind::io || kind == ErrorKind::permission));
}

TEST_CASE("authority files: the bundle holds everything once, and is left alone when it is right") {
    World world;
    CHECK(platform::write_bundle(world.home, {}).error().kind == ErrorKind::not_found);
    world.fingerprint();
    const std::string own = read_text(world.home.ca_certificate_file());
    const std::vector<std::string> roots{make_root("one.example") + make_root("two.example"),
                                         make_root("three.example"), own};
    REQUIRE(platform::write_bundle(world.home, roots));
    const auto file = world.home.ca_bundle_file();
    CHECK(tls::count_certificates(read_text(file)) == 4);
    CHECK(mode_of(file) == 0644);

    const auto inode = inode_of(file);
    REQUIRE(platform::write_bundle(world.home, roots));
    CHECK(inode_of(file) == inode);

    REQUIRE(platform::write_bundle(world.home, {}));
    CHECK(tls::count_certificates(read_text(file)) == 1);
}

TEST_CASE("authority files: the user's own roots come before the system's") {
    World world;
    const auto mine = world.directory / "mine.pem";
    const auto extra = world.directory / "extra.pem";
    write_text(mine, "mine");
    write_text(extra, "extra");

    SECTION("SSL_CERT_FILE, then the config's file") {
        const ScopedVariable variable("SSL_CERT_FILE", mine.string());
        CHECK(platform::read_trusted_roots(world.home, extra.string()) ==
              std::vector<std::string>{"mine", "extra"});
    }
    SECTION("a file that is not there is passed over") {
        const ScopedVariable variable("SSL_CERT_FILE", mine.string());
        CHECK(platform::read_trusted_roots(world.home, (world.directory / "none").string()) ==
              std::vector<std::string>{"mine"});
    }
    SECTION("our own bundle is not what we trust, by whatever name") {
        write_text(world.home.ca_bundle_file(), "own bundle");
        std::filesystem::create_symlink(world.home.ca_bundle_file(), world.directory / "link");
        for (const char* name : {"ca-bundle.pem", "link"}) {
            const ScopedVariable variable("SSL_CERT_FILE", (world.directory / name).string());
            for (const auto& text : platform::read_trusted_roots(world.home, {}))
                CHECK(text != "own bundle");
        }
    }
    SECTION("a variable that leads nowhere leaves the system's") {
        std::vector<std::string> system;
        {
            const ScopedVariable none("SSL_CERT_FILE", {});
            system = platform::read_trusted_roots(world.home, {});
        }
        const ScopedVariable variable("SSL_CERT_FILE", (world.directory / "none").string());
        CHECK(platform::read_trusted_roots(world.home, {}) == system);
    }
}
