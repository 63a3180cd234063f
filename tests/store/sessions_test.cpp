#include "store/sessions.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "store/calls.h"
#include "store/random_calls.h"
#include "store/rollups.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::read_sessions;
using store::Reader;
using store::SessionQuery;
using test::Dice;
using test::make_call;
using test::write_calls;

namespace {

std::vector<meter::CallRecord> session_calls(Dice& dice, std::uint64_t count) {
    auto calls = test::random_calls(dice, 1, count);
    for (auto& call : calls) {
        if (dice.chance(15)) continue;
        call.client.session_id = fmt::format("s_{}", dice.below(60));
        call.client.version = fmt::format("1.{}", dice.below(4));
        if (dice.chance(30)) call.retry_count = static_cast<int>(dice.below(3));
    }
    return calls;
}

struct Wanted {
    UtcTime first;
    UtcTime last;
    std::string last_id;
    std::int64_t requests = 0;
    std::int64_t cost = 0;
    std::int64_t plan_cost = 0;
    std::int64_t retries = 0;
    std::set<std::string> models;
};

// Sessions by what is left of them before `to`, worked out call by call.
std::map<std::string, Wanted> wanted_sessions(const std::vector<meter::CallRecord>& calls,
                                              const SessionQuery& query) {
    std::map<std::string, Wanted> sessions;
    for (const auto& call : calls) {
        if (call.client.session_id.empty() || (query.to && call.requested_at >= *query.to) ||
            (query.project && *query.project != call.project_slug) ||
            (query.tool && *query.tool != call.client.tool))
            continue;
        auto& session = sessions[call.client.session_id];
        const bool is_first = session.requests == 0;
        session.first = is_first ? call.requested_at : std::min(session.first, call.requested_at);
        session.last = is_first ? call.requested_at : std::max(session.last, call.requested_at);
        ++session.requests;
        if (call.cost)
            (call.billing == meter::BillingMode::plan ? session.plan_cost : session.cost) +=
                call.cost->value;
        session.retries += call.retry_count.value_or(0);
        session.models.insert(call.model);
    }
    if (query.from)
        std::erase_if(sessions, [&](const auto& entry) { return entry.second.last < *query.from; });
    return sessions;
}

void check_queries(const std::filesystem::path& file, const std::vector<meter::CallRecord>& calls,
                   std::uint32_t seed, int count) {
    Dice dice(seed);
    Reader reader(file);
    std::size_t seen = 0;
    for (int i = 0; i < count; ++i) {
        SessionQuery query;
        const auto moment = [&] {
            UtcTime time(std::chrono::seconds(1'800'000'000 + dice.below(4 * 86'400)));
            return dice.chance(30) ? UtcTime(std::chrono::floor<std::chrono::days>(time)) : time;
        };
        if (dice.chance(50)) query.from = moment();
        if (dice.chance(50)) query.to = moment();
        if (dice.chance(30)) query.project = dice.one_of(test::random_projects);
        if (dice.chance(30)) query.tool = dice.one_of(test::random_tools);
        query.limit = static_cast<std::size_t>(dice.below(20) + 1);
        INFO("seed " << seed << " query " << i);
        const auto wanted = wanted_sessions(calls, query);
        std::set<std::string> found;
        std::pair<std::string, std::string> before{"~", "~"};
        do {
            const auto page = read_sessions(reader, query);
            REQUIRE(page);
            CHECK(page->total == static_cast<std::int64_t>(wanted.size()));
            REQUIRE((page->next_cursor.empty() || page->items.size() == query.limit));
            for (const auto& row : page->items) {
                INFO(row.session_id);
                REQUIRE(wanted.count(row.session_id) == 1);
                const auto& session = wanted.at(row.session_id);
                CHECK(found.insert(row.session_id).second);
                CHECK(row.started_at == to_iso8601(session.first));
                CHECK(row.last_at == to_iso8601(session.last));
                CHECK(row.sums.requests == session.requests);
                CHECK(row.sums.cost.value == session.cost);
                CHECK(row.sums.plan_cost.value == session.plan_cost);
                CHECK(row.retry_count == session.retries);
                CHECK(std::set<std::string>(row.models.begin(), row.models.end()) ==
                      session.models);
                CHECK(row.models.size() == session.models.size());
                const std::pair here{row.last_at, row.session_id};
                CHECK(here < before);
                before = here;
            }
            query.cursor = page->next_cursor;
        } while (!query.cursor.empty());
        CHECK(found.size() == wanted.size());
        seen += found.size();
    }
    CHECK(seen > 0);
}

}  // namespace

TEST_CASE("sessions: every query, page by page, is what looking at each call gives") {
    Dice dice(1);
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto calls = session_calls(dice, 500);
    write_calls(file, calls);
    check_queries(file, calls, 1, 60);
    // The same while the roll-ups are being filled.
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec(
        "DELETE FROM usage_half_hours; DELETE FROM usage_days; DELETE FROM usage_months; "
        "DELETE FROM usage_sessions; "
        "UPDATE usage_cover SET covered_from = '2099', days_to = '', months_to = ''");
    check_queries(file, calls, 2, 20);
    while (store::fill_rollups(database, 100, UtcTime(std::chrono::seconds(1'800'200'000))))
        check_queries(file, calls, 3, 5);
    check_queries(file, calls, 4, 20);
}

TEST_CASE("sessions: one by its id, with who and where its last call was") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto first = make_call(1);
    first.client = {"codex", "1.0", "s-1", "", "", ""};
    first.git_branch = "old";
    auto second = make_call(2);
    second.client = {"codex", "1.1", "s-1", "", "", ""};
    second.git_branch = "main";
    second.project_slug = "other";
    second.model = "claude-test-2";
    auto third = second;
    third.id = make_call(3).id;
    auto other = make_call(4);
    other.client = {"claude-code", "2.0", "s-2", "", "", ""};
    write_calls(file, {first, second, third, other, make_call(5)});
    Reader reader(file);
    const auto found = store::read_session(reader, "s-1").value();
    REQUIRE(found);
    CHECK(found->session_id == "s-1");
    CHECK(found->project == "other");
    CHECK(found->client_tool == "codex");
    CHECK(found->client_version == "1.1");
    CHECK(found->git_branch == "main");
    CHECK(found->sums.requests == 3);
    CHECK(found->models == std::vector<std::string>{"claude-test-2", "claude-test-1"});
    CHECK_FALSE(store::read_session(reader, "s-3").value());

    const auto tools = store::read_tool_sessions(reader, {}, {}).value();
    REQUIRE(tools.size() == 2);
    CHECK(tools[0].tool == "claude-code");
    CHECK(tools[0].version == "2.0");
    CHECK(tools[1].tool == "codex");
    CHECK(tools[1].sessions == 1);
    CHECK(tools[1].version == "1.1");
    CHECK(store::read_tool_sessions(reader, other.requested_at, {}).value().size() == 1);
}

TEST_CASE("sessions: no file, older files and bad cursors") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Reader reader(file);
    CHECK(read_sessions(reader, {}).error().kind == ErrorKind::not_found);
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        store::migrate(database, store::migrations().first(4));
    }
    CHECK(read_sessions(reader, {}).value().items.empty());
    CHECK(store::read_tool_sessions(reader, {}, {}).value().empty());
    SessionQuery query;
    for (const char* bad : {"x", "_", "2027-01-01T00:00:00Z_", "no time_x"}) {
        query.cursor = bad;
        CHECK(read_sessions(reader, query).error().kind == ErrorKind::malformed);
    }
}
