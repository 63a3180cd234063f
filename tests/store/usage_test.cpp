#include "store/usage.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <SQLiteCpp/Transaction.h>

#include "store/calls.h"
#include "store/random_calls.h"
#include "store/rollups.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace std::chrono_literals;
using store::DayZone;
using store::read_usage;
using store::Reader;
using store::UsageGroup;
using store::UsageQuery;
using store::UsageRow;
using store::UsageSums;
using test::Dice;
using test::make_call;
using test::write_calls;

namespace {

UtcTime at(const std::string& text) { return *parse_iso8601(text); }

// Summer time ends on 2027-10-31 in this zone, and begins on 2027-03-28.
const DayZone berlin{{{UtcTime{}, 60min},
                      {at("2027-03-28T01:00:00Z"), 120min},
                      {at("2027-10-31T01:00:00Z"), 60min}}};
const DayZone india{{{UtcTime{}, 330min}}};
// The clocks go forward at midnight: that day begins at one.
const DayZone asuncion{{{UtcTime{}, -240min}, {at("2027-01-17T04:00:00Z"), -180min}}};
const DayZone utc;

// A file as an older program left it: no roll-ups.
void write_old(const std::filesystem::path& file, const std::vector<meter::CallRecord>& calls) {
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        const auto steps = store::migrations();
        std::size_t count = 0;
        while (steps[count].number < store::rollup_schema_number) ++count;
        store::migrate(database, steps.first(count));
        database.exec("INSERT INTO _migrations VALUES (99999, 'not yet', '')");
    }
    write_calls(file, calls);
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec("DELETE FROM _migrations WHERE number = 99999");
}

UsageSums sums_of(const meter::CallRecord& call) {
    UsageSums sums;
    const bool is_plan = call.billing == meter::BillingMode::plan;
    sums.requests = 1;
    sums.input_tokens = call.usage.input;
    sums.output_tokens = call.usage.output;
    sums.thinking_tokens = call.usage.reasoning;
    sums.cache_read_tokens = call.usage.cache_read;
    sums.cache_write_tokens = call.usage.cache_write;
    if (call.cost) (is_plan ? sums.plan_cost : sums.cost) = *call.cost;
    sums.plan_requests = is_plan;
    sums.unpriced_requests = !call.cost;
    sums.plan_unpriced_requests = is_plan && !call.cost;
    sums.estimated_requests = call.cost_state == meter::CostState::estimated;
    sums.incomplete_requests = !call.tokens_complete;
    sums.error_requests = call.status != "success";
    sums.latency_us = static_cast<std::int64_t>(call.latency_ms * 1000 + 0.5);
    sums.latency_requests = 1;
    return sums;
}

std::string date_text(std::chrono::sys_days day) { return to_iso8601(UtcTime(day)).substr(0, 10); }

// Period, project, provider, model, tool, billing.
using Name =
    std::tuple<std::string, std::string, std::string, std::string, std::string, std::string>;

struct Expected {
    UsageSums sums;
    UtcTime first;
    UtcTime last;
};

// The same, worked out call by call.
std::map<Name, Expected> expected(const std::vector<meter::CallRecord>& calls,
                                  const UsageQuery& query) {
    std::map<Name, Expected> rows;
    for (const auto& call : calls) {
        const auto fits = [](const auto& wanted, const std::string& value) {
            return !wanted || *wanted == value;
        };
        if ((query.from && call.requested_at < *query.from) ||
            (query.to && call.requested_at >= *query.to) ||
            !fits(query.project, call.project_slug) || !fits(query.provider, call.provider) ||
            !fits(query.model, call.model) || !fits(query.tool, call.client.tool))
            continue;
        Name name;
        auto& [period, project, provider, model, tool, billing] = name;
        const auto local = call.requested_at + query.zone.offset_at(call.requested_at);
        const auto day = std::chrono::floor<std::chrono::days>(local);
        for (const UsageGroup group : query.group_by) switch (group) {
                case UsageGroup::hour: period = to_iso8601(call.requested_at).substr(0, 13); break;
                case UsageGroup::day: period = date_text(day); break;
                case UsageGroup::week: {
                    auto monday = day;
                    while (std::chrono::weekday(monday) != std::chrono::Monday)
                        monday -= std::chrono::days(1);
                    period = date_text(monday);
                    break;
                }
                case UsageGroup::month: period = date_text(day).substr(0, 7); break;
                case UsageGroup::project: project = call.project_slug; break;
                case UsageGroup::provider: provider = call.provider; break;
                case UsageGroup::model: model = call.model; break;
                case UsageGroup::tool: tool = call.client.tool; break;
                case UsageGroup::billing: billing = std::string(name_of(call.billing)); break;
            }
        auto& row = rows[name];
        const bool is_first = row.sums.requests == 0;
        row.sums.add(sums_of(call));
        row.first = is_first ? call.requested_at : std::min(row.first, call.requested_at);
        row.last = is_first ? call.requested_at : std::max(row.last, call.requested_at);
    }
    if (query.group_by.empty() && rows.empty()) rows[Name()] = {};
    return rows;
}

