#include "roles/doctor_text.h"

#include "base/json.h"
#include "support/catch.h"

using namespace halton;
using setup::Health;

namespace {

setup::DiagnosisRow row(std::string id, Health health, std::string depends_on = {}) {
    return {id,
            id,
            std::move(depends_on),
            {health, health >= Health::odd ? id + ".bad" : std::string(), id + " says so",
             "repair " + id},
            {}};
}

roles::DoctorReport make_report() {
    roles::DoctorReport report;
    report.version = "1.2.3";
    report.platform = "linux";
    report.mode = "apps";
    report.tools.push_back({"claude",
                            "Claude Code",
                            7,
                            2,
                            {{Health::odd, "env.no_ca", "no CA", "halton-meter run -- claude"},
                             {Health::off, "env.base_url", "elsewhere", "x"}}});
    report.tools.push_back({"codex", "Codex CLI", 8, 0, {}});
    report.tools.push_back({"this shell", "this shell", 0, 0, {}});
    auto rows = std::vector{row("disk", Health::good), row("edge", Health::broken),
                            row("chain", Health::odd, "edge"), row("bus", Health::unknown)};
    for (auto& tool : roles::to_tool_rows(report.tools)) rows.push_back(std::move(tool));
    report.diagnosis = setup::diagnose(std::move(rows));
    return report;
}

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST_CASE("doctor text: verdict first, one command a cause, consequences folded") {
    const auto text = roles::to_doctor_text(make_report(), {});
    CHECK(text.starts_with("BROKEN: edge says so\n"));
    CHECK(count(text, "$ repair edge\n") == 1);
    CHECK(text.find("$ repair chain") == std::string::npos);
    CHECK(text.find("`- chain") != std::string::npos);
    CHECK(text.find("[edge.bad]") != std::string::npos);
    CHECK(text.find("Claude Code (pid 7 and 2 more): no CA [env.no_ca]") != std::string::npos);
    CHECK(text.find("$ halton-meter run -- claude\n") != std::string::npos);
    CHECK(count(text, "restart this tool") == 1);
    CHECK(text.find("Codex CLI (pid 8) comes through us") != std::string::npos);
    CHECK(text.find("this shell") == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("doctor text: colour and signs only where they are wanted") {
    const auto text = roles::to_doctor_text(make_report(), {true, true});
    CHECK(text.starts_with("\x1b[31mBROKEN\x1b[0m"));
    CHECK(text.find("✓") != std::string::npos);
}

TEST_CASE("doctor text: nothing wrong is one word") {
    roles::DoctorReport report;
    report.diagnosis = setup::diagnose({row("disk", Health::good)});
    CHECK(roles::to_doctor_text(report, {}).starts_with("HEALTHY\n"));
}

TEST_CASE("doctor text: tools count with their worst fault") {
    const auto rows = roles::to_tool_rows(
        {{"a", "A", 1, 0, {{Health::odd, "x", "", ""}, {Health::broken, "y", "", ""}}},
         {"b", "B", 2, 0, {{Health::off, "z", "", ""}}}});
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].finding.code == "y");
    CHECK(rows[1].finding.health == Health::good);
}

TEST_CASE("doctor text: JSON has every layer, and tools apart") {
    JsonParser parser;
    const auto json = parser.parse(roles::to_doctor_json(make_report()));
    REQUIRE(json);
    CHECK((*json)["verdict"].as_string() == "BROKEN");
    CHECK((*json)["platform"].as_string() == "linux");
    CHECK((*json)["version"].as_string() == "1.2.3");
    int layers = 0;
    (*json)["layers"].for_each_element([&](JsonView layer) {
        ++layers;
        CHECK(layer["id"].is_string());
        if (layer["id"].as_string() == "chain") {
            CHECK(layer["caused_by"].as_string() == "edge");
            CHECK(layer["health"].as_string() == "odd");
            CHECK(layer["ok"].as_bool() == false);
            CHECK(layer["code"].as_string() == "chain.bad");
        }
        if (layer["id"].as_string() == "disk") CHECK(layer["caused_by"].is_null());
    });
    CHECK(layers == 4);
    int tools = 0;
    (*json)["tools"].for_each_element([&](JsonView tool) {
        if (tools++ == 0) CHECK(tool["pid"].as_integer() == 7);
    });
    CHECK(tools == 3);
}
