#include "store/import.h"

#include "meter/pricing.h"
#include "store/calls.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using meter::BillingMode;
using store::ImportCounts;
using test::query_number;
using test::query_text;
using test::write_calls;

namespace {

const UtcTime now = parse_iso8601("2026-11-21T12:00:00Z").value();

meter::TranscriptCall make_found(int number, const char* session = "s-1") {
    meter::TranscriptCall found;
    found.key = "claude-code req_" + std::to_string(number);
    found.folder = "/home/you/shop";
    meter::CallRecord& call = found.call;
    call.id = meter::make_stable_uuid(found.key);
    call.requested_at = now - std::chrono::hours(24) + std::chrono::minutes(number);
    call.provider = "anthropic";
    call.model = "claude-sonnet-4-5";
    call.status = "success";
    call.http_status = 200;
    call.has_usage = true;
    call.tokens_complete = true;
    call.usage.input = 1'000 + number;
    call.usage.output = 100;
    call.provider_request_id = "req_" + std::to_string(number);
    call.client.tool = "claude-code";
    call.client.session_id = session;
    return found;
}

// The row that the proxy writes for it: it begins a little before.
meter::CallRecord make_metered(const meter::TranscriptCall& found) {
    auto call = found.call;
    call.id = "metered-" + found.key;
    call.requested_at -= std::chrono::seconds(30);
    call.project_slug = "own-name";
    call.cost = NanoUsd{1};
    call.cost_state = meter::CostState::exact;
    call.latency_ms = 30'000;
    return call;
}

ImportCounts import(const std::filesystem::path& file,
                    const std::vector<meter::TranscriptCall>& calls, bool is_dry = false,
                    std::optional<BillingMode> billing = std::nullopt) {
    store::ImportSettings settings;
    settings.is_dry = is_dry;
    settings.now = now;
    settings.billing = billing;
    settings.prices = &meter::PriceBook::bundled();
    settings.project_of = [](const std::string& folder) {
        return folder.substr(folder.rfind('/') + 1);
    };
    auto importer = store::Importer::open(file, std::move(settings));
    REQUIRE(importer);
    REQUIRE((*importer)->add(calls));
    REQUIRE((*importer)->finish());
    return (*importer)->counts();
}

}  // namespace

TEST_CASE("import: only what was not metered, once, and never again") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<meter::TranscriptCall> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(make_found(i));
    write_calls(file, {make_metered(calls[0]), make_metered(calls[7])});
    auto again = calls;
    again.insert(again.end(), calls.begin(), calls.end());

    auto counts = import(file, again, true);
    CHECK(counts.calls == 10);
    CHECK(counts.repeated == 10);
    CHECK(counts.metered == 2);
    CHECK(counts.added == 8);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 2);
    const auto wanted_cost = counts.cost;

    counts = import(file, again);
    CHECK(counts.added == 8);
    CHECK(counts.cost == wanted_cost);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 10);
    CHECK(query_number(file, "SELECT sum(cost_nanousd) FROM requests WHERE source = 'import'") ==
          wanted_cost.value);
    CHECK(query_number(file, "SELECT count(*) FROM requests WHERE source IS NULL") == 2);
    CHECK(query_number(file, "SELECT count(latency_ms) FROM requests") == 2);
    // The session's other calls tell the project.
    CHECK(query_text(file,
                     "SELECT group_concat(DISTINCT slug) FROM requests r JOIN projects p "
                     "ON p.id = project_id") == "own-name");
    counts = import(file, again);
    CHECK(counts.added == 0);
    CHECK(counts.imported == 8);
    CHECK(counts.metered == 2);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 10);
}