UsageQuery random_query(Dice& dice) {
    UsageQuery query;
    const UtcTime begin(std::chrono::seconds(1'800'000'000));
    const auto moment = [&] {
        auto time = begin + std::chrono::seconds(dice.below(4 * 86'400));
        if (dice.chance(30)) time = std::chrono::floor<std::chrono::hours>(time);
        if (dice.chance(20))
            time = std::chrono::floor<std::chrono::duration<int, std::ratio<1800>>>(time);
        if (dice.chance(20)) time = std::chrono::floor<std::chrono::days>(time);
        return time;
    };
    if (dice.chance(60)) query.from = moment();
    if (dice.chance(60)) query.to = moment();
    if (dice.chance(20)) query.project = dice.one_of(test::random_projects);
    if (dice.chance(10)) query.provider = dice.one_of(test::random_providers);
    if (dice.chance(10)) query.model = dice.one_of(test::random_models);
    if (dice.chance(10)) query.tool = dice.one_of(test::random_tools);
    const auto period = dice.below(6);
    if (period < 4) query.group_by.push_back(static_cast<UsageGroup>(period));
    for (int group = 4; group < 9; ++group)
        if (dice.chance(30)) query.group_by.push_back(static_cast<UsageGroup>(group));
    const DayZone* const zones[] = {&utc, &berlin, &india, &asuncion};
    query.zone = *zones[dice.below(4)];
    query.has_first_at = dice.chance(50);
    query.has_last_at = dice.chance(50);
    return query;
}

void check_queries(const std::filesystem::path& file, const std::vector<meter::CallRecord>& calls,
                   std::uint32_t seed, int count) {
    Dice dice(seed);
    Reader reader(file);
    std::size_t seen = 0;
    for (int i = 0; i < count; ++i) {
        const auto query = random_query(dice);
        INFO("seed " << seed << " query " << i);
        const auto rows = read_usage(reader, query);
        REQUIRE(rows);
        auto wanted = expected(calls, query);
        REQUIRE(rows->size() == wanted.size());
        seen += rows->size();
        for (const UsageRow& row : *rows) {
            const Name name{row.period, row.project, row.provider,
                            row.model,  row.tool,    row.billing};
            INFO(row.period << '|' << row.project << '|' << row.model);
            REQUIRE(wanted.count(name) == 1);
            CHECK(row.sums == wanted[name].sums);
            const bool is_timeless = !row.period.empty() || wanted[name].sums.requests == 0;
            if (query.has_first_at && !is_timeless) CHECK(row.first_at == wanted[name].first);
            if (query.has_last_at && !is_timeless) CHECK(row.last_at == wanted[name].last);
        }
        CHECK(std::is_sorted(rows->begin(), rows->end(), [](const auto& a, const auto& b) {
            return a.period != b.period ? a.period < b.period : a.sums.cost > b.sums.cost;
        }));
        UsageQuery spend = query;
        spend.is_spend_only = true;
        const auto spends = read_usage(reader, spend);
        REQUIRE(spends);
        auto wanted_spends = *rows;
        for (UsageRow& row : wanted_spends) {
            const auto all = std::exchange(row.sums, {});
            row.sums.requests = all.requests;
            row.sums.cost = all.cost;
            row.sums.plan_requests = all.plan_requests;
            row.sums.plan_cost = all.plan_cost;
        }
        CHECK(*spends == wanted_spends);
        const auto summary = store::read_usage_summary(reader, query);
        REQUIRE(summary);
        UsageQuery total = query;
        total.group_by.clear();
        const auto all = expected(calls, total).begin()->second;
        CHECK(summary->sums == all.sums);
        CHECK(summary->last_request_at.has_value() == (all.sums.requests > 0));
        if (all.sums.requests > 0) {
            CHECK(summary->first_request_at == all.first);
            CHECK(summary->last_request_at == all.last);
        }
    }
    CHECK(seen > 0);
}

}  // namespace

TEST_CASE("usage: every grouping is what adding up call by call gives") {
    for (const std::uint32_t seed : {1u, 2u}) {
        Dice dice(seed);
        const test::TempDirectory directory;
        const auto file = directory / "db.sqlite";
        const auto calls = test::random_calls(dice, 1, 700);
        write_calls(file, calls);
        check_queries(file, calls, seed, 60);
        // With days and months that are over, up to some moment; and all of them.
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
        for (const char* now : {"2027-01-17T05:00:00Z", "2027-02-03T00:00:00Z"}) {
            while (store::fill_rollups(database, 100, at(now))) continue;
            check_queries(file, calls, seed + 10, 80);
        }
    }
}

TEST_CASE("usage: the same without roll-ups, and at every step of filling them") {
    Dice dice(3);
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto calls = test::random_calls(dice, 1, 500);
    write_old(file, calls);
    check_queries(file, calls, 4, 25);
    const auto late = test::random_calls(dice, 1'000, 200);
    write_calls(file, late);
    calls.insert(calls.end(), late.begin(), late.end());
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    bool is_more = true;
    for (std::uint32_t step = 0; is_more; ++step) {
        check_queries(file, calls, 5 + step, 12);
        is_more = store::fill_rollups(database, 100, at("2027-01-18T00:00:00Z"));
    }
    check_queries(file, calls, 99, 25);
}

TEST_CASE("usage: a file of the first version has no tools and no plans") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        store::migrate(database, store::migrations().first(1));
        database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'A', 'then')");
        database.exec(
            "INSERT INTO requests (id, project_id, provider, model, requested_at, status, "
            "cost_usd_minor_units, host) VALUES "
            "('x', 1, 'p', 'm', '2027-01-15T08:00:00.000000Z', 'success', 7, 'chatgpt.com'), "
            "('y', 1, 'p', 'm', '2027-01-15T09:00:00.000000Z', 'error', 5, 'api.openai.com')");
    }
    Reader reader(file);
    const auto rows = read_usage(reader, {});
    REQUIRE(rows);
    REQUIRE(rows->size() == 1);
    CHECK((*rows)[0].sums.requests == 2);
    CHECK((*rows)[0].sums.cost.value == 50'000);
    CHECK((*rows)[0].sums.plan_cost.value == 70'000);
    CHECK((*rows)[0].sums.error_requests == 1);
    const auto projects = store::read_project_usage(reader, at("2027-01-20T00:00:00Z"));
    REQUIRE(projects);
    CHECK(projects->at(0).this_month.requests == 2);
    CHECK(projects->at(0).name == "A");
}

TEST_CASE("usage: an older file reads with what it has") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    test::write_oldest(file);
    Reader reader(file);
    const auto rows = read_usage(reader, {}).value();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].sums.requests == 2);
    CHECK(rows[0].sums.input_tokens == 11);
    CHECK(rows[0].sums.cache_read_tokens == 4);
    CHECK(rows[0].sums.cost.value == 1'230'000);
    CHECK(rows[0].sums.unpriced_requests == 1);
    CHECK(rows[0].sums.incomplete_requests == 0);
    CHECK(rows[0].sums.error_requests == 1);
    CHECK_FALSE(rows[0].sums.avg_latency_ms());
}

