#include "store/requests.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/columns.h"
#include "store/fast_rows.h"
#include "store/rollups.h"
#include "store/usage.h"

namespace halton::store {
namespace {

using Value = std::variant<std::int64_t, std::string>;

// Conditions of a WHERE and what is bound to them.
struct Where {
    std::string sql = "1";
    std::vector<Value> values;

    // `condition` has one "?" for each value.
    void add(const std::string& condition, std::vector<Value> more = {}) {
        sql += " AND " + condition;
        for (auto& value : more) values.push_back(std::move(value));
    }
};

template <class Statement>
void bind_all(Statement& statement, const std::vector<Value>& values) {
    int index = 0;
    for (const Value& value : values) {
        ++index;
        if (const auto* number = std::get_if<std::int64_t>(&value))
            statement.bind(index, *number);
        else
            statement.bind(index, std::get<std::string>(value));
    }
}

struct Place {
    std::string requested_at;
    std::string id;
};

// "2026-11-21T01:02:03.456789Z_<id>".
std::string to_cursor(const RequestRow& row) { return row.requested_at + "_" + row.id; }

Result<Place> parse_cursor(const std::string& text) {
    const auto at = text.find('_');
    if (at == std::string::npos || at + 1 >= text.size() ||
        text.size() > at + 1 + limits::request_id_bytes_max || !parse_iso8601(text.substr(0, at)))
        return fail(ErrorKind::malformed, "no cursor of ours");
    return Place{text.substr(0, at), text.substr(at + 1)};
}

bool is_about_errors(const RequestFilter& filter) {
    return filter.only_errors || filter.error_class ||
           (filter.status && *filter.status != "success");
}

class Finder {
public:
    Finder(SQLite::Database& database, const RequestFilter& filter)
        : database_(database), filter_(filter), columns_(database, "requests", "r") {}

    // What the filter says of rows; false: nothing can match. Grouped: only failures are counted.
    bool prepare(bool is_grouped = false) {
        if (columns_.is_empty() || !database_.tableExists("projects")) return false;
        const auto text = [&](const std::optional<std::string>& wanted, const char* name) {
            if (wanted) where_.add(fmt::format("{} = ?", columns_.of(name, "''")), {*wanted});
        };
        if (filter_.project) {
            SQLite::Statement find(database_, "SELECT id FROM projects WHERE slug = ?");
            find.bind(1, *filter_.project);
            if (!find.executeStep()) return false;
            // The plus keeps SQLite from the project's index where a narrower one is wanted.
            const bool has_narrower = filter_.session_id || is_about_errors(filter_) || is_grouped;
            where_.add(has_narrower ? "+r.project_id = ?" : "r.project_id = ?",
                       {find.getColumn(0).getInt64()});
        }
        text(filter_.provider, "provider");
        text(filter_.model, "model");
        text(filter_.session_id, "session_id");
        text(filter_.status, "status");
        text(filter_.error_class, "error_class");
        if (filter_.tool)
            where_.add(fmt::format("coalesce({}, '') = ?", columns_.of("client_tool", "NULL")),
                       {*filter_.tool});
        // Said so for the sake of the index of failures.
        if (is_about_errors(filter_)) where_.add("r.status <> 'success'");
        return true;
    }

    RequestPage read_page(const RequestQuery& query, const std::optional<Place>& place) {
        limit_ = std::clamp<std::size_t>(query.limit, 1, limits::request_page_max);
        is_oldest_first_ = query.is_oldest_first;
        place_ = place;
        const bool is_led = (filter_.provider || filter_.model || filter_.tool) &&
                            !filter_.session_id && !is_about_errors(filter_) &&
                            database_.tableExists("usage_cover");
        const std::string from = filter_.from ? to_iso8601(*filter_.from) : std::string();
        const std::string to = filter_.to ? to_iso8601(*filter_.to) : std::string("~");
        if (is_led)
            read_led(from, to);
        else
            read_rows(from, to);
        RequestPage page;
        page.items = std::move(found_);
        if (page.items.size() > limit_) {
            page.items.resize(limit_);
            page.next_cursor = to_cursor(page.items.back());
        }
        return page;
    }

