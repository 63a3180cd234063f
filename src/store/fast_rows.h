// FastRows: one SELECT whose rows are read by the hundred thousand. SQLiteCpp makes an object that
// counts references for each value, which costs more than the value.
// Texts are SQLite's own and live until the next step. Fails: with SQLite::Exception, which stays
// inside store/. Thread: that of the database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

namespace halton::store {

class FastRows {
public:
    FastRows(SQLite::Database& database, const std::string& sql) : database_(database.getHandle()) {
        const int result = ::sqlite3_prepare_v2(database_, sql.c_str(),
                                                static_cast<int>(sql.size()), &rows_, nullptr);
        if (result != SQLITE_OK) throw SQLite::Exception(database_, result);
    }
    ~FastRows() { ::sqlite3_finalize(rows_); }
    FastRows(const FastRows&) = delete;
    FastRows& operator=(const FastRows&) = delete;

    int column_count() const { return ::sqlite3_column_count(rows_); }
    int parameter_count() const { return ::sqlite3_bind_parameter_count(rows_); }
    // Begins anew with other values.
    void reset() { ::sqlite3_reset(rows_); }
    void bind(int index, const std::string& text) {
        check(::sqlite3_bind_text(rows_, index, text.c_str(), static_cast<int>(text.size()),
                                  SQLITE_TRANSIENT));
    }
    void bind(int index, std::int64_t number) { check(::sqlite3_bind_int64(rows_, index, number)); }

    bool step() {
        const int result = ::sqlite3_step(rows_);
        if (result != SQLITE_ROW && result != SQLITE_DONE)
            throw SQLite::Exception(database_, result);
        return result == SQLITE_ROW;
    }
    std::int64_t number(int column) { return ::sqlite3_column_int64(rows_, column); }
    double real(int column) { return ::sqlite3_column_double(rows_, column); }
    bool is_null(int column) { return ::sqlite3_column_type(rows_, column) == SQLITE_NULL; }
    // NULL is empty.
    std::string_view text(int column) {
        const auto* bytes = reinterpret_cast<const char*>(::sqlite3_column_text(rows_, column));
        if (!bytes) return {};
        return {bytes, static_cast<std::size_t>(::sqlite3_column_bytes(rows_, column))};
    }

private:
    void check(int result) {
        if (result != SQLITE_OK) throw SQLite::Exception(database_, result);
    }

    sqlite3* database_;
    sqlite3_stmt* rows_ = nullptr;
};

}  // namespace halton::store