TEST_CASE("usage: rows from before the column of plans are told by their host") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto metered = make_call(1);
    metered.cost = NanoUsd{100};
    auto plan = make_call(2);
    plan.billing = meter::BillingMode::plan;
    plan.cost = NanoUsd{1'000};
    write_calls(file, {metered, plan});
    const auto sums = [&file] {
        Reader reader(file);
        return read_usage(reader, {}).value().at(0).sums;
    };
    CHECK(sums().cost.value == 100);
    CHECK(sums().plan_cost.value == 1'000);
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec("UPDATE requests SET billing_mode = NULL");
    CHECK(sums().plan_requests == 0);
    database.exec("UPDATE requests SET host = 'chatgpt.com' WHERE cost_nanousd = 100");
    CHECK(sums().plan_cost.value == 100);
}

TEST_CASE("usage: the period is from inclusive, to exclusive") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write_calls(file, {make_call(1), make_call(2), make_call(3)});
    Reader reader(file);
    UsageQuery query;
    query.from = make_call(1).requested_at;
    query.to = make_call(3).requested_at;
    CHECK(read_usage(reader, query).value().at(0).sums.requests == 2);
    std::swap(query.from, query.to);
    CHECK(read_usage(reader, query).value().at(0).sums.requests == 0);
}