    std::int64_t count() {
        const bool is_rolled_up = !filter_.session_id && !is_about_errors(filter_);
        if (!is_rolled_up) return count_rows();
        UsageQuery usage;
        usage.from = filter_.from;
        usage.to = filter_.to;
        usage.project = filter_.project;
        usage.provider = filter_.provider;
        usage.model = filter_.model;
        usage.tool = filter_.tool;
        const auto sums = sum_usage(database_, usage);
        return filter_.status ? sums.requests - sums.error_requests : sums.requests;
    }

    std::optional<RequestRow> read_one(const std::string& id) {
        if (columns_.is_empty() || !database_.tableExists("projects")) return std::nullopt;
        SQLite::Statement select(database_, select_rows() + " WHERE r.id = ?");
        select.bind(1, id);
        if (!select.executeStep()) return std::nullopt;
        return read_row(select);
    }

    // Grouped here and not by SQLite, which would sort all failures for it.
    std::vector<ErrorGroup> read_groups() {
        where_.add("r.status <> 'success'");
        add_times();
        FastRows rows(
            database_,
            fmt::format(
                "SELECT r.provider, {}, {}, {}, {}, r.requested_at FROM requests r WHERE {}",
                columns_.of("error_class", "NULL"), columns_.of("provider_error_code", "NULL"),
                columns_.of("http_status", "NULL"), columns_.of("retryable", "NULL"), where_.sql));
        bind_all(rows, where_.values);
        std::unordered_map<std::string, ErrorGroup> groups;
        std::string name;
        while (rows.step()) {
            name.clear();
            for (int column = 0; column < 5; ++column) {
                name += rows.text(column);
                name += '\n';
            }
            const auto time = rows.text(5);
            auto found = groups.find(name);
            if (found == groups.end()) {
                ErrorGroup group;
                group.provider = rows.text(0);
                group.error_class = rows.text(1);
                group.provider_error_code = rows.text(2);
                if (!rows.is_null(3)) group.http_status = static_cast<int>(rows.number(3));
                if (!rows.is_null(4)) group.retryable = rows.number(4) != 0;
                group.first_at = group.last_at = time;
                found = groups.emplace(name, std::move(group)).first;
            }
            ErrorGroup& group = found->second;
            ++group.requests;
            if (time < group.first_at) group.first_at = time;
            if (time > group.last_at) group.last_at = time;
        }
        std::vector<ErrorGroup> sorted;
        for (auto& [key, group] : groups) sorted.push_back(std::move(group));
        // Most calls first, then the newest.
        const auto order = [](const ErrorGroup& a, const ErrorGroup& b) {
            return std::tie(b.requests, b.last_at, a.error_class) <
                   std::tie(a.requests, a.last_at, b.error_class);
        };
        std::sort(sorted.begin(), sorted.end(), order);
        if (sorted.size() > limits::error_groups_max) sorted.resize(limits::error_groups_max);
        return sorted;
    }

private:
    void add_times() {
        if (filter_.from) where_.add("r.requested_at >= ?", {to_iso8601(*filter_.from)});
        if (filter_.to) where_.add("r.requested_at < ?", {to_iso8601(*filter_.to)});
    }

    std::int64_t count_rows() {
        add_times();
        SQLite::Statement select(database_, "SELECT count(*) FROM requests r WHERE " + where_.sql);
        bind_all(select, where_.values);
        select.executeStep();
        return select.getColumn(0).getInt64();
    }

    std::string select_rows() const {
        std::string names;
        for (const char* name : row_columns)
            names += (names.empty() ? "" : ", ") + columns_.of(name, "NULL");
        for (const auto& key : rollup_keys([&](std::string_view name, std::string_view fallback) {
                 return columns_.of(name, fallback);
             }))
            if (key.name == "billing") names += ", " + key.value;
        return "SELECT coalesce(p.slug, ''), " + names +
               " FROM requests r LEFT JOIN projects p ON p.id = r.project_id";
    }

    // The rows in [from, to), as texts, until the page is full; one more says that there are more.
    void read_rows(const std::string& from, const std::string& to) {
        if (is_full()) return;
        // One bound at each side: SQLite's index takes one, and it must be the narrower.
        Where where = where_;
        const bool is_after = place_ && is_oldest_first_ && place_->requested_at >= from;
        const bool is_before = place_ && !is_oldest_first_ && place_->requested_at < to;
        where.add("r.requested_at >= ?", {is_after ? place_->requested_at : from});
        where.add(is_before ? "r.requested_at <= ?" : "r.requested_at < ?",
                  {is_before ? place_->requested_at : to});
        if (is_after)
            where.add("(r.requested_at > ? OR r.id > ?)", {place_->requested_at, place_->id});
        if (is_before)
            where.add("(r.requested_at < ? OR r.id < ?)", {place_->requested_at, place_->id});
        SQLite::Statement select(
            database_,
            fmt::format("{} WHERE {} ORDER BY r.requested_at {}, r.id {} LIMIT {}", select_rows(),
                        where.sql, direction(), direction(), limit_ + 1 - found_.size()));
        bind_all(select, where.values);
        while (select.executeStep()) found_.push_back(read_row(select));
    }

