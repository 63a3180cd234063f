#include "store/requests.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "store/calls.h"
#include "store/random_calls.h"
#include "store/rollups.h"
#include "store/schema.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::read_requests;
using store::Reader;
using store::RequestFilter;
using store::RequestQuery;
using test::Dice;
using test::make_call;
using test::write_calls;

namespace {

UtcTime at(const std::string& text) { return *parse_iso8601(text); }

std::vector<meter::CallRecord> failing_calls(Dice& dice, std::uint64_t count) {
    auto calls = test::random_calls(dice, 1, count);
    for (auto& call : calls) {
        if (dice.chance(60)) call.client.session_id = fmt::format("session_{}", dice.below(9));
        // Many at the same moment.
        if (dice.chance(30)) call.requested_at = at("2027-01-16T10:00:00Z");
        if (call.status == "success") continue;
        call.http_status = dice.chance(50) ? 429 : 500;
        call.error =
            meter::CallError{call.http_status == 429 ? meter::ErrorClass::rate_limit
                                                     : meter::ErrorClass::server_error,
                             dice.chance(50) ? "overloaded_error" : "", dice.chance(50), ""};
    }
    return calls;
}

bool fits(const meter::CallRecord& call, const RequestFilter& filter) {
    const auto is = [](const auto& wanted, std::string_view value) {
        return !wanted || *wanted == value;
    };
    return (!filter.from || call.requested_at >= *filter.from) &&
           (!filter.to || call.requested_at < *filter.to) &&
           is(filter.project, call.project_slug) && is(filter.provider, call.provider) &&
           is(filter.model, call.model) && is(filter.tool, call.client.tool) &&
           is(filter.session_id, call.client.session_id) && is(filter.status, call.status) &&
           is(filter.error_class, call.error ? name_of(call.error->error_class) : "") &&
           (!filter.only_errors || call.status != "success");
}

RequestFilter random_filter(Dice& dice) {
    RequestFilter filter;
    const auto moment = [&] {
        return UtcTime(std::chrono::seconds(1'800'000'000 + dice.below(4 * 86'400)));
    };
    if (dice.chance(40)) filter.from = moment();
    if (dice.chance(40)) filter.to = moment();
    if (dice.chance(40)) filter.project = dice.one_of(test::random_projects);
    if (dice.chance(30)) filter.provider = dice.one_of(test::random_providers);
    if (dice.chance(20)) filter.model = dice.one_of(test::random_models);
    if (dice.chance(20)) filter.tool = dice.one_of(test::random_tools);
    if (dice.chance(15)) filter.session_id = fmt::format("session_{}", dice.below(10));
    if (dice.chance(15)) filter.status = dice.chance(50) ? "success" : "error";
    if (dice.chance(15)) filter.error_class = "rate_limit";
    if (dice.chance(15)) filter.only_errors = true;
    return filter;
}

// Pages until the end are the calls that fit, in order, and each says how many there are.
void check_filters(const std::filesystem::path& file, std::vector<meter::CallRecord> calls,
                   std::uint32_t seed, int count) {
    Dice dice(seed);
    Reader reader(file);
    std::sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) {
        return std::tie(a.requested_at, a.id) > std::tie(b.requested_at, b.id);
    });
    std::size_t seen = 0;
    for (int i = 0; i < count; ++i) {
        RequestQuery query;
        query.filter = random_filter(dice);
        query.limit = static_cast<std::size_t>(dice.below(60) + 1);
        query.is_oldest_first = dice.chance(30);
        INFO("seed " << seed << " filter " << i);
        std::vector<std::string> wanted;
        for (const auto& call : calls)
            if (fits(call, query.filter)) wanted.push_back(call.id);
        if (query.is_oldest_first) std::reverse(wanted.begin(), wanted.end());
        std::vector<std::string> found;
        do {
            const auto page = read_requests(reader, query);
            REQUIRE(page);
            CHECK(page->total == static_cast<std::int64_t>(wanted.size()));
            REQUIRE(page->items.size() <= query.limit);
            REQUIRE((page->next_cursor.empty() || page->items.size() == query.limit));
            for (const auto& row : page->items) found.push_back(row.id);
            query.cursor = page->next_cursor;
        } while (!query.cursor.empty());
        CHECK(found == wanted);
        seen += found.size();
    }
    CHECK(seen > 0);
}

}  // namespace

