#include "setup/trust_stores.h"

#include "support/catch.h"
#include "support/fake_linux.h"

using namespace halton;
using namespace halton::setup;

TEST_CASE("trust stores: names carry the root's hash") {
    const auto& root = test::FakeLinux::own_root().certificate_pem;
    const auto hash = short_hash(root);
    CHECK(hash.size() == 16);
    CHECK(hash.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(hash != short_hash(test::FakeLinux::system_root()));
    // Comments around it change nothing.
    CHECK(short_hash("# mine\n" + root) == hash);
    CHECK(short_hash("no certificate").empty());
    CHECK(anchor_file(anchor_stores().front(), root) ==
          "/usr/local/share/ca-certificates/halton-meter-" + hash + ".crt");
    CHECK(nss_name(root) == "halton-meter " + hash);
}

TEST_CASE("trust stores: the self-test asks the system's bundle only when init changed it") {
    test::FakeLinux machine;
    machine.install({.mode = Mode::apps});
    CHECK(find_changed_stores(machine.facts).empty());
    machine.install({.mode = Mode::full});
    CHECK(find_changed_stores(machine.facts) ==
          std::vector<std::string>{test::FakeLinux::bundle_path});
}

TEST_CASE("trust stores: a new root takes the old one's place") {
    test::FakeLinux machine;
    machine.install({.mode = Mode::full});
    const auto& folder = anchor_stores().front().folder;
    const auto before =
        anchor_file(anchor_stores().front(), test::FakeLinux::own_root().certificate_pem);
    REQUIRE(machine.files.contains(before));
    // The root of another key.
    machine.put("/home/ann/.halton-meter/ca.pem", test::FakeLinux::system_root());
    machine.look();
    for (const auto& step :
         find_layer("system-trust")->plan_apply(machine.facts, {.mode = Mode::full}))
        machine.carry_out({{find_layer("system-trust"), step}});
    CHECK_FALSE(machine.files.contains(before));
    std::size_t count = 0;
    for (const auto& [path, file] : machine.files) count += path.starts_with(folder + "/") ? 1 : 0;
    CHECK(count == 1);
}

TEST_CASE("trust stores: an anchor that could not be removed is not forgotten") {
    test::FakeLinux machine;
    machine.install({.mode = Mode::full});
    const auto as_administrator = machine.run;
    machine.run = [&](const Argv& argv) {
        return argv[0] == "rm" ? false : as_administrator(argv);
    };
    machine.uninstall();
    CHECK(machine.files.contains("/home/ann/.halton-meter/trusted-anchors"));
    machine.run = as_administrator;
    machine.uninstall();
    CHECK_FALSE(machine.files.contains("/home/ann/.halton-meter/trusted-anchors"));
    CHECK(machine.outside().size() == test::FakeLinux().files.size());
}
