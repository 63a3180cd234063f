// Export: the rows of a period, one after another, in columns that stay what they are.
// In:    a Reader and a period. Out: each row as cells in the order of export_columns(), by time.
//        Texts live until on_row returns.
// Fails: as Reader; what on_row refuses ends it as cancelled. An older file lacks columns: they
//        are null. Rows that come meanwhile may be in or not.
// Thread: that of the Reader. Limits: export_page_rows in one transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/parquet.h"
#include "base/result.h"
#include "store/reader.h"

namespace halton::store {

// Columns are added at the end and never change: then the number rises.
inline constexpr int export_schema_number = 1;

struct ExportColumn {
    std::string_view name;
    ParquetType type;
    bool is_nullable;
    std::string_view sql;  // of the table's columns, as r.name; p.slug is the project
    // The columns that `sql` needs, with spaces between; a file without one of them has nulls.
    std::string_view needs;
    std::string_view meaning;
};
std::span<const ExportColumn> export_columns();

struct ExportCell {
    bool is_null = true;
    std::int64_t integer = 0;  // also flags, timestamps, nano-dollars
    double real = 0;
    std::string_view text;
};

struct ExportQuery {
    UtcTime from;
    UtcTime to;  // exclusive
    std::optional<std::string> project;
};

// How many rows there are.
Result<std::int64_t> count_export(Reader& reader, const ExportQuery& query);

// Gives how many rows there were.
Result<std::int64_t> export_rows(Reader& reader, const ExportQuery& query,
                                 const std::function<bool(std::span<const ExportCell>)>& on_row);

}  // namespace halton::store
