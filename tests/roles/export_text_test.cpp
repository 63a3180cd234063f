#include "roles/export_text.h"

#include <vector>

#include "base/json.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace halton;
using store::ExportCell;

namespace {

std::vector<ExportCell> make_row() {
    std::vector<ExportCell> row(store::export_columns().size());
    for (std::size_t i = 0; i < row.size(); ++i) {
        const auto& column = store::export_columns()[i];
        row[i].is_null = false;
        row[i].text = "t";
        row[i].integer = column.type == ParquetType::flag ? 1 : 1'234'567;
        row[i].real = 0.1;
        if (column.name == "model") row[i].text = "a \"b\",\nc";
        if (column.name == "host") row[i].text = "";
        if (column.name == "path") row[i].is_null = true;
        if (column.name == "cost_usd") row[i].integer = -1'000'000'005;
    }
    return row;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("export: CSV keeps nothing and empty apart, and quotes what needs it") {
    std::string text;
    roles::append_csv_row(text, make_row());
    CHECK(has(text, ",\"a \"\"b\"\",\nc\","));
    CHECK(has(text, ",\"\",,"));
    CHECK(has(text, ",-1.000000005,1234567,"));
    CHECK(has(text, "1970-01-01T00:00:01.234567Z"));
    CHECK(text.ends_with("\r\n"));
    const auto head = roles::to_csv_head();
    CHECK(head.starts_with("id,requested_at,project,"));
    CHECK(std::count(head.begin(), head.end(), ',') + 1 ==
          static_cast<std::ptrdiff_t>(store::export_columns().size()));
}

TEST_CASE("export: JSON lines are one object each, with every column") {
    std::string text;
    roles::append_json_row(text, make_row());
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
    JsonParser parser;
    const auto json = parser.parse(text).value();
    CHECK(json["model"].as_string() == "a \"b\",\nc");
    CHECK(json["path"].is_null());
    CHECK(json["host"].as_string() == "");
    CHECK(json["tokens_complete"].as_bool() == true);
    CHECK(json["latency_ms"].as_number() == 0.1);
    CHECK(has(text, "\"cost_usd\":-1.000000005,"));
    for (const auto& column : store::export_columns()) CHECK(json[column.name].is_present());
}

TEST_CASE("export: Parquet has the same columns, and takes a row") {
    const auto columns = roles::to_parquet_columns();
    CHECK(columns.size() == store::export_columns().size());
    ParquetWriter writer(columns, {});
    roles::add_parquet_row(writer, make_row());
    CHECK(writer.row_count() == 1);
}

TEST_CASE("export: src/store/README.md tells the columns as they are") {
    const auto path = test::source_root() / "src/store/README.md";
    const auto page = test::read_text(path);
    const std::string mark = "<!-- printed by tests/roles/export_text_test.cpp -->\n\n";
    const auto begin = page.find(mark);
    REQUIRE(begin != std::string::npos);
    const auto wanted = page.substr(0, begin + mark.size()) + roles::to_export_page();
    if (std::getenv("HALTON_UPDATE_GOLDEN") != nullptr) test::write_text(path, wanted);
    CHECK(test::read_text(path) == wanted);
}

TEST_CASE("export: the progress bar") {
    CHECK(roles::to_progress(430'000, 1'000'000, 60) ==
          "[#########-------------]  43%  430,000 of 1,000,000 calls");
    CHECK(has(roles::to_progress(2, 1, 80), "100%  1 of 1 calls"));
    CHECK(roles::to_progress(1, 2, 20).size() < 20);
    CHECK(has(roles::to_progress(0, 0, 80), "100%"));
}
