#include "setup/purge.h"

#include <algorithm>

#include "support/catch.h"

using namespace halton::setup;

TEST_CASE("purge: the record of calls stays unless it is asked for") {
    Facts facts;
    facts.folders.data = "/d";
    const auto kept = [&](bool is_graceful, bool takes_record) {
        const auto steps = plan_purge(facts, is_graceful, takes_record);
        REQUIRE(steps.size() == 1);
        const auto* clear = std::get_if<ClearFolder>(&steps[0]);
        REQUIRE(clear);
        CHECK(clear->path == "/d");
        return clear->kept;
    };
    CHECK(kept(false, false) ==
          std::vector<std::string>{"db.sqlite", "db.sqlite-wal", "db.sqlite-shm"});
    CHECK(kept(false, true).empty());
    // Programs go on through the edge and trust these files.
    const auto graceful = kept(true, true);
    for (const char* name : {"ca.pem", "ca-bundle.pem", "config.toml"})
        CHECK(std::find(graceful.begin(), graceful.end(), name) != graceful.end());
}