TEST_CASE("usage: rows of one cost are sorted by their names") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    const auto add = [&](const char* project, const char* provider, const char* model,
                         std::optional<NanoUsd> cost) {
        auto& call = calls.emplace_back(make_call(calls.size()));
        call.project_slug = project;
        call.provider = provider;
        call.model = model;
        call.cost = cost;
    };
    add("b", "anthropic", "small", NanoUsd{5});
    add("a", "anthropic", "small", NanoUsd{5});
    add("c", "anthropic", "large", NanoUsd{100});
    add("a", "openai", "small", std::nullopt);
    write_calls(file, calls);
    Reader reader(file);
    UsageQuery query;
    query.group_by = {UsageGroup::project};
    const auto projects = read_usage(reader, query).value();
    REQUIRE(projects.size() == 3);
    CHECK(projects[0].project == "c");
    CHECK(projects[1].project == "a");
    CHECK(projects[1].sums.requests == 2);
    CHECK(projects[1].sums.unpriced_requests == 1);
    CHECK(projects[2].project == "b");
    query.group_by = {UsageGroup::provider, UsageGroup::model};
    const auto models = read_usage(reader, query).value();
    REQUIRE(models.size() == 3);
    CHECK(models[0].model == "large");
    CHECK(models[1].provider == "anthropic");
    CHECK(models[2].provider == "openai");
}

TEST_CASE("usage: nothing there is zeros and no error") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Reader reader(file);
    CHECK(read_usage(reader, {}).error().kind == ErrorKind::not_found);
    test::write_text(file, "");
    CHECK(read_usage(reader, {}).value().empty());
    std::filesystem::remove(file);
    write_calls(file, {});
    const auto total = read_usage(reader, {}).value();
    REQUIRE(total.size() == 1);
    CHECK(total[0].sums == UsageSums());
    UsageQuery by_day;
    by_day.group_by = {UsageGroup::day};
    by_day.has_empty_periods = true;
    CHECK(read_usage(reader, by_day).value().empty());
    CHECK(store::read_project_usage(reader, at("2027-01-20T00:00:00Z")).value().empty());
    const auto summary = store::read_usage_summary(reader, {}).value();
    CHECK(summary.active_projects == 0);
    CHECK_FALSE(summary.last_request_at);
    CHECK(summary.sums.cache_hit_rate() == 0);
    CHECK_FALSE(summary.sums.avg_latency_ms());
}