TEST_CASE("requests: every filter, page by page, is what looking at each call gives") {
    Dice dice(1);
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto calls = failing_calls(dice, 500);
    write_calls(file, calls);
    check_filters(file, calls, 1, 150);
    // The same while the roll-ups are not filled, or in part.
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec(
        "DELETE FROM usage_half_hours; DELETE FROM usage_days; DELETE FROM usage_months; "
        "DELETE FROM usage_sessions; "
        "UPDATE usage_cover SET covered_from = '2099', days_to = '', months_to = ''");
    check_filters(file, calls, 2, 40);
    store::fill_rollups(database, 200, at("2027-01-01T00:00:00Z"));
    check_filters(file, calls, 3, 40);
    for (const char* now : {"2027-01-17T05:00:00Z", "2027-02-03T00:00:00Z"}) {
        while (store::fill_rollups(database, 200, at(now))) continue;
        check_filters(file, calls, 4, 60);
    }
}

TEST_CASE("requests: a row says what the call was") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto call = make_call(1);
    call.requested_model = "claude-latest";
    call.billing = meter::BillingMode::plan;
    call.usage.cache_write = 40;
    call.usage.cache_write_1h = 30;
    call.time_to_first_byte_ms = 3.5;
    call.status = "error";
    call.http_status = 529;
    call.error = meter::CallError{meter::ErrorClass::server_error, "overloaded_error", true, ""};
    call.retry_count = 2;
    call.client = {"claude-code", "1.2.3", "s-1", "t-1", "u-1", "reviewer"};
    call.git_branch = "main";
    call.price_id = "anthropic/claude@2026-01-01";
    auto plain = make_call(2);
    plain.cost.reset();
    plain.tokens_complete = false;
    write_calls(file, {call, plain});
    Reader reader(file);
    const auto found = store::read_request(reader, call.id);
    REQUIRE(found);
    REQUIRE(*found);
    const auto& row = **found;
    CHECK(row.id == call.id);
    CHECK(row.project == "shop");
    CHECK(row.requested_at == to_iso8601(call.requested_at));
    CHECK(row.provider == "anthropic");
    CHECK(row.model == "claude-test-1");
    CHECK(row.requested_model == "claude-latest");
    CHECK(row.mode == "standard");
    CHECK(row.request_kind == "chat");
    CHECK(row.input_tokens == 100);
    CHECK(row.output_tokens == 20);
    CHECK(row.cache_write_tokens == 40);
    CHECK(row.cache_write_1h_tokens == 30);
    CHECK(row.cost->value == 1'234'567);
    CHECK(row.cost_state == "exact");
    CHECK(row.rates_source == "bundled-2026-08-21");
    CHECK(row.price_id == "anthropic/claude@2026-01-01");
    CHECK(row.billing == "plan");
    CHECK(row.latency_ms == 12.5);
    CHECK(row.time_to_first_byte_ms == 3.5);
    CHECK(row.tokens_complete);
    CHECK(row.status == "error");
    CHECK(row.error_class == "server_error");
    CHECK(row.provider_error_code == "overloaded_error");
    CHECK(row.http_status == 529);
    CHECK(row.retryable == true);
    CHECK(row.retry_count == 2);
    CHECK(row.method == "POST");
    CHECK(row.host == "api.anthropic.com");
    CHECK(row.path == "/v1/messages");
    CHECK(row.client_tool == "claude-code");
    CHECK(row.client_version == "1.2.3");
    CHECK(row.session_id == "s-1");
    CHECK(row.thread_id == "t-1");
    CHECK(row.turn_id == "u-1");
    CHECK(row.agent_name == "reviewer");
    CHECK(row.git_branch == "main");
    CHECK(row.attribution_layer == "git");
    const auto other = store::read_request(reader, plain.id).value();
    REQUIRE(other);
    CHECK_FALSE(other->cost);
    CHECK_FALSE(other->tokens_complete);
    CHECK_FALSE(other->retryable);
    CHECK_FALSE(other->retry_count);
    CHECK(other->billing == "metered");
    CHECK_FALSE(store::read_request(reader, "nobody").value());
}