    bool is_full() const { return found_.size() > limit_; }

    // By the hours that hold such rows; what the roll-ups do not cover yet is walked through.
    void read_led(const std::string& from, const std::string& to) {
        const auto covered =
            database_.execAndGet("SELECT covered_from FROM usage_cover").getString();
        const auto walk_end = std::min(covered, to);
        if (is_oldest_first_ && from < walk_end) read_rows(from, walk_end);
        read_hours(std::max(from, covered), to);
        if (!is_oldest_first_ && from < walk_end) read_rows(from, walk_end);
    }

    void read_hours(const std::string& from, const std::string& to) {
        const auto keys = find_keys();
        if (keys.empty() || is_full() || from >= to) return;
        auto first = from;
        auto last = to;
        if (place_ && is_oldest_first_) first = std::max(first, place_->requested_at);
        if (place_ && !is_oldest_first_) last = std::min(last, place_->requested_at);
        // Days that are over have a roll-up of their own; later half hours are looked through.
        const auto days_to = database_.execAndGet("SELECT days_to FROM usage_cover").getString();
        const auto read_late = [&] {
            if (last >= days_to)
                read_half_hours(keys, std::max(first.substr(0, 13), days_to), last, from, to);
        };
        if (!is_oldest_first_) read_late();
        for_each_period(
            "usage_days", "day", keys, first.substr(0, 10), last,
            [&](const std::string& day) { read_half_hours(keys, day, day + "~", from, to); });
        if (is_oldest_first_) read_late();
    }

    // The rows of those half hours that have some of the keys.
    void read_half_hours(const std::unordered_set<std::int64_t>& keys, const std::string& first,
                         const std::string& last, const std::string& from, const std::string& to) {
        for_each_period(
            "usage_half_hours", "half_hour", keys, first, last, [&](const std::string& half_hour) {
                read_rows(std::max(from, half_hour), std::min(to, end_of_half_hour(half_hour)));
            });
    }

    // In [first, last], those of the roll-up that have some of the keys, until the page is full.
    template <class Act>
    void for_each_period(const char* table, const char* period,
                         const std::unordered_set<std::int64_t>& keys, const std::string& first,
                         const std::string& last, Act act) {
        FastRows rows(database_, fmt::format("SELECT {0}, key_id FROM {1} WHERE {0} >= ? AND "
                                             "{0} <= ? ORDER BY {0} {2}, key_id {2}",
                                             period, table, direction()));
        rows.bind(1, first);
        rows.bind(2, last);
        std::string done;
        while (!is_full() && rows.step()) {
            const auto at = rows.text(0);
            if (at == done || keys.count(rows.number(1)) == 0) continue;
            done = at;
            act(done);
        }
    }

    const char* direction() const { return is_oldest_first_ ? "ASC" : "DESC"; }

    std::unordered_set<std::int64_t> find_keys() {
        Where where;
        const auto text = [&](const std::optional<std::string>& wanted, const char* name) {
            if (wanted) where.add(fmt::format("k.{} = ?", name), {*wanted});
        };
        text(filter_.provider, "provider");
        text(filter_.model, "model");
        text(filter_.tool, "tool");
        if (filter_.project)
            where.add("k.project_id = (SELECT id FROM projects WHERE slug = ?)",
                      {*filter_.project});
        SQLite::Statement select(database_, "SELECT k.id FROM usage_keys k WHERE " + where.sql);
        bind_all(select, where.values);
        std::unordered_set<std::int64_t> keys;
        while (select.executeStep()) keys.insert(select.getColumn(0).getInt64());
        return keys;
    }