TEST_CASE("usage: periods without calls are zeros where they are wanted") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto first = make_call(1);
    auto second = make_call(2);
    first.requested_at = at("2027-03-26T12:00:00Z");
    second.requested_at = at("2027-03-29T21:59:59Z");
    write_calls(file, {first, second});
    Reader reader(file);
    UsageQuery query;
    query.group_by = {UsageGroup::day};
    query.zone = berlin;
    query.has_empty_periods = true;
    const auto days_of = [&] {
        std::string text;
        const auto rows = read_usage(reader, query);
        REQUIRE(rows);
        for (const auto& row : *rows)
            text += row.period.substr(5) + "=" + std::to_string(row.sums.requests) + " ";
        return text;
    };
    CHECK(days_of() == "03-26=1 03-27=0 03-28=0 03-29=1 ");
    query.from = at("2027-03-25T10:00:00Z");
    query.to = at("2027-03-31T00:00:00Z");
    CHECK(days_of() == "03-25=0 03-26=1 03-27=0 03-28=0 03-29=1 03-30=0 03-31=0 ");
    query.project = "nobody";
    CHECK(days_of() == "03-25=0 03-26=0 03-27=0 03-28=0 03-29=0 03-30=0 03-31=0 ");
    query.project.reset();
    query.has_empty_periods = false;
    CHECK(days_of() == "03-26=1 03-29=1 ");
    query.zone = utc;
    query.group_by = {UsageGroup::week};
    query.has_empty_periods = true;
    query.to = at("2027-04-13T00:00:00Z");
    CHECK(days_of() == "03-22=1 03-29=1 04-05=0 04-12=0 ");
}

TEST_CASE("usage: a row from a clock that stood still makes no chart of decades") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto strange = make_call(1);
    auto real = make_call(2);
    strange.requested_at = UtcTime(std::chrono::seconds(10));
    real.requested_at = at("2027-03-29T21:59:59Z");
    write_calls(file, {strange, real});
    Reader reader(file);
    UsageQuery query;
    query.group_by = {UsageGroup::day};
    query.has_empty_periods = true;
    const auto rows = read_usage(reader, query).value();
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].period == "1970-01-01");
    CHECK(rows[1].period == "2027-03-29");
    query.from = at("2027-03-29T00:00:00Z");
    query.to = at("2033-03-29T00:00:00Z");
    CHECK(read_usage(reader, query).value().size() == 1);
}

