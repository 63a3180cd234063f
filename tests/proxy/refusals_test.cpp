#include "proxy/refusals.h"

#include "base/limits.h"
#include "support/catch.h"
#include "support/fake_clock.h"

using namespace halton;
using namespace std::chrono_literals;
using proxy::Refusals;
using Sign = Refusals::Sign;

namespace {

const Refusals::Client tool{"tool", "stack", "api.example.com"};

struct World {
    void note(Sign sign, int pid = 7) { refusals.note(tool, pid, sign, clock.now_steady()); }
    bool is_refusing() const { return refusals.is_refusing(tool, clock.now_steady()); }

    test::FakeClock clock;
    Refusals refusals;
};

}  // namespace

TEST_CASE("refusals: one clear refusal is enough, for that client and host only") {
    World world;
    CHECK_FALSE(world.is_refusing());
    world.note(GENERATE(Sign::alert, Sign::reset, Sign::close));
    CHECK(world.is_refusing());
    const auto now = world.clock.now_steady();
    CHECK_FALSE(world.refusals.is_refusing({"other", "stack", "api.example.com"}, now));
    CHECK_FALSE(world.refusals.is_refusing({"tool", "another", "api.example.com"}, now));
    CHECK_FALSE(world.refusals.is_refusing({"tool", "stack", "other.example"}, now));
    CHECK_FALSE(world.refusals.is_refusing({"", "stack", "api.example.com"}, now));
}

TEST_CASE("refusals: tried again after 5 minutes, an hour, then once a day") {
    World world;
    for (const auto pause : {std::chrono::minutes(5), std::chrono::minutes(60),
                             std::chrono::minutes(24 * 60), std::chrono::minutes(24 * 60)}) {
        INFO(pause.count() << " minutes");
        world.note(Sign::alert);
        world.clock.advance(pause - 1s);
        CHECK(world.is_refusing());
        world.clock.advance(1s);
        CHECK_FALSE(world.is_refusing());
    }
}

TEST_CASE("refusals: a call that goes through makes everything forgotten") {
    World world;
    world.note(Sign::alert);
    world.clock.advance(5min);
    world.note(Sign::alert);
    world.refusals.note_accepted(tool, 7);
    CHECK_FALSE(world.is_refusing());
    CHECK(world.refusals.all().empty());
    world.note(Sign::alert);  // begins at the first step again
    world.clock.advance(5min);
    CHECK_FALSE(world.is_refusing());
    world.refusals.note_accepted({"nobody", "", "nowhere"}, 0);
    CHECK(world.refusals.all().size() == 1);
}

TEST_CASE("refusals: a process whose calls go through opens connections for stock") {
    World world;
    world.refusals.note_accepted(tool, 7);
    for (int i = 0; i < 5; ++i)
        world.note(GENERATE(Sign::close_after, Sign::close, Sign::reset), 7);
    CHECK_FALSE(world.is_refusing());
    CHECK(world.refusals.all().empty());
    SECTION("its clear refusal still counts") {
        world.note(Sign::alert, 7);
        CHECK(world.is_refusing());
    }
    SECTION("many processes, each for itself") {
        for (int pid = 100; pid < 110; ++pid) world.refusals.note_accepted(tool, pid);
        for (int pid = 100; pid < 110; ++pid) world.note(Sign::close, pid);
        world.note(Sign::close, 7);
        CHECK_FALSE(world.is_refusing());
        for (int pid = 200; pid < 300; ++pid) world.refusals.note_accepted(tool, pid);
        world.note(Sign::close, 7);  // forgotten by now
        CHECK(world.is_refusing());
    }
    SECTION("another process of the same program is no proof") {
        world.note(Sign::close_after, 8);
        world.note(Sign::close_after, 8);
        CHECK(world.is_refusing());
    }
    SECTION("nor is one that was not found") {
        world.refusals.note_accepted(tool, 0);
        world.note(Sign::close_after, 0);
        world.note(Sign::close_after, 0);
        CHECK(world.is_refusing());
    }
}

TEST_CASE("refusals: a silent close counts only when it repeats soon") {
    World world;
    world.note(Sign::close_after);
    CHECK_FALSE(world.is_refusing());
    SECTION("soon") {
        world.clock.advance(119s);
        world.note(Sign::close_after);
        CHECK(world.is_refusing());
    }
    SECTION("late") {
        world.clock.advance(120s);
        world.note(Sign::close_after);
        CHECK_FALSE(world.is_refusing());
        world.clock.advance(1s);
        world.note(Sign::close_after);
        CHECK(world.is_refusing());
    }
}

TEST_CASE("refusals: what is known can be listed") {
    World world;
    world.note(Sign::alert);
    world.note(Sign::reset);
    world.refusals.note({"b", "", "other.example"}, 0, Sign::close, world.clock.now_steady());
    const auto all = world.refusals.all();
    REQUIRE(all.size() == 2);
    CHECK(all[0].program == "b");
    CHECK(all[0].host == "other.example");
    CHECK(all[0].count == 1);
    CHECK(all[1].program == "tool");
    CHECK(all[1].count == 2);
    CHECK(all[1].since > UtcTime());
}

TEST_CASE("refusals: as many as the limit, the one that ends first goes") {
    World world;
    world.note(Sign::alert);
    for (std::size_t i = 0; i < limits::refusal_count_max + 10; ++i) {
        world.clock.advance(1us);
        world.refusals.note({"tool " + std::to_string(i), "", "api.example.com"}, 0, Sign::alert,
                            world.clock.now_steady());
    }
    CHECK(world.refusals.all().size() == limits::refusal_count_max);
    CHECK_FALSE(world.is_refusing());
    CHECK(world.refusals.is_refusing(
        {"tool " + std::to_string(limits::refusal_count_max + 9), "", "api.example.com"},
        world.clock.now_steady()));
}
