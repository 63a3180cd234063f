#include "roles/import_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

store::ImportCounts make_counts() {
    store::ImportCounts counts;
    counts.calls = 1'234;
    counts.metered = 1'200;
    counts.added = 34;
    counts.unpriced = 1;
    counts.cost = NanoUsd{1'500'000'000};
    counts.plan_cost = NanoUsd{2'000'000'000};
    return counts;
}

}  // namespace

TEST_CASE("import text: what was found, and what to type next") {
    const roles::ImportFiles files{12, 1, 3, 0};
    const auto kind = meter::TranscriptKind::claude_code;
    auto text = roles::to_import_text(kind, files, make_counts(), true);
    CHECK(has(text, "12 transcripts of claude-code: 1,234 calls\n"));
    CHECK(has(text, "34  are missing, and would be imported"));
    CHECK(has(text, "Their cost: $1.50, and $2.00 of plan use"));
    CHECK(has(text, "3  lines make no sense"));
    CHECK(has(text, "To write it: halton-meter import claude-code\n"));
    CHECK_FALSE(has(text, "too long"));
    text = roles::to_import_text(kind, files, make_counts(), false);
    CHECK(has(text, "marked source=import"));
    CHECK_FALSE(has(text, "Nothing was written"));
    JsonParser parser;
    const auto printed = roles::to_import_json(kind, files, make_counts(), true);
    const auto json = parser.parse(printed).value();
    CHECK(json["added"].as_integer() == 34);
    CHECK(json["dry_run"].as_bool() == true);
    CHECK(json["cost_nanousd"].as_integer() == 1'500'000'000);
}
