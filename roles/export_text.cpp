#include "roles/export_text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/json.h"
#include "roles/count_text.h"

namespace halton::roles {
namespace {

UtcTime to_time(std::int64_t us) { return UtcTime(std::chrono::microseconds(us)); }

std::string to_decimal(std::int64_t nanousd) {
    const std::string_view sign = nanousd < 0 ? "-" : "";
    const auto size =
        nanousd < 0 ? 0 - static_cast<std::uint64_t>(nanousd) : static_cast<std::uint64_t>(nanousd);
    return fmt::format("{}{}.{:09}", sign, size / 1'000'000'000, size % 1'000'000'000);
}

std::string_view type_name(ParquetType type) {
    switch (type) {
        case ParquetType::text: return "text";
        case ParquetType::integer: return "integer (INT64)";
        case ParquetType::real: return "real (DOUBLE)";
        case ParquetType::flag: return "true or false";
        case ParquetType::timestamp_us: return "time (microseconds, UTC)";
        case ParquetType::nano_decimal: break;
    }
    return "DECIMAL(18,9)";
}

}  // namespace

std::string to_csv_head() {
    std::string text;
    for (const auto& column : store::export_columns()) {
        if (!text.empty()) text += ',';
        text += column.name;
    }
    return text + "\r\n";
}

void append_csv_row(std::string& out, std::span<const store::ExportCell> row) {
    const auto columns = store::export_columns();
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) out += ',';
        const auto& cell = row[i];
        if (cell.is_null) continue;
        switch (columns[i].type) {
            case ParquetType::text:
                if (!cell.text.empty() &&
                    cell.text.find_first_of(",\"\r\n") == std::string_view::npos) {
                    out += cell.text;
                    break;
                }
                out += '"';
                for (const char c : cell.text) {
                    if (c == '"') out += '"';
                    out += c;
                }
                out += '"';
                break;
            case ParquetType::integer: out += fmt::format("{}", cell.integer); break;
            case ParquetType::real: out += fmt::format("{}", cell.real); break;
            case ParquetType::flag: out += cell.integer != 0 ? "true" : "false"; break;
            case ParquetType::timestamp_us: out += to_iso8601(to_time(cell.integer)); break;
            case ParquetType::nano_decimal: out += to_decimal(cell.integer); break;
        }
    }
    out += "\r\n";
}

void append_json_row(std::string& out, std::span<const store::ExportCell> row) {
    const auto columns = store::export_columns();
    out += '{';
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, columns[i].name);
        out += ':';
        const auto& cell = row[i];
        // JSON has no word for infinity.
        const bool is_none = cell.is_null || !std::isfinite(cell.real);
        if (is_none) {
            out += "null";
            continue;
        }
        switch (columns[i].type) {
            case ParquetType::text: append_json_string(out, cell.text); break;
            case ParquetType::integer: out += fmt::format("{}", cell.integer); break;
            case ParquetType::real: out += fmt::format("{}", cell.real); break;
            case ParquetType::flag: out += cell.integer != 0 ? "true" : "false"; break;
            case ParquetType::timestamp_us:
                append_json_string(out, to_iso8601(to_time(cell.integer)));
                break;
            case ParquetType::nano_decimal: out += to_decimal(cell.integer); break;
        }
    }
    out += "}\n";
}

std::vector<ParquetColumn> to_parquet_columns() {
    std::vector<ParquetColumn> columns;
    for (const auto& column : store::export_columns())
        columns.push_back({std::string(column.name), column.type, column.is_nullable});
    return columns;
}

void add_parquet_row(ParquetWriter& writer, std::span<const store::ExportCell> row) {
    const auto columns = store::export_columns();
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i].is_null)
            writer.null();
        else if (columns[i].type == ParquetType::text)
            writer.text(row[i].text);
        else if (columns[i].type == ParquetType::real)
            writer.real(row[i].real);
        else
            writer.integer(row[i].integer);
    }
}

std::string to_export_page() {
    std::string text = "| Column | Type | May be null | Meaning |\n|---|---|---|---|\n";
    for (const auto& column : store::export_columns())
        text += fmt::format("| `{}` | {} | {} | {} |\n", column.name, type_name(column.type),
                            column.is_nullable ? "yes" : "no", column.meaning);
    return text;
}

std::string to_progress(std::int64_t done, std::int64_t total, int width) {
    // Calls that ended meanwhile come too.
    const auto part =
        std::min(1.0, total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0);
    const auto figures = fmt::format("{:3.0f}%  {} of {} calls", std::floor(part * 100),
                                     with_separators(std::min(done, total)), with_separators(total));
    const auto room = std::min(width - static_cast<int>(figures.size()) - 6, 40);
    if (room < 8) return figures.substr(0, static_cast<std::size_t>(std::max(width - 1, 0)));
    const auto full = static_cast<std::size_t>(part * room);
    return fmt::format("[{}{}] {}", std::string(full, '#'),
                       std::string(static_cast<std::size_t>(room) - full, '-'), figures);
}

}  // namespace halton::roles
