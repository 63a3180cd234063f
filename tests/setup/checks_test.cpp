#include "setup/checks.h"

#include <algorithm>

#include "support/catch.h"

using namespace halton;
using setup::Health;
using setup::Observed;
using setup::Verdict;

namespace {

Observed make_well() {
    Observed observed;
    observed.version = "1.0.0";
    observed.mode = setup::Mode::env_only;
    observed.ports = {.edge_port = 8081, .internal_port = 8090, .api_port = 8765};
    observed.is_edge_bound = observed.has_edge_answered = true;
    observed.edge = setup::EdgeAnswer{"1.0.0", 5, true, {}, 12, {}};
    observed.is_intercept_bound = observed.is_api_bound = true;
    observed.health_status = 200;
    observed.daemon = setup::DaemonAnswer{};
    observed.daemon->version = "1.0.0";
    observed.daemon->store_state = "ok";
    observed.leaf_complaint = "";
    observed.database = {setup::DatabaseState::State::present, {}, 3, 3};
    observed.free_bytes = 5ull << 30;
    return observed;
}

void stop_daemon(Observed& observed) {
    observed.is_intercept_bound = observed.is_api_bound = false;
    observed.health_status = 0;
    observed.daemon.reset();
    observed.edge->is_chaining = false;
    observed.edge->daemon_down_since = "2026-11-21T10:00:00.000000Z";
}

const setup::DiagnosisRow& row(const setup::Diagnosis& diagnosis, std::string_view id) {
    const auto found =
        std::find_if(diagnosis.rows.begin(), diagnosis.rows.end(),
                     [id](const setup::DiagnosisRow& judged) { return judged.id == id; });
    REQUIRE(found != diagnosis.rows.end());
    return *found;
}

setup::Diagnosis judge(const Observed& observed) {
    return setup::diagnose(setup::judge_running(observed));
}

}  // namespace

TEST_CASE("checks: all is well") {
    const auto diagnosis = judge(make_well());
    CHECK(diagnosis.verdict == Verdict::healthy);
    for (const auto& judged : diagnosis.rows) {
        INFO(judged.id);
        CHECK(judged.finding.health == Health::good);
        CHECK(judged.finding.code.empty());
    }
}

TEST_CASE("checks: nothing runs and nothing is there") {
    Observed observed;
    observed.ports = {.edge_port = 8081, .internal_port = 8090, .api_port = 8765};
    const auto diagnosis = judge(observed);
    CHECK(diagnosis.verdict == Verdict::broken);
    CHECK(row(diagnosis, "edge").finding.code == "edge.not_listening");
    CHECK(row(diagnosis, "edge").finding.action == "halton-meter init");
    CHECK(row(diagnosis, "daemon").finding.code == "daemon.down");
    CHECK(row(diagnosis, "chain").caused_by == "edge");
    CHECK(row(diagnosis, "api").caused_by == "daemon");
    CHECK(row(diagnosis, "intercept").caused_by == "daemon");
    CHECK(row(diagnosis, "leaf").finding.health == Health::unknown);
}

TEST_CASE("checks: without the daemon traffic works, and everything else follows from it") {
    auto observed = make_well();
    stop_daemon(observed);
    for (const bool is_on_purpose : {false, true}) {
        observed.is_stopped_on_purpose = is_on_purpose;
        const auto diagnosis = judge(observed);
        CHECK(diagnosis.verdict == Verdict::inconsistent);
        CHECK(row(diagnosis, "daemon").finding.code ==
              (is_on_purpose ? "daemon.stopped" : "daemon.down"));
        CHECK(row(diagnosis, "daemon").finding.action == "halton-meter start");
        CHECK(row(diagnosis, "chain").caused_by == "daemon");
        CHECK(row(diagnosis, "chain").finding.detail.find("since 2026-11-21T10:00:00") !=
              std::string::npos);
    }
}

TEST_CASE("checks: an edge that still believes in a dead daemon is not believed") {
    auto observed = make_well();
    stop_daemon(observed);
    observed.edge->is_chaining = true;
    observed.edge->daemon_down_since.clear();
    CHECK(row(judge(observed), "chain").caused_by == "daemon");
}

TEST_CASE("checks: a daemon that hangs, drains or is another version") {
    auto observed = make_well();
    observed.daemon.reset();
    observed.health_status = 0;
    CHECK(row(judge(observed), "daemon").finding.code == "daemon.unhealthy");
    observed.health_status = 503;
    CHECK(row(judge(observed), "daemon").finding.code == "daemon.unhealthy");
    observed = make_well();
    observed.daemon->version = "0.9.0";
    CHECK(row(judge(observed), "daemon").finding.code == "daemon.old_program");
    observed = make_well();
    observed.is_intercept_bound = false;
    CHECK(row(judge(observed), "intercept").finding.code == "intercept.not_bound");
}

TEST_CASE("checks: who has the edge's port") {
    auto observed = make_well();
    observed.edge.reset();
    CHECK(row(judge(observed), "edge").finding.code == "edge.port_taken");
    CHECK(judge(observed).verdict == Verdict::broken);
    observed.has_edge_answered = false;
    CHECK(row(judge(observed), "edge").finding.code == "edge.silent");
    observed = make_well();
    observed.edge->version = "0.9.0";
    CHECK(row(judge(observed), "edge").finding.code == "edge.old_program");
    CHECK(judge(observed).verdict == Verdict::inconsistent);
}

