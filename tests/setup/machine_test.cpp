#include "setup/machine.h"

#include "support/catch.h"

using namespace halton::setup;

TEST_CASE("machine: modes are words") {
    for (const Mode mode : {Mode::none, Mode::env_only, Mode::apps, Mode::full})
        CHECK(parse_mode(to_text(mode)) == mode);
    CHECK(parse_mode(" apps\n") == Mode::apps);
    CHECK_FALSE(parse_mode("Apps"));
    CHECK_FALSE(parse_mode(""));
}

TEST_CASE("machine: what was not answered reads as absent") {
    const Facts facts;
    CHECK(facts.file("/x").state == FileFact::State::missing);
    CHECK_FALSE(facts.command({"x"}).started);
    CHECK_FALSE(facts.listener(1).is_bound);
    CHECK(facts.recorded_mode() == Mode::none);
}

TEST_CASE("machine: the recorded mode is the file's") {
    Facts facts;
    facts.folders.data = "/d";
    CHECK(facts.folders.in_data("x") == "/d/x");
    CHECK(facts.folders.made_folders_file() == "/d/made-folders");
    auto& file = facts.files["/d/install-mode"];
    file.text = "full\n";
    CHECK(facts.recorded_mode() == Mode::none);  // text without a file
    file.state = FileFact::State::present;
    CHECK(facts.recorded_mode() == Mode::full);
    file.text = "something of a later version";
    CHECK(facts.recorded_mode() == Mode::none);
}