    // In the order in which read_row takes them.
    static constexpr std::array row_columns{
        "id",
        "requested_at",
        "provider",
        "model",
        "requested_model",
        "mode",
        "request_kind",
        "input_tokens",
        "output_tokens",
        "thinking_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_1h_tokens",
        "cost_nanousd",
        "cost_usd_minor_units",
        "cost_state",
        "rates_source",
        "price_id",
        "price_date",
        "service_tier",
        "latency_ms",
        "time_to_first_byte_ms",
        "tokens_complete",
        "status",
        "error_class",
        "provider_error_code",
        "http_status",
        "retryable",
        "retry_count",
        "method",
        "host",
        "path",
        "provider_request_id",
        "user_agent",
        "client_tool",
        "client_version",
        "session_id",
        "thread_id",
        "turn_id",
        "agent_name",
        "git_branch",
        "attribution_layer",
        "source_workdir",
    };

    static RequestRow read_row(SQLite::Statement& in) {
        int index = 0;
        const auto next = [&] { return in.getColumn(index++); };
        const auto text = [&] { return next().getString(); };
        const auto number = [&] { return next().getInt64(); };
        const auto real = [&]() -> std::optional<double> {
            const auto column = next();
            return column.isNull() ? std::nullopt : std::optional(column.getDouble());
        };
        const auto small = [&]() -> std::optional<int> {
            const auto column = next();
            return column.isNull() ? std::nullopt : std::optional(column.getInt());
        };
        RequestRow row;
        row.project = text();
        row.id = text();
        row.requested_at = text();
        row.provider = text();
        row.model = text();
        row.requested_model = text();
        row.mode = text();
        row.request_kind = text();
        row.input_tokens = number();
        row.output_tokens = number();
        row.thinking_tokens = number();
        row.cache_read_tokens = number();
        row.cache_write_tokens = number();
        row.cache_write_1h_tokens = number();
        const auto nanousd = next();
        const auto millicents = next();
        if (!nanousd.isNull())
            row.cost = NanoUsd{nanousd.getInt64()};
        else if (!millicents.isNull())
            row.cost = NanoUsd{millicents.getInt64() * 10'000};
        row.cost_state = text();
        row.rates_source = text();
        row.price_id = text();
        row.price_date = text();
        row.service_tier = text();
        row.latency_ms = real();
        row.time_to_first_byte_ms = real();
        row.tokens_complete = small().value_or(1) != 0;
        row.status = text();
        row.error_class = text();
        row.provider_error_code = text();
        row.http_status = small();
        if (const auto retryable = small()) row.retryable = *retryable != 0;
        row.retry_count = small();
        row.method = text();
        row.host = text();
        row.path = text();
        row.provider_request_id = text();
        row.user_agent = text();
        row.client_tool = text();
        row.client_version = text();
        row.session_id = text();
        row.thread_id = text();
        row.turn_id = text();
        row.agent_name = text();
        row.git_branch = text();
        row.attribution_layer = text();
        row.source_workdir = text();
        row.billing = text();
        return row;
    }

    SQLite::Database& database_;
    const RequestFilter& filter_;
    Columns columns_;
    Where where_;
    std::size_t limit_ = 0;
    bool is_oldest_first_ = false;
    std::optional<Place> place_;
    std::vector<RequestRow> found_;
};

}  // namespace

Result<RequestPage> read_requests(Reader& reader, const RequestQuery& query) {
    std::optional<Place> place;
    if (!query.cursor.empty()) {
        const auto parsed = parse_cursor(query.cursor);
        if (!parsed) return fail(parsed.error());
        place = *parsed;
    }
    return reader.read<RequestPage>([&](SQLite::Database& database) -> Result<RequestPage> {
        Finder finder(database, query.filter);
        if (!finder.prepare()) return RequestPage();
        auto page = finder.read_page(query, place);
        if (query.has_total) page.total = finder.count();
        return page;
    });
}

Result<std::optional<RequestRow>> read_request(Reader& reader, const std::string& id) {
    using Found = std::optional<RequestRow>;
    return reader.read<Found>([&](SQLite::Database& database) -> Result<Found> {
        const RequestFilter everything;
        return Finder(database, everything).read_one(id);
    });
}

Result<std::vector<ErrorGroup>> read_error_groups(Reader& reader, const RequestFilter& filter) {
    using Groups = std::vector<ErrorGroup>;
    return reader.read<Groups>([&](SQLite::Database& database) -> Result<Groups> {
        Finder finder(database, filter);
        if (!finder.prepare(true)) return Groups();
        return finder.read_groups();
    });
}

}  // namespace halton::store
