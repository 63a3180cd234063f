#include "store/row_groups.h"

#include <map>

#include "store/calls.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::RowGroup;
using test::make_call;
using test::write_calls;

namespace {

const UtcTime epoch{};
const UtcTime far_future{std::chrono::hours(24 * 365 * 200)};

}  // namespace

TEST_CASE("row groups: sums are the rows', whatever they are grouped by") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    std::map<std::string, store::UsageSums> by_session;
    std::map<std::pair<std::string, std::string>, std::int64_t> by_branch;
    for (std::uint64_t i = 0; i < 500; ++i) {
        auto call = make_call(i);
        call.client.session_id = i % 5 == 0 ? "" : fmt::format("s{}", i % 7);
        call.client.tool = i % 7 < 3 ? "codex" : "claude-code";
        call.git_branch = i % 4 == 0 ? "" : fmt::format("b{}", i % 3);
        call.project_slug = i % 2 == 0 ? "even" : "odd";
        call.billing = i % 6 == 0 ? meter::BillingMode::plan : meter::BillingMode::metered;
        call.cost = NanoUsd{static_cast<std::int64_t>(i * 1'000'003)};
        if (i % 9 == 0) call.cost.reset();
        calls.push_back(call);
        by_branch[{call.git_branch, call.project_slug}] += 1;
        if (call.client.session_id.empty()) continue;
        auto& sums = by_session[call.client.session_id];
        ++sums.requests;
        const auto cost = call.cost.value_or(NanoUsd{0});
        if (i % 6 == 0) {
            sums.plan_cost = sums.plan_cost + cost;
            ++sums.plan_requests;
            if (!call.cost) ++sums.plan_unpriced_requests;
        } else {
            sums.cost = sums.cost + cost;
        }
        if (!call.cost) ++sums.unpriced_requests;
    }
    write_calls(file, calls);
    store::Reader reader(file);
    const auto sessions =
        store::read_row_groups(reader, {epoch, far_future, std::nullopt}, RowGroup::session);
    REQUIRE(sessions);
    CHECK(sessions->size() == by_session.size());
    for (std::size_t i = 0; i < sessions->size(); ++i) {
        const auto& row = (*sessions)[i];
        const auto& wanted = by_session.at(row.name);
        CHECK(row.sums.requests == wanted.requests);
        CHECK(row.sums.cost == wanted.cost);
        CHECK(row.sums.plan_cost == wanted.plan_cost);
        CHECK(row.sums.plan_requests == wanted.plan_requests);
        CHECK(row.sums.unpriced_requests == wanted.unpriced_requests);
        CHECK(row.sums.plan_unpriced_requests == wanted.plan_unpriced_requests);
        CHECK_FALSE(row.last_at.empty());
        if (i > 0) CHECK((*sessions)[i - 1].sums.cost >= row.sums.cost);
    }
    const auto branches =
        store::read_row_groups(reader, {epoch, far_future, std::nullopt}, RowGroup::branch);
    REQUIRE(branches);
    CHECK(branches->size() == by_branch.size());
    for (const auto& row : *branches)
        CHECK(row.sums.requests == by_branch.at({row.name, row.detail}));
    const auto narrow =
        store::read_row_groups(reader, {epoch, far_future, "odd"}, RowGroup::branch);
    REQUIRE(narrow);
    for (const auto& row : *narrow) CHECK(row.detail == "odd");
    CHECK(store::read_row_groups(reader, {epoch, epoch, std::nullopt}, RowGroup::session)
              .value()
              .empty());
}

TEST_CASE("row groups: errors by class and code, most first") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 0; i < 12; ++i) {
        auto call = make_call(i);
        if (i >= 4) {
            call.status = "error";
            call.error =
                meter::CallError{i < 7 ? meter::ErrorClass::auth : meter::ErrorClass::rate_limit,
                                 i == 4 ? "bad_key" : "", false, ""};
        }
        if (i == 3) call.status = "aborted";
        calls.push_back(call);
    }
    write_calls(file, calls);
    store::Reader reader(file);
    const auto errors =
        store::read_row_groups(reader, {epoch, far_future, std::nullopt}, RowGroup::error);
    REQUIRE(errors);
    REQUIRE(errors->size() == 4);
    CHECK((*errors)[0].name == "rate_limit");
    CHECK((*errors)[0].sums.requests == 5);
    CHECK((*errors)[1].name == "auth");
    CHECK((*errors)[1].sums.requests == 2);
    CHECK((*errors)[2].name == "aborted");
    CHECK((*errors)[3].detail == "bad_key");
}

TEST_CASE("row groups: p95 is the nearest rank") {
    const test::TempDirectory directory;
    struct Case {
        int count;
        double p95;
    };
    for (const Case& each : {Case{1, 1}, {2, 2}, {19, 19}, {20, 19}, {21, 20}, {100, 95}}) {
        const auto file = directory / fmt::format("{}.sqlite", each.count);
        std::vector<meter::CallRecord> calls;
        for (int i = each.count; i >= 1; --i) {
            calls.push_back(make_call(static_cast<std::uint64_t>(i)));
            calls.back().latency_ms = i;
        }
        write_calls(file, calls);
        store::Reader reader(file);
        const auto found = store::read_latencies(reader, {epoch, far_future, std::nullopt}).value();
        INFO(each.count);
        CHECK(found.total->p95_ms == each.p95);
        CHECK(found.by_project.at("shop").p95_ms == each.p95);
        CHECK(found.by_model.at({"claude-test-1", "anthropic"}).avg_ms == (each.count + 1) / 2.0);
    }
    store::Reader none(directory / "none.sqlite");
    CHECK_FALSE(store::read_latencies(none, {epoch, far_future, std::nullopt}));
}

TEST_CASE("row groups: the period is from inclusive, to exclusive") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 1; i <= 3; ++i) {
        calls.push_back(make_call(i));
        calls.back().latency_ms = static_cast<double>(i);
    }
    write_calls(file, calls);
    store::Reader reader(file);
    const auto from = calls.front().requested_at;
    const auto to = calls.back().requested_at;
    const auto branches =
        store::read_row_groups(reader, {from, to, std::nullopt}, RowGroup::branch).value();
    REQUIRE(branches.size() == 1);
    CHECK(branches[0].sums.requests == 2);
    CHECK(store::read_latencies(reader, {from, to, std::nullopt}).value().total->avg_ms == 1.5);
    CHECK_FALSE(store::read_latencies(reader, {to, from, std::nullopt}).value().total);
}

TEST_CASE("row groups: an older file has no latencies") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    test::write_oldest(file);
    store::Reader reader(file);
    CHECK_FALSE(store::read_latencies(reader, {epoch, far_future, std::nullopt}).value().total);
}