TEST_CASE("import: of two copies the whole one counts, whichever comes first") {
    const test::TempDirectory directory;
    const auto whole = make_found(1);
    auto half = whole;
    half.call.tokens_complete = false;
    half.call.usage.output = 1;
    auto other_half = make_found(2);
    other_half.call.tokens_complete = false;
    int number = 0;
    for (const auto& calls : {std::vector{half, whole, other_half}, {whole, half, other_half}}) {
        const auto file = directory / fmt::format("{}.sqlite", ++number);
        const auto counts = import(file, calls);
        CHECK(counts.calls == 2);
        CHECK(counts.added == 2);
        CHECK(counts.repeated == 1);
        CHECK(counts.incomplete == 1);
        CHECK(query_number(file, "SELECT sum(output_tokens) FROM requests") == 200);
    }
}

TEST_CASE("import: without a database everything is a gap, and a dry run makes none") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    CHECK(import(file, {make_found(1)}, true).added == 1);
    CHECK_FALSE(std::filesystem::exists(file));
    const auto counts = import(file, {make_found(1)});
    CHECK(counts.added == 1);
    CHECK(counts.plan_unknown == 1);
    CHECK(query_text(file, "SELECT slug FROM projects") == "shop");
    CHECK(query_text(file, "SELECT billing_mode FROM requests") == "metered");
}

TEST_CASE("import: who pays is what the session, else the tool, else the user says") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto other = make_metered(make_found(1, "s-1"));
    other.billing = BillingMode::plan;
    write_calls(file, {other});
    auto counts = import(file, {make_found(2, "s-1"), make_found(3, "s-2")});
    CHECK(counts.plan_unknown == 0);
    CHECK(counts.cost.value == 0);
    CHECK(counts.plan_cost.value > 0);
    counts = import(file, {make_found(4, "s-1")}, false, BillingMode::metered);
    CHECK(counts.plan_cost.value == 0);
    CHECK(counts.cost.value > 0);
}

TEST_CASE("import: by counts where no id is told, each row for one call") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    auto a = make_found(1);
    a.call.client.tool = "codex";
    a.call.provider_request_id.clear();
    auto b = a;  // the same counts a minute later, which nobody metered
    b.key += "b";
    b.call.id = meter::make_stable_uuid(b.key);
    b.call.requested_at += std::chrono::minutes(1);
    auto metered = make_metered(a);
    metered.provider_request_id = "resp_1";
    auto elsewhere = metered;
    elsewhere.id = "y";
    elsewhere.client.session_id = "s-9";
    write_calls(file, {metered, elsewhere});
    const auto counts = import(file, {a, b});
    CHECK(counts.metered == 1);
    CHECK(counts.added == 1);
}

TEST_CASE("import: what may still be running waits, what has no price says so") {
    const test::TempDirectory directory;
    auto fresh = make_found(1);
    fresh.call.requested_at = now - std::chrono::seconds(30);
    auto unknown = make_found(2);
    unknown.call.model = "model-of-tomorrow";
    unknown.call.tokens_complete = false;
    const auto counts = import(directory / "db.sqlite", {fresh, unknown});
    CHECK(counts.fresh == 1);
    CHECK(counts.added == 1);
    CHECK(counts.unpriced == 1);
    CHECK(counts.incomplete == 1);
    store::ImportSettings settings;
    settings.now = now;
    settings.takes_fresh = true;
    settings.prices = &meter::PriceBook::bundled();
    settings.project_of = [](const std::string&) { return std::string("shop"); };
    const auto importer = store::Importer::open(directory / "other.sqlite", std::move(settings));
    REQUIRE(importer);
    REQUIRE((*importer)->add(std::vector{fresh}));
    CHECK((*importer)->counts().added == 1);
}

TEST_CASE("import: a dry run over a file that is too old, or none of ours, says so") {
    const test::TempDirectory directory;
    const auto file = directory / "old.sqlite";
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        database.exec("CREATE TABLE requests (id TEXT)");
    }
    store::ImportSettings settings;
    settings.is_dry = true;
    settings.now = now;
    settings.prices = &meter::PriceBook::bundled();
    CHECK(store::Importer::open(file, settings).error().kind == ErrorKind::unsupported);
    test::write_text(directory / "none", std::string(4096, 'x'));
    CHECK_FALSE(store::Importer::open(directory / "none", settings));
}
