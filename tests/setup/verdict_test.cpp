#include "setup/verdict.h"

#include "support/catch.h"

using namespace halton;
using setup::diagnose;
using setup::DiagnosisRow;
using setup::Health;
using setup::Verdict;

namespace {

DiagnosisRow row(std::string id, Health health, std::string depends_on = {}) {
    DiagnosisRow judged{id, id, std::move(depends_on)};
    judged.finding.health = health;
    if (health == Health::odd || health == Health::broken) judged.finding.code = id + ".x";
    return judged;
}

std::string told(const setup::Diagnosis& diagnosis) {
    std::string text;
    for (const auto* judged : setup::in_telling_order(diagnosis))
        text += (text.empty() ? "" : " ") + judged->id;
    return text;
}

}  // namespace

TEST_CASE("verdict: the worst fault gives the word and the exit code") {
    CHECK(diagnose({}).verdict == Verdict::healthy);
    CHECK(diagnose({row("a", Health::good), row("b", Health::off), row("c", Health::unknown)})
              .verdict == Verdict::healthy);
    CHECK(diagnose({row("a", Health::good), row("b", Health::odd)}).verdict ==
          Verdict::inconsistent);
    CHECK(diagnose({row("a", Health::broken), row("b", Health::odd)}).verdict == Verdict::broken);
    CHECK(setup::to_text(Verdict::healthy) == "HEALTHY");
    CHECK(setup::to_text(Verdict::inconsistent) == "INCONSISTENT");
    CHECK(setup::to_text(Verdict::broken) == "BROKEN");
    CHECK(setup::to_exit_code(Verdict::healthy) == 0);
    CHECK(setup::to_exit_code(Verdict::inconsistent) == 1);
    CHECK(setup::to_exit_code(Verdict::broken) == 2);
}

TEST_CASE("verdict: consequences name the root cause, not the middle of the chain") {
    const auto diagnosis =
        diagnose({row("ca", Health::broken), row("bundle", Health::broken, "ca"),
                  row("edge", Health::good), row("tools", Health::odd, "edge bundle")});
    CHECK(diagnosis.rows[0].caused_by.empty());
    CHECK(diagnosis.rows[1].caused_by == "ca");
    CHECK(diagnosis.rows[2].caused_by.empty());
    CHECK(diagnosis.rows[3].caused_by == "ca");
}

TEST_CASE("verdict: what is well, off or unknown causes nothing and is no consequence") {
    const auto diagnosis =
        diagnose({row("a", Health::unknown), row("b", Health::odd, "a no-such-row"),
                  row("c", Health::good, "b"), row("d", Health::odd, "c")});
    for (const auto& judged : diagnosis.rows) CHECK(judged.caused_by.empty());
}

TEST_CASE("verdict: layers that depend on each other still have an end") {
    const auto diagnosis = diagnose({row("a", Health::odd, "b"), row("b", Health::odd, "a")});
    CHECK(diagnosis.rows[0].caused_by == "b");
    CHECK(diagnosis.rows[1].caused_by == "a");
    CHECK(diagnosis.verdict == Verdict::inconsistent);
}

TEST_CASE("verdict: told root causes first with their consequences behind, the broken first") {
    const auto diagnosis =
        diagnose({row("good", Health::good), row("odd", Health::odd), row("maybe", Health::unknown),
                  row("port", Health::broken), row("edge", Health::broken, "port"),
                  row("off", Health::off), row("chain", Health::odd, "edge")});
    CHECK(told(diagnosis) == "port edge chain odd maybe good off");
}

TEST_CASE("verdict: of two rows of one id the worse holds, in the place of the first") {
    const auto diagnosis = diagnose({row("edge", Health::good), row("b", Health::good),
                                     row("edge", Health::broken), row("edge", Health::odd)});
    REQUIRE(diagnosis.rows.size() == 2);
    CHECK(diagnosis.rows[0].id == "edge");
    CHECK(diagnosis.rows[0].finding.health == Health::broken);
    CHECK(diagnosis.verdict == Verdict::broken);
}

TEST_CASE("verdict: what a layer says already is not said again") {
    auto unit = row("edge-unit", Health::broken);
    auto edge = row("edge", Health::broken, "edge-unit");
    unit.finding.code = edge.finding.code = "edge.not_listening";
    const auto diagnosis =
        diagnose({edge, unit, row("chain", Health::odd, "edge-unit"), row("x", Health::good)});
    REQUIRE(diagnosis.rows.size() == 3);
    CHECK(diagnosis.rows[0].id == "edge-unit");
    CHECK(diagnosis.rows[1].caused_by == "edge-unit");
}

TEST_CASE("verdict: what works, though oddly, explains nothing that is broken") {
    const auto diagnosis =
        diagnose({row("folder", Health::odd), row("ca", Health::broken, "folder"),
                  row("notes", Health::odd, "folder")});
    CHECK(diagnosis.rows[1].caused_by.empty());
    CHECK(diagnosis.rows[2].caused_by == "folder");
    CHECK(told(diagnosis) == "ca folder notes");
}
