#include "platform/gather.h"

#include <sys/stat.h>

#include "platform/process.h"
#include "setup/layers.h"
#include "support/catch.h"
#include "support/recorded_runner.h"
#include "support/temp_directory.h"

using namespace halton;
using State = setup::FileFact::State;

TEST_CASE("gather: files are told as they are") {
    const test::TempDirectory directory;
    const auto look = [&](const char* name) {
        return platform::look_at_file((directory / name).string());
    };
    CHECK(look("nothing").state == State::missing);
    CHECK(look("nothing/below").state == State::missing);
    test::write_text(directory / "file", "text");
    ::chmod((directory / "file").c_str(), 0640);
    auto file = look("file");
    CHECK(file.state == State::present);
    CHECK(file.text == "text");
    CHECK(file.permissions == 0640);
    CHECK(file.owner_uid == platform::own_uid());
    CHECK(file.link_target.empty());
    std::filesystem::create_symlink("file", directory / "link");
    file = look("link");
    CHECK(file.state == State::present);
    CHECK(file.text == "text");
    CHECK(file.link_target == "file");
    std::filesystem::create_symlink("nowhere", directory / "dangling");
    file = look("dangling");
    CHECK(file.state == State::missing);
    CHECK(file.link_target == "nowhere");
    std::filesystem::create_directory(directory / "folder");
    CHECK(look("folder").state == State::folder);
    CHECK(look("file/below").state == State::missing);
}

TEST_CASE("gather: facts tell who and where we are, and every question is answered") {
    const test::TempDirectory directory;
    const test::ScopedVariable home("HOME", directory.path().string() + "/");
    const test::ScopedVariable config("XDG_CONFIG_HOME", "");
    config::Config settings;
    // Nobody of ours is on them: what a test machine runs is none of a test's business.
    settings.edge_port = 1;
    settings.internal_port = 2;
    settings.api_port = 3;
    const platform::Home data{directory / ".halton-meter"};
    auto facts = platform::make_facts(data, settings);
    CHECK(facts.folders.user_home == directory.path().string());
    CHECK(facts.folders.data == (directory / ".halton-meter").string());
    CHECK(facts.folders.user_config == (directory / ".config").string());
    CHECK(std::filesystem::exists(facts.folders.program));
    CHECK(facts.uid == platform::own_uid());
    CHECK(facts.ports.edge_port == 1);
    CHECK(facts.hosts.size() > 10);
    test::RecordedRunner runner;
    platform::gather(facts, runner);
    const auto left = setup::ask_all(facts);
    CHECK(left.files.empty());
    CHECK(left.commands.empty());
    CHECK(left.listeners.empty());
    CHECK(facts.listener(1).is_bound == false);
    // Looking changes nothing.
    CHECK(std::filesystem::is_empty(directory.path()));
    // The ports of the last start win over the configured ones.
    REQUIRE(platform::make_home(data));
    REQUIRE(platform::merge_ports(data, {.edge_port = 8181}));
    CHECK(platform::make_facts(data, settings).ports.edge_port == 8181);
    CHECK(platform::make_facts(data, settings).configured_ports.edge_port == 1);
}