TEST_CASE("requests: cursors stay good while rows come in, and others are refused") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write_calls(file, {make_call(1), make_call(2), make_call(3)});
    Reader reader(file);
    RequestQuery query;
    query.limit = 2;
    const auto first = read_requests(reader, query).value();
    REQUIRE(first.items.size() == 2);
    write_calls(file, {make_call(4), make_call(5)});
    query.cursor = first.next_cursor;
    const auto second = read_requests(reader, query).value();
    REQUIRE(second.items.size() == 1);
    CHECK(second.items[0].id == make_call(1).id);
    CHECK(second.next_cursor.empty());
    CHECK(second.total == 5);
    query.has_total = false;
    CHECK(read_requests(reader, query).value().total == 0);
    for (const auto& bad : {std::string("x"), std::string("_x"), first.next_cursor.substr(0, 28),
                            std::string("2027-13-01T00:00:00Z_x"), std::string(5'000, '_'),
                            "2027-01-01T00:00:00Z_" + std::string(200, 'x')}) {
        INFO(bad);
        query.cursor = bad;
        CHECK(read_requests(reader, query).error().kind == ErrorKind::malformed);
    }
}

TEST_CASE("requests: no file, an empty one, and one of the first version") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Reader reader(file);
    CHECK(read_requests(reader, {}).error().kind == ErrorKind::not_found);
    test::write_text(file, "");
    CHECK(read_requests(reader, {}).value().items.empty());
    CHECK(store::read_error_groups(reader, {}).value().empty());
    CHECK_FALSE(store::read_request(reader, "x").value());
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
        store::migrate(database, store::migrations().first(1));
        database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'A', 'then')");
        database.exec(
            "INSERT INTO requests (id, project_id, provider, model, requested_at, status, "
            "cost_usd_minor_units) VALUES "
            "('x', 1, 'p', 'm', '2027-01-15T08:00:00.000000Z', 'success', 7), "
            "('y', 1, 'p', 'm', '2027-01-15T09:00:00.000000Z', 'error', NULL)");
    }
    RequestQuery query;
    query.filter.model = "m";
    const auto page = read_requests(reader, query).value();
    REQUIRE(page.items.size() == 2);
    CHECK(page.total == 2);
    CHECK(page.items[1].cost->value == 70'000);
    CHECK(page.items[1].client_tool.empty());
    query.filter.tool = "codex";
    CHECK(read_requests(reader, query).value().total == 0);
    query.filter = {};
    query.filter.session_id = "s";
    CHECK(read_requests(reader, query).value().items.empty());
    CHECK(store::read_error_groups(reader, {}).value().size() == 1);
}

TEST_CASE("requests: failures are counted by what they were, most first") {
    Dice dice(5);
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const auto calls = failing_calls(dice, 600);
    write_calls(file, calls);
    Reader reader(file);
    for (int i = 0; i < 20; ++i) {
        RequestFilter filter = random_filter(dice);
        filter.session_id.reset();
        filter.status.reset();
        filter.only_errors = i % 2 == 0;
        using Name = std::tuple<std::string, std::string, std::string, int, bool>;
        std::map<Name, std::int64_t> wanted;
        for (const auto& call : calls)
            if (call.status != "success" && fits(call, filter))
                ++wanted[{call.provider, std::string(name_of(call.error->error_class)),
                          call.error->provider_code, call.http_status, call.error->is_retryable}];
        const auto groups = store::read_error_groups(reader, filter).value();
        CHECK(groups.size() == wanted.size());
        std::int64_t last = INT64_MAX;
        for (const auto& group : groups) {
            CHECK(wanted[{group.provider, group.error_class, group.provider_error_code,
                          group.http_status.value_or(0), group.retryable.value_or(false)}] ==
                  group.requests);
            CHECK(group.first_at <= group.last_at);
            CHECK(group.requests <= last);
            last = group.requests;
        }
    }
}
