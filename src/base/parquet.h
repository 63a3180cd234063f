// ParquetWriter: a table of flat columns as an Apache Parquet file, for DuckDB, ClickHouse, Spark
// and whatever else reads them. Values in, bytes out; the caller appends them to its file.
// In:    one row at a time, its values from left to right.
// Out:   take_head(), take_group() whenever is_group_full(), finish(): in this order.
// Fails: never; a text beyond parquet_text_bytes_max is cut.
// Limits: a group is at most parquet_group_rows_max rows or about parquet_group_bytes_max; the
// footer grows with the groups, some 5 KB each.
// The form: one page a column and group (version 1), texts by a dictionary where they repeat, other
// values plain, null or not as run lengths, each page compressed with zstd.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace halton {

enum class ParquetType {
    text,
    integer,
    real,
    flag,
    timestamp_us,  // microseconds since 1970, UTC
    nano_decimal,  // DECIMAL(18, 9): whole billionths
};

struct ParquetColumn {
    std::string name;
    ParquetType type = ParquetType::text;
    bool is_nullable = true;
};

class ParquetWriter {
public:
    // `facts` are written into the file as its own key-value pairs.
    ParquetWriter(std::vector<ParquetColumn> columns,
                  std::vector<std::pair<std::string, std::string>> facts);
    ~ParquetWriter();
    ParquetWriter(ParquetWriter&&) noexcept;
    ParquetWriter& operator=(ParquetWriter&&) noexcept;

    // The next value of the row; the last one ends it. The call must fit the column's type
    // (integers also serve flags, timestamps and decimals), and null() a nullable one.
    void null();
    void integer(std::int64_t value);
    void real(double value);
    void text(std::string_view value);

    bool is_group_full() const;
    std::int64_t row_count() const;

    std::string take_head();
    // The rows so far as bytes; nothing for none.
    std::string take_group();
    // What is left, and the footer. Nothing may follow.
    std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace halton