TEST_CASE("checks: everything answers and nothing is metered") {
    auto observed = make_well();
    observed.edge->is_chaining = false;
    const auto diagnosis = judge(observed);
    CHECK(diagnosis.verdict == Verdict::inconsistent);
    CHECK(row(diagnosis, "chain").finding.code == "chain.passthrough");
    CHECK(row(diagnosis, "chain").caused_by.empty());
}

TEST_CASE("checks: certificates that do not verify break calls") {
    auto observed = make_well();
    observed.leaf_complaint = "unable to get local issuer certificate";
    const auto diagnosis = judge(observed);
    CHECK(diagnosis.verdict == Verdict::broken);
    CHECK(row(diagnosis, "leaf").finding.code == "leaf.not_trusted");
}

TEST_CASE("checks: database, disk and rows") {
    using State = setup::DatabaseState::State;
    const auto code = [](std::string_view id, auto change) {
        auto observed = make_well();
        change(observed);
        return row(judge(observed), id).finding.code;
    };
    CHECK(code("database", [](Observed& o) { o.database.state = State::missing; }).empty());
    CHECK(code("database", [](Observed& o) { o.database.state = State::unreadable; }) ==
          "database.unreadable");
    CHECK(code("database", [](Observed& o) { o.database.state = State::unsound; }) ==
          "database.damaged");
    CHECK(code("database", [](Observed& o) { o.database.schema_number = 2; }) ==
          "database.old_schema");
    CHECK(code("database", [](Observed& o) { o.database.schema_number = 9; }).empty());
    CHECK(code("database", [](Observed& o) { o.database.schema_number = 0; }).empty());
    CHECK(code("database", [](Observed& o) { o.daemon->store_state = "retrying"; }) ==
          "database.not_written");
    CHECK(code("disk", [](Observed& o) { o.free_bytes = 1024; }) == "disk.low");
    CHECK(code("disk", [](Observed& o) { o.free_bytes.reset(); }).empty());
    CHECK(code("recording", [](Observed& o) { o.daemon->rows_dropped_error = 1; }) ==
          "recording.dropped");
    CHECK(code("recording", [](Observed& o) { o.daemon->is_kill_safe = false; }) ==
          "recording.at_risk");
    CHECK(code("policies", [](Observed& o) { o.daemon->policies.state = "unreadable"; }) ==
          "policies.unreadable");
    CHECK(code("policies", [](Observed& o) { o.daemon->policies.state = "slow"; }) ==
          "policies.unreadable");
    CHECK(code("policies", [](Observed& o) { o.daemon->policies.audit_dropped = 1; }) ==
          "policies.audit_dropped");
    CHECK(code("policies", [](Observed& o) { o.daemon->policies.hooks_failed = 1; }) ==
          "policies.notify_failed");
    CHECK(code("policies", [](Observed& o) { o.daemon->policies.active = 2; }).empty());
}

TEST_CASE("checks: every fault has a code of its row and a command") {
    Observed none;
    auto odd = make_well();
    stop_daemon(odd);
    odd.free_bytes = 0;
    odd.leaf_complaint = "x";
    for (const auto& observed : {none, odd})
        for (const auto& judged : setup::judge_running(observed)) {
            if (!setup::is_fault(judged.finding)) continue;
            INFO(judged.id);
            CHECK(judged.finding.code.starts_with(judged.id + "."));
            CHECK_FALSE(judged.finding.action.empty());
            CHECK_FALSE(judged.finding.detail.empty());
        }
}

TEST_CASE("checks: a client that refuses our certificate is named, with its command") {
    auto observed = make_well();
    observed.daemon->refusals = {{"codex", "api.openai.com", 3, "2026-11-21T10:00:00.000000Z"},
                                 {"odd\x1b", "chatgpt.com", 1, ""}};
    const auto refused = row(judge(observed), "clients").finding;
    CHECK(refused.code == "clients.refused");
    CHECK(refused.action == "halton-meter run -- codex");
    CHECK(refused.detail.find("api.openai.com: 3 times") != std::string::npos);
    CHECK(refused.detail.find("and 1 more") != std::string::npos);
    observed.daemon->refusals.erase(observed.daemon->refusals.begin());
    CHECK(row(judge(observed), "clients").finding.action == "halton-meter run -- COMMAND");
    CHECK(row(judge(observed), "clients").finding.detail.find('\x1b') == std::string::npos);
}

TEST_CASE("checks: a call through edge and daemon proves more than their words") {
    auto observed = make_well();
    observed.probe = Observed::Probe{};
    CHECK(judge(observed).verdict == Verdict::healthy);
    observed.probe->complaint = "timeout";
    CHECK(row(judge(observed), "chain").finding.code == "chain.no_answer");
    CHECK(judge(observed).verdict == Verdict::inconsistent);
    observed.probe->is_untrusted = true;
    CHECK(row(judge(observed), "chain").finding.code == "chain.not_trusted");
    CHECK(judge(observed).verdict == Verdict::broken);
    // With the daemon down that is no news.
    stop_daemon(observed);
    CHECK(row(judge(observed), "chain").caused_by == "daemon");
}
