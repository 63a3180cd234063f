#include "store/reprice.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "meter/charge.h"
#include "meter/pricing.h"
#include "store/row_writer.h"
#include "store/schema.h"
#include "store/stored_call.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;

// The daemon's transactions take milliseconds.
constexpr int lock_wait_ms = 5'000;

// The first schema with every column that is read here.
constexpr int money_schema_number = 3;

const std::string select_sql =
    std::string("SELECT ") + stored_call_columns +
    " FROM requests WHERE (requested_at, rowid) > (?1, ?2) AND requested_at < ?3 "
    "ORDER BY requested_at, rowid LIMIT ?4";

constexpr const char* update_sql =
    "UPDATE requests SET cost_nanousd = ?1, cost_usd_minor_units = ?2, cost_state = ?3, "
    "rates_source = ?4, price_id = ?5, price_date = ?6 "
    "WHERE rowid = ?7 AND requested_at = ?8 AND cost_nanousd IS ?9 AND price_id IS ?10";

bool is_same_price(const StoredCall& row) {
    const meter::CallRecord& call = row.call;
    const auto cost = call.cost ? std::optional(call.cost->value) : std::nullopt;
    // The same price in a newer list is no news: the row keeps the one that it was priced by.
    return cost == row.cost && name_of(call.cost_state) == row.cost_state;
}

class Repricer {
public:
    Repricer(SQLite::Database& database, const RepriceQuery& query, const meter::PriceBook& prices)
        : database_(database), query_(query), prices_(prices) {}

    RepriceResult run() {
        std::string after_time = to_iso8601(query_.from - std::chrono::microseconds(1));
        std::int64_t after_rowid = INT64_MAX;
        while (true) {
            const auto page = read_page(after_time, after_rowid);
            if (page.empty()) break;
            after_time = page.back().requested_at;
            after_rowid = page.back().rowid;
            look_at(page);
        }
        if (query_.is_applied && result_.changed > 0) leave_trace();
        return finish();
    }

private:
    std::vector<StoredCall> read_page(const std::string& after_time, std::int64_t after_rowid) {
        SQLite::Statement select(database_, select_sql);
        select.bind(1, after_time);
        select.bind(2, after_rowid);
        select.bind(3, to_iso8601(query_.to));
        select.bind(4, static_cast<std::int64_t>(limits::reprice_rows_per_transaction));
        std::vector<StoredCall> page;
        while (select.executeStep()) page.push_back(read_stored_call(select));
        return page;
    }

    void look_at(std::vector<StoredCall> page) {
        std::vector<StoredCall> changed;
        for (StoredCall& row : page) {
            ++result_.rows;
            if (!row.has_numbers) {
                ++result_.too_old;
                continue;
            }
            meter::charge(prices_, row.call);
            if (is_same_price(row)) {
                ++result_.unchanged;
            } else if (row.cost && !row.call.cost) {
                ++result_.kept;
            } else {
                changed.push_back(std::move(row));
            }
        }
        if (query_.is_applied && !changed.empty()) write(changed);
        for (const StoredCall& row : changed) count(row);
    }

    void count(const StoredCall& row) {
        ++result_.changed;
        RepriceGroup& group = groups_[{row.call.provider, row.call.model}];
        const NanoUsd before{row.cost.value_or(0)};
        const NanoUsd after = row.call.cost.value_or(NanoUsd{0});
        ++group.changed_rows;
        group.before = group.before + before;
        group.after = group.after + after;
        result_.before = result_.before + before;
        result_.after = result_.after + after;
    }

    // One transaction; takes out of `rows` what somebody else changed meanwhile.
    void write(std::vector<StoredCall>& rows) {
        SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement update(database_, update_sql);
        std::erase_if(rows, [&](const StoredCall& row) {
            const meter::CallRecord& call = row.call;
            update.reset();
            const auto bind_text = [&](int index, const std::string& text) {
                text.empty() ? update.bind(index) : update.bind(index, text);
            };
            if (call.cost) {
                update.bind(1, call.cost->value);
                update.bind(2, to_millicents(*call.cost));
            } else {
                update.bind(1);
                update.bind(2);
            }
            update.bind(3, std::string(name_of(call.cost_state)));
            bind_text(4, call.rates_source);
            bind_text(5, call.price_id);
            bind_text(6, call.price_date);
            update.bind(7, row.rowid);
            update.bind(8, row.requested_at);
            row.cost ? update.bind(9, *row.cost) : update.bind(9);
            bind_text(10, row.price_id);
            if (update.exec() == 1) return false;
            ++result_.overtaken;
            return true;
        });
        transaction.commit();
    }

    void leave_trace() {
        SQLite::Statement insert(
            database_,
            "INSERT INTO audit_events (occurred_at, event_type, actor, detail) "
            "VALUES (?, 'reprice', 'cli', ?)");
        insert.bind(1, to_iso8601(system_clock().now_utc()));
        insert.bind(2, fmt::format("{{\"from\":\"{}\",\"rows\":{},\"before_nanousd\":{},"
                                   "\"after_nanousd\":{},\"prices\":\"{}\"}}",
                                   to_iso8601(query_.from), result_.changed, result_.before.value,
                                   result_.after.value, prices_.bundle_date()));
        insert.exec();
    }

    RepriceResult finish() {
        for (auto& [key, group] : groups_) {
            group.provider = key.first;
            group.model = key.second;
            result_.groups.push_back(std::move(group));
        }
        std::stable_sort(result_.groups.begin(), result_.groups.end(),
                         [](const RepriceGroup& a, const RepriceGroup& b) {
                             return std::abs(a.after.value - a.before.value) >
                                    std::abs(b.after.value - b.before.value);
                         });
        return std::move(result_);
    }

    SQLite::Database& database_;
    const RepriceQuery& query_;
    const meter::PriceBook& prices_;
    RepriceResult result_;
    std::map<std::pair<std::string, std::string>, RepriceGroup> groups_;
};

}  // namespace

Result<RepriceResult> reprice(const fs::path& file, const RepriceQuery& query,
                              const meter::PriceBook& prices) {
    std::error_code failed;
    if (!fs::exists(file, failed))
        return fail(ErrorKind::not_found, fmt::format("no database at {}", file.string()));
    try {
        SQLite::Database database(file.string(),
                                  query.is_applied ? SQLite::OPEN_READWRITE : SQLite::OPEN_READONLY,
                                  lock_wait_ms);
        if (read_schema_number(database) < money_schema_number)
            return fail(ErrorKind::unsupported,
                        fmt::format("{} is of an older version; start the daemon once, which "
                                    "brings it up to date",
                                    file.string()));
        return Repricer(database, query, prices).run();
    } catch (const SQLite::Exception& error) {
        const bool is_locked = sort_trouble(error) == Trouble::locked;
        return fail(is_locked ? ErrorKind::busy : ErrorKind::io,
                    fmt::format("{}: {}", file.string(), to_safe_text(error.what(), 200)));
    }
}

}  // namespace halton::store
