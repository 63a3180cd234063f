// Rows of an export as text: CSV (RFC 4180) and JSON lines. Pure.
#pragma once

#include <span>
#include <string>

#include "store/export.h"

namespace halton::roles {

// The names, with a line end behind.
std::string to_csv_head();

// A null is nothing, an empty text is "". Times as ISO 8601, money as dollars with nine decimals.
void append_csv_row(std::string& out, std::span<const store::ExportCell> row);

// One object a line, nulls written out; money is a number with nine decimals.
void append_json_row(std::string& out, std::span<const store::ExportCell> row);

// The columns for the writer of Parquet, and one row for it.
std::vector<ParquetColumn> to_parquet_columns();
void add_parquet_row(ParquetWriter& writer, std::span<const store::ExportCell> row);

// The documentation of the columns as a Markdown table.
std::string to_export_page();

// "[####------]  43%  430,000 of 1,000,000 calls", at most `width` wide.
std::string to_progress(std::int64_t done, std::int64_t total, int width);

}  // namespace halton::roles
