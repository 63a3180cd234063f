#include "platform/readiness.h"

#include <map>
#include <vector>

#include <poll.h>

#include "support/catch.h"
#include "support/io.h"

using namespace halton;
using platform::Readiness;
using platform::ReadinessSet;

namespace {

const test::Io quiet;

// Waits until the set has something to tell, then asks it once.
std::vector<Readiness> next_changes(ReadinessSet& set, std::size_t count_max = 64) {
    pollfd handle{set.handle(), POLLIN, 0};
    ::poll(&handle, 1, 5'000);
    std::vector<Readiness> changes(count_max);
    changes.resize(set.poll(changes));
    return changes;
}

bool is_quiet(const ReadinessSet& set) {
    pollfd handle{set.handle(), POLLIN, 0};
    return ::poll(&handle, 1, 0) == 0;
}

// Asks until the wanted state shows; edges may come one at a time.
bool eventually(ReadinessSet& set, bool Readiness::*wanted) {
    for (int round = 0; round < 10; ++round)
        for (const auto& change : next_changes(set))
            if (change.*wanted) return true;
    return false;
}

}  // namespace

TEST_CASE("readiness: the state at registering, then each change once") {
    auto set = ReadinessSet::make();
    REQUIRE(set);
    const auto pair = test::make_tcp_pair();
    int watcher = 0;
    CHECK(is_quiet(*set));
    REQUIRE(set->add(pair.b.descriptor(), &watcher));

    auto changes = next_changes(*set);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].watcher == &watcher);
    CHECK(changes[0].is_writable);
    CHECK_FALSE(changes[0].is_readable);
    CHECK_FALSE(changes[0].is_ending);
    CHECK(is_quiet(*set));

    pair.a.send("one");
    CHECK(eventually(*set, &Readiness::is_readable));
    CHECK(is_quiet(*set));  // unread, but told
    pair.a.send("two");
    CHECK(eventually(*set, &Readiness::is_readable));
}

TEST_CASE("readiness: registering late tells of what waits already") {
    const auto pair = test::make_tcp_pair();
    pair.a.send("early");
    pair.a.shutdown_write();
    auto set = ReadinessSet::make();
    REQUIRE(set);
    REQUIRE(set->add(pair.b.descriptor(), nullptr));
    const auto changes = next_changes(*set);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].is_readable);
    CHECK(changes[0].is_ending);
}

TEST_CASE("readiness: ends and resets are told as endings") {
    auto pair = test::make_tcp_pair();
    auto set = ReadinessSet::make();
    REQUIRE(set);
    REQUIRE(set->add(pair.b.descriptor(), nullptr));
    next_changes(*set);
    SECTION("half-close") { pair.a.shutdown_write(); }
    SECTION("close") { pair.a.close(); }
    SECTION("reset") {
        pair.a.reset_on_close();
        pair.a.close();
    }
    CHECK(eventually(*set, &Readiness::is_ending));
}

TEST_CASE("readiness: writable again after the peer has read") {
    const auto pair = test::make_tcp_pair(8 * 1024);
    auto set = ReadinessSet::make();
    REQUIRE(set);
    REQUIRE(set->add(pair.a.descriptor(), nullptr));
    const std::string bytes(8 * 1024, 'x');
    while (pair.a.send(bytes).status == platform::IoResult::Status::ok) {
    }
    while (!is_quiet(*set)) next_changes(*set);

    std::vector<char> buffer(1024 * 1024);
    bool is_writable = false;
    for (int round = 0; round < 1000 && !is_writable; ++round) {
        pair.b.receive(buffer);
        if (!is_quiet(*set))
            for (const auto& change : next_changes(*set)) is_writable |= change.is_writable;
    }
    CHECK(is_writable);
    CHECK(pair.a.send("more").bytes == 4);
}

TEST_CASE("readiness: a removed socket is silent, an unknown one harmless") {
    auto pair = test::make_tcp_pair();
    auto set = ReadinessSet::make();
    REQUIRE(set);
    REQUIRE(set->add(pair.b.descriptor(), nullptr));
    next_changes(*set);
    set->remove(pair.b.descriptor());
    set->remove(pair.a.descriptor());
    pair.a.send("x");
    CHECK(is_quiet(*set));
    CHECK(set->add(pair.b.descriptor(), nullptr));  // and may come back
    CHECK(eventually(*set, &Readiness::is_readable));
}

TEST_CASE("readiness: what cannot be registered is an error") {
    auto set = ReadinessSet::make();
    REQUIRE(set);
    const auto added = set->add(-1, nullptr);
    REQUIRE_FALSE(added);
    CHECK(added.error().kind == ErrorKind::io);
}

TEST_CASE("readiness: more changes than room come with the next call") {
    auto made = ReadinessSet::make();
    REQUIRE(made);
    ReadinessSet set = std::move(*made);
    std::vector<test::TcpPair> pairs;
    std::map<const void*, int> told;
    for (int i = 0; i < 20; ++i) pairs.push_back(test::make_tcp_pair());
    for (auto& pair : pairs) REQUIRE(set.add(pair.b.descriptor(), &pair));
    for (int round = 0; round < 10; ++round) {
        const auto changes = next_changes(set, 3);
        CHECK(changes.size() <= 3);
        for (const auto& change : changes) ++told[change.watcher];
        if (told.size() == pairs.size()) break;
    }
    CHECK(told.size() == pairs.size());
}