TEST_CASE("usage: more periods than anybody looks at are refused") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 0; i <= limits::usage_periods_max; ++i) {
        calls.push_back(make_call(i));
        calls.back().requested_at = UtcTime(std::chrono::hours(450'000 + i));
    }
    write_calls(file, calls);
    Reader reader(file);
    UsageQuery query;
    query.group_by = {UsageGroup::hour};
    CHECK(read_usage(reader, query).error().kind == ErrorKind::too_large);
    query.group_by = {UsageGroup::month};
    CHECK(read_usage(reader, query));
    query.zone.spans.resize(limits::usage_zone_spans_max + 1);
    CHECK(read_usage(reader, query).error().kind == ErrorKind::too_large);
}

TEST_CASE("usage: days of a zone begin at its midnights, and there is always one beginning") {
    CHECK(berlin.day_of(at("2027-03-27T23:00:00Z")) == "2027-03-28");
    CHECK(berlin.day_of(at("2027-03-28T21:59:59Z")) == "2027-03-28");
    CHECK(berlin.day_of(at("2027-03-28T22:00:00Z")) == "2027-03-29");
    CHECK(berlin.day_start(at("2027-03-28T12:00:00Z")) == at("2027-03-27T23:00:00Z"));
    CHECK(berlin.next_day_start(at("2027-03-28T12:00:00Z")) == at("2027-03-28T22:00:00Z"));
    CHECK(berlin.month_start(at("2027-11-30T22:59:59Z")) == at("2027-10-31T23:00:00Z"));
    CHECK(berlin.next_month_start(at("2027-10-01T00:00:00Z")) == at("2027-10-31T23:00:00Z"));
    CHECK(berlin.week_start(at("2027-10-31T12:00:00Z")) == at("2027-10-24T22:00:00Z"));
    CHECK(india.day_start(at("2027-01-15T18:29:59Z")) == at("2027-01-14T18:30:00Z"));
    // 2027-01-17 has no midnight there: it begins at 01:00.
    CHECK(asuncion.day_start(at("2027-01-17T12:00:00Z")) == at("2027-01-17T04:00:00Z"));
    CHECK(asuncion.day_of(at("2027-01-17T03:59:59Z")) == "2027-01-16");
    CHECK(asuncion.day_of(at("2027-01-17T04:00:00Z")) == "2027-01-17");
    CHECK(asuncion.next_day_start(at("2027-01-16T12:00:00Z")) == at("2027-01-17T04:00:00Z"));
    CHECK(utc.next_month_start(at("2027-12-31T23:59:59Z")) == at("2028-01-01T00:00:00Z"));
    // Day after day without a gap, through every change.
    for (const DayZone* zone : {&utc, &berlin, &india, &asuncion}) {
        UtcTime day = zone->day_start(at("2027-01-01T12:00:00Z"));
        for (int i = 0; i < 400; ++i) {
            const UtcTime next = zone->next_day_start(day);
            REQUIRE(next > day);
            REQUIRE(zone->day_start(next) == next);
            REQUIRE(zone->day_start(next - 1us) == day);
            REQUIRE(zone->day_of(day) == zone->day_of(next - 1us));
            day = next;
        }
    }
}

TEST_CASE("usage: projects with their months, and what they use most by count and by cost") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    const auto add = [&](const char* project, const char* time, const char* model,
                         std::int64_t cost, meter::BillingMode billing) {
        auto& call = calls.emplace_back(make_call(calls.size()));
        call.project_slug = project;
        call.requested_at = at(time);
        call.model = model;
        call.provider = model[0] == 'g' ? "openai" : "anthropic";
        call.cost = NanoUsd{cost};
        call.billing = billing;
    };
    const auto metered = meter::BillingMode::metered;
    const auto plan = meter::BillingMode::plan;
    add("shop", "2027-03-31T23:59:59.999999Z", "claude-a", 10, metered);
    add("shop", "2027-04-01T00:00:00Z", "claude-a", 20, metered);
    add("shop", "2027-04-15T00:00:00Z", "claude-a", 30, metered);
    add("shop", "2027-04-16T00:00:00Z", "gpt-b", 500, metered);
    add("shop", "2027-05-01T00:00:00Z", "claude-a", 7, metered);
    add("shop", "2027-02-10T00:00:00Z", "claude-a", 1, metered);
    add("plan", "2027-04-02T00:00:00Z", "gpt-z", 900, plan);
    add("plan", "2027-04-03T00:00:00Z", "claude-y", 100, plan);
    add("same", "2027-04-03T00:00:00Z", "claude-y", 5, metered);
    add("same", "2027-04-03T00:00:00Z", "claude-x", 5, metered);
    write_calls(file, calls);
    Reader reader(file);
    const auto now = at("2027-04-20T12:00:00Z");
    const auto projects = store::read_project_usage(reader, now).value();
    REQUIRE(projects.size() == 3);
    const auto& planned = projects[0];
    const auto& same = projects[1];
    const auto& shop = projects[2];
    CHECK(shop.slug == "shop");
    CHECK(shop.this_month.requests == 3);
    CHECK(shop.this_month.cost.value == 550);
    CHECK(shop.previous_month.cost.value == 10);
    CHECK(shop.all_time.requests == 6);
    CHECK(shop.all_time.cost.value == 568);
    CHECK(shop.last_active_at == at("2027-05-01T00:00:00Z"));
    CHECK(shop.primary_model == "claude-a");
    CHECK(shop.primary_provider == "anthropic");
    CHECK(shop.top_model == "gpt-b");
    CHECK(shop.top_provider == "openai");
    CHECK(planned.all_time.cost.value == 0);
    CHECK(planned.all_time.plan_cost.value == 1'000);
    CHECK(planned.top_model == "gpt-z");
    CHECK(planned.primary_model == "claude-y");
    CHECK(same.primary_model == "claude-x");
    CHECK(same.top_model == "claude-x");
    // In Berlin the last second of March is in April already.
    const auto local = store::read_project_usage(reader, now, berlin, "shop").value();
    REQUIRE(local.size() == 1);
    CHECK(local[0].this_month.cost.value == 560);
    CHECK(local[0].previous_month.cost.value == 0);
    CHECK(store::read_project_usage(reader, now, utc, "nobody").value().empty());
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec(
        "INSERT INTO project_aliases SELECT 'store', id, '' FROM projects "
        "WHERE slug = 'shop'");
    CHECK(store::read_project_usage(reader, now, utc, "store").value().at(0).slug == "shop");
}
