#include "store/usage.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "store/columns.h"
#include "store/fast_rows.h"
#include "store/rollups.h"
#include "store/schema.h"

namespace halton::store {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::sys_days;

constexpr UtcTime time_min{};
// The year 9999: later times have no text of the same length.
constexpr UtcTime time_max{sys_days(std::chrono::year(9999) / 12 / 31)};

std::string to_day_text(sys_days day) {
    const std::chrono::year_month_day date(day);
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

sys_days week_of(sys_days day) { return day - (std::chrono::weekday(day) - std::chrono::Monday); }

sys_days month_of(sys_days day) {
    const std::chrono::year_month_day date(day);
    return sys_days(date.year() / date.month() / 1);
}

sys_days next_month_of(sys_days day) { return month_of(month_of(day) + days(31)); }

// The day on calendars there.
sys_days local_day(const DayZone& zone, UtcTime time) {
    return floor<days>(time + zone.offset_at(time));
}

// The first moment of a local day. Around a change of the clocks a midnight can be missing, or be
// there twice.
UtcTime start_of(const DayZone& zone, sys_days day) {
    const UtcTime midnight(day);
    const auto before = zone.offset_at(midnight - 26h);
    const auto after = zone.offset_at(midnight + 26h);
    const UtcTime first = std::min(midnight - before, midnight - after);
    const UtcTime second = std::max(midnight - before, midnight - after);
    // What reads as midnight with the offset of that very moment; without one, the change itself.
    if (first + zone.offset_at(first) == midnight) return first;
    return second;
}

}  // namespace

std::chrono::minutes DayZone::offset_at(UtcTime time) const {
    std::chrono::minutes offset{0};
    for (const Span& span : spans) {
        if (&span != &spans.front() && span.from > time) break;
        offset = span.offset;
    }
    return offset;
}

std::string DayZone::day_of(UtcTime time) const { return to_day_text(local_day(*this, time)); }

UtcTime DayZone::day_start(UtcTime time) const { return start_of(*this, local_day(*this, time)); }

UtcTime DayZone::next_day_start(UtcTime time) const {
    return start_of(*this, local_day(*this, time) + days(1));
}

UtcTime DayZone::week_start(UtcTime time) const {
    return start_of(*this, week_of(local_day(*this, time)));
}

UtcTime DayZone::month_start(UtcTime time) const {
    return start_of(*this, month_of(local_day(*this, time)));
}

UtcTime DayZone::next_month_start(UtcTime time) const {
    return start_of(*this, next_month_of(local_day(*this, time)));
}

void UsageSums::add(const UsageSums& more) {
    requests += more.requests;
    input_tokens += more.input_tokens;
    output_tokens += more.output_tokens;
    thinking_tokens += more.thinking_tokens;
    cache_read_tokens += more.cache_read_tokens;
    cache_write_tokens += more.cache_write_tokens;
    cost = cost + more.cost;
    plan_cost = plan_cost + more.plan_cost;
    plan_requests += more.plan_requests;
    unpriced_requests += more.unpriced_requests;
    plan_unpriced_requests += more.plan_unpriced_requests;
    estimated_requests += more.estimated_requests;
    incomplete_requests += more.incomplete_requests;
    error_requests += more.error_requests;
    latency_us += more.latency_us;
    latency_requests += more.latency_requests;
}

std::optional<double> UsageSums::avg_latency_ms() const {
    if (latency_requests == 0) return std::nullopt;
    return static_cast<double>(latency_us) / 1000.0 / static_cast<double>(latency_requests);
}

void UsageSums::take(const UsageSums& less) {
    UsageSums negative;
    negative.requests = -less.requests;
    negative.input_tokens = -less.input_tokens;
    negative.output_tokens = -less.output_tokens;
    negative.thinking_tokens = -less.thinking_tokens;
    negative.cache_read_tokens = -less.cache_read_tokens;
    negative.cache_write_tokens = -less.cache_write_tokens;
    negative.cost = NanoUsd{-less.cost.value};
    negative.plan_cost = NanoUsd{-less.plan_cost.value};
    negative.plan_requests = -less.plan_requests;
    negative.unpriced_requests = -less.unpriced_requests;
    negative.plan_unpriced_requests = -less.plan_unpriced_requests;
    negative.estimated_requests = -less.estimated_requests;
    negative.incomplete_requests = -less.incomplete_requests;
    negative.error_requests = -less.error_requests;
    negative.latency_us = -less.latency_us;
    negative.latency_requests = -less.latency_requests;
    add(negative);
}

UsageSums to_usage_sums(FastRows& row, int column, bool is_plan) {
    const auto next = [&] { return row.number(column++); };
    UsageSums sums;
    sums.requests = next();
    sums.input_tokens = next();
    sums.output_tokens = next();
    sums.thinking_tokens = next();
    sums.cache_read_tokens = next();
    sums.cache_write_tokens = next();
    (is_plan ? sums.plan_cost : sums.cost) = NanoUsd{next()};
    sums.unpriced_requests = next();
    sums.estimated_requests = next();
    sums.incomplete_requests = next();
    sums.error_requests = next();
    sums.latency_us = next();
    sums.latency_requests = next();
    if (is_plan) {
        sums.plan_requests = sums.requests;
        sums.plan_unpriced_requests = sums.unpriced_requests;
    }
    return sums;
}

double UsageSums::cache_hit_rate() const {
    const auto seen = input_tokens + cache_read_tokens;
    return seen > 0 ? static_cast<double>(cache_read_tokens) / static_cast<double>(seen) : 0;
}

namespace {

// A span of time that is answered as one.
struct Segment {
    std::string period;  // as shown; empty without a period
    UtcTime from;
    UtcTime to;
};

// Whose rows they are: one line of usage_keys.
struct Key {
    std::string project;
    std::string provider;
    std::string model;
    std::string tool;
    std::string billing;
    auto operator<=>(const Key&) const = default;
};

struct Groups {
    bool project = false;
    bool provider = false;
    bool model = false;
    bool tool = false;
    bool billing = false;

    // What is not grouped by is the same for all.
    Key of(const Key& key) const {
        return {project ? key.project : "", provider ? key.provider : "", model ? key.model : "",
                tool ? key.tool : "", billing ? key.billing : ""};
    }
};

// Where a roll-up, or a row, says that a group's first or last call is.
struct Edge {
    std::string first;  // the beginning of a requested_at
    std::string last;
    void add(const std::string& from, const std::string& to) {
        if (first.empty() || from < first) first = from;
        if (last.empty() || to > last) last = to;
    }
};

using half_hours = std::chrono::duration<std::int64_t, std::ratio<1800>>;

// As the roll-ups name the half hour that begins then.
std::string to_half_hour_text(UtcTime time) {
    auto text = to_iso8601(time).substr(0, 15);
    text.resize(text.back() == '3' ? 15 : 13);
    return text;
}

// "2026-11-21T10" as the time.
std::optional<UtcTime> parse_hour(const std::string& text) {
    if (text.size() != 13) return std::nullopt;
    const auto time = parse_iso8601(text + ":00:00Z");
    return time ? std::optional(*time) : std::nullopt;
}

// How far the roll-ups reach (store/rollups.h).
struct Cover {
    UtcTime hours_from = time_max;
    UtcTime days_to = time_min;
    UtcTime months_to = time_min;
};

Cover read_cover(SQLite::Database& database) {
    Cover cover;
    if (!database.tableExists("usage_cover")) return cover;
    SQLite::Statement select(database, "SELECT covered_from, days_to, months_to FROM usage_cover");
    if (!select.executeStep()) return cover;
    const auto from = select.getColumn(0).getString();
    if (from.empty()) {
        cover.hours_from = time_min;
        const auto day = parse_iso8601(select.getColumn(1).getString() + "T00:00:00Z");
        const auto month = parse_iso8601(select.getColumn(2).getString() + "-01T00:00:00Z");
        if (day) cover.days_to = *day;
        if (month) cover.months_to = *month;
    } else if (from.back() == '~') {
        if (const auto time = parse_hour(from.substr(0, from.size() - 1)))
            cover.hours_from = *time + 1h;
    } else {
        cover.hours_from = parse_hour(from).value_or(time_max);
    }
    return cover;
}

std::optional<UtcTime> find_time(SQLite::Database& database, const char* sql,
                                 const std::string& after = {}) {
    SQLite::Statement statement(database, sql);
    if (statement.getBindParameterCount() > 0) statement.bind(1, after);
    if (!statement.executeStep() || statement.getColumn(0).isNull()) return std::nullopt;
    const auto time = parse_iso8601(statement.getColumn(0).getString());
    return time ? std::optional(*time) : std::nullopt;
}

struct KeyFacts {
    std::uint32_t group = 0;
    bool is_plan = false;
};

// Keys by their numbers, which SQLite gives from 1 on.
class KeyTable {
public:
    void add(std::int64_t id, KeyFacts facts) {
        if (id < 0 || id >= near_count_max) {
            far_[id] = facts;
            return;
        }
        const auto at = static_cast<std::size_t>(id);
        if (near_.size() <= at) near_.resize(at + 1);
        near_[at] = facts;
    }
    const KeyFacts* find(std::int64_t id) const {
        if (id >= 0 && id < static_cast<std::int64_t>(near_.size())) {
            const auto& facts = near_[static_cast<std::size_t>(id)];
            return facts ? &*facts : nullptr;
        }
        const auto it = far_.find(id);
        return it != far_.end() ? &it->second : nullptr;
    }

private:
    // What was numbered by hand must not fill memory.
    static constexpr std::int64_t near_count_max = 1 << 20;
    std::vector<std::optional<KeyFacts>> near_;
    std::unordered_map<std::int64_t, KeyFacts> far_;
};

// Sums up over segments of time, each row and roll-up once.
class Tally {
public:
    Tally(SQLite::Database& database, const UsageQuery& query, Groups groups)
        : database_(database),
          query_(query),
          groups_(groups),
          columns_(database, "requests", "r"),
          cover_(read_cover(database)) {
        load_keys();
    }

    // Segments in order of time, without overlap; days and longer ones if they are `long`. With
    // edges: to be sharpened.
    void count(const std::vector<Segment>& segments, bool is_long, bool has_edges) {
        has_edges_ = has_edges;
        const auto midnights = is_long ? find_midnights(segments) : Midnights();
        for (std::size_t i = 0; i < segments.size(); ++i) {
            const auto& [period, from, to] = segments[i];
            const auto first = midnights.find(i);
            const auto last = midnights.find(i + 1);
            count_piece(first == midnights.end() ? from : first->second,
                        last == midnights.end() ? to : last->second, {i, none});
        }
        // What is between a midnight of UTC and that of the zone is on the wrong side by now.
        for (const auto& [i, midnight] : midnights) {
            const UtcTime begin = segments[i].from;
            if (midnight < begin) count_piece(midnight, begin, {i - 1, i});
            if (begin < midnight) count_piece(begin, midnight, {i, i - 1});
        }
        std::erase_if(sums_, [](const auto& entry) { return entry.second.requests == 0; });
        last_ = nullptr;
    }

    struct Cell {
        std::size_t segment = 0;
        const Key* key = nullptr;
        UsageSums sums;
        const Edge* edge = nullptr;  // of the key's group, over all segments
    };
    bool is_too_large() const { return sums_.size() > limits::usage_rows_max; }

    std::vector<Cell> cells() const {
        std::vector<Cell> cells;
        for (const auto& [at, sums] : sums_)
            cells.push_back({static_cast<std::size_t>(at >> 32), names_[at & 0xffffffff], sums,
                             &edges_[at & 0xffffffff]});
        return cells;
    }

    // Moments instead of hours and days: a look into the hours in question.
    void sharpen(bool is_first_wanted, bool is_last_wanted) {
        if (is_first_wanted) sharpen_one(true);
        if (is_last_wanted) sharpen_one(false);
    }

private:
    // Keys of the roll-ups that the filters let through, and the group each belongs to.
    void load_keys() {
        if (!database_.tableExists("usage_keys")) return;
        SQLite::Statement select(database_,
                                 "SELECT k.id, coalesce(p.slug, ''), k.provider, k.model, k.tool, "
                                 "k.billing FROM usage_keys k LEFT JOIN projects p "
                                 "ON p.id = k.project_id");
        while (select.executeStep()) {
            const Key key{select.getColumn(1).getString(), select.getColumn(2).getString(),
                          select.getColumn(3).getString(), select.getColumn(4).getString(),
                          select.getColumn(5).getString()};
            if (!is_wanted(key)) continue;
            keys_.add(select.getColumn(0).getInt64(),
                      {intern(groups_.of(key)), key.billing == "plan"});
        }
    }

    bool is_wanted(const Key& key) const {
        const auto fits = [](const auto& wanted, const std::string& value) {
            return !wanted || *wanted == value;
        };
        return fits(query_.project, key.project) && fits(query_.provider, key.provider) &&
               fits(query_.model, key.model) && fits(query_.tool, key.tool);
    }

    std::uint32_t intern(Key key) {
        const auto [it, is_new] =
            groups_seen_.emplace(std::move(key), static_cast<std::uint32_t>(names_.size()));
        if (is_new) {
            names_.push_back(&it->first);
            edges_.emplace_back();
        }
        return it->second;
    }

    UsageSums& sums_at(std::size_t segment, std::uint32_t group) {
        const auto at = (static_cast<std::uint64_t>(segment) << 32) | group;
        if (at != last_at_ || !last_) {
            last_ = &sums_[at];
            last_at_ = at;
        }
        return *last_;
    }

    // Where what is read goes: added to one segment, taken from another.
    static constexpr std::size_t none = SIZE_MAX;
    struct Target {
        std::size_t to = none;
        std::size_t from = none;
    };

    void put(const Target& target, std::uint32_t group, const UsageSums& sums) {
        sums_at(target.to, group).add(sums);
        if (target.from != none) sums_at(target.from, group).take(sums);
    }

    // By number of the segment that begins there: the midnight of UTC that stands for its
    // beginning, so that whole days of the roll-ups can be taken for the days of another zone.
    using Midnights = std::map<std::size_t, UtcTime>;
    Midnights find_midnights(const std::vector<Segment>& segments) const {
        Midnights midnights;
        for (std::size_t i = 1; i < segments.size(); ++i) {
            const UtcTime begin = segments[i].from;
            if (segments[i - 1].to != begin) continue;
            const UtcTime midnight = floor<days>(begin + 12h);
            const auto before = midnights.find(i - 1);
            const UtcTime earliest =
                before != midnights.end() ? before->second : segments[i - 1].from;
            if (midnight >= earliest && midnight <= segments[i].to && midnight <= cover_.days_to)
                midnights[i] = midnight;
        }
        return midnights;
    }

    // From the coarsest roll-ups that fit, with finer ones around them, down to the rows.
    void count_piece(UtcTime from, UtcTime to, const Target& target) {
        const UtcTime whole_from = std::chrono::ceil<half_hours>(std::max(from, cover_.hours_from));
        const UtcTime whole_to = floor<half_hours>(to);
        if (whole_from >= whole_to) return read_rows(from, to, target);
        read_rows(from, whole_from, target);
        count_whole_half_hours(whole_from, whole_to, target);
        read_rows(whole_to, to, target);
    }

    void count_whole_half_hours(UtcTime from, UtcTime to, const Target& target) {
        const UtcTime days_from = std::chrono::ceil<days>(from);
        const UtcTime days_to = floor<days>(std::min(to, cover_.days_to));
        if (days_from >= days_to) return read_rollups(half_hour_rows_, from, to, target);
        read_rollups(half_hour_rows_, from, days_from, target);
        count_whole_days(days_from, days_to, target);
        read_rollups(half_hour_rows_, days_to, to, target);
    }

    void count_whole_days(UtcTime from, UtcTime to, const Target& target) {
        const auto month = month_of(floor<days>(from));
        const UtcTime months_from = month == from ? UtcTime(month) : next_month_of(month);
        const UtcTime months_to = month_of(floor<days>(std::min(to, cover_.months_to)));
        if (months_from >= months_to) return read_rollups(day_rows_, from, to, target);
        read_rollups(day_rows_, from, months_from, target);
        read_rollups(month_rows_, months_from, months_to, target);
        read_rollups(day_rows_, months_to, to, target);
    }

    struct RollupRows {
        const char* table;
        const char* period;
        std::string (*to_text)(UtcTime);
        std::optional<FastRows> rows;
    };

    void read_rollups(RollupRows& grain, UtcTime from, UtcTime to, const Target& target) {
        if (from >= to) return;
        if (!grain.rows) {
            std::string columns = "key_id";
            for (const auto& sum : wanted_sums(
                     [](std::string_view name, std::string_view) { return std::string(name); }))
                columns += ", " + sum.name;
            if (has_edges_) columns += fmt::format(", {}", grain.period);
            grain.rows.emplace(
                database_, fmt::format("SELECT {0} FROM {1} WHERE {2} >= ?1 AND {2} < ?2", columns,
                                       grain.table, grain.period));
        }
        FastRows& rows = *grain.rows;
        rows.bind(1, grain.to_text(from));
        rows.bind(2, grain.to_text(to));
        // Added up by group first: rows of a piece are many, its groups few.
        scratch_.resize(names_.size());
        while (rows.step()) {
            const KeyFacts* key = keys_.find(rows.number(0));
            if (!key) continue;
            UsageSums& sums = scratch_[key->group];
            if (sums.requests == 0) touched_.push_back(key->group);
            sums.add(read_sums(rows, 1, key->is_plan));
            if (has_edges_) {
                const std::string at(rows.text(rows.column_count() - 1));
                edges_[key->group].add(at, at);
            }
        }
        for (const auto group : touched_) put(target, group, std::exchange(scratch_[group], {}));
        touched_.clear();
        rows.reset();
    }

    // The first is always how many calls there are, and the second of the spend is its cost.
    std::vector<NamedExpression> wanted_sums(const ColumnOf& column) const {
        auto sums = rollup_sums(column);
        if (query_.is_spend_only)
            std::erase_if(sums, [](const auto& sum) {
                return sum.name != "requests" && sum.name != "cost_nanousd";
            });
        return sums;
    }

    // The columns of wanted_sums() from that one on.
    UsageSums read_sums(FastRows& row, int column, bool is_plan) const {
        if (!query_.is_spend_only) return to_usage_sums(row, column, is_plan);
        UsageSums sums;
        sums.requests = row.number(column);
        (is_plan ? sums.plan_cost : sums.cost) = NanoUsd{row.number(column + 1)};
        if (is_plan) sums.plan_requests = sums.requests;
        return sums;
    }

    // What nobody asks for is not told apart: rows are grouped faster by less. Billing always is,
    // for the two kinds of cost.
    std::string row_keys() const {
        const bool is_project_wanted = groups_.project || query_.project;
        std::string sql = is_project_wanted ? "coalesce(p.slug, '')" : "''";
        for (const auto& key : rollup_keys(column())) {
            const bool is_wanted = key.name == "provider" ? groups_.provider || query_.provider
                                   : key.name == "model"  ? groups_.model || query_.model
                                   : key.name == "tool"   ? groups_.tool || query_.tool
                                                          : true;
            if (key.name != "project_id") sql += ", " + (is_wanted ? key.value : "''");
        }
        return sql;
    }

    ColumnOf column() const {
        return [this](std::string_view name, std::string_view fallback) {
            return columns_.of(name, fallback);
        };
    }

    static constexpr const char* from_rows =
        " FROM requests r LEFT JOIN projects p ON p.id = r.project_id "
        "WHERE r.requested_at >= ?1 AND r.requested_at < ?2";

    static Key read_key(FastRows& in) {
        return {std::string(in.text(0)), std::string(in.text(1)), std::string(in.text(2)),
                std::string(in.text(3)), std::string(in.text(4))};
    }

    // Added up here: SQLite would sort the rows of each piece first.
    void read_rows(UtcTime from, UtcTime to, const Target& target) {
        if (from >= to) return;
        if (!rows_) {
            std::string sql = "SELECT " + row_keys() + ", r.requested_at";
            for (const auto& sum : wanted_sums(column())) sql += ", " + sum.value;
            rows_.emplace(database_, sql + from_rows);
        }
        rows_->bind(1, to_iso8601(from));
        rows_->bind(2, to_iso8601(to));
        while (rows_->step()) {
            const KeyFacts* key = find_row_key();
            if (!key) continue;
            put(target, key->group, read_sums(*rows_, 6, key->is_plan));
            if (has_edges_) {
                const std::string at(rows_->text(5));
                edges_[key->group].add(at, at);
            }
        }
        rows_->reset();
    }

    // Of the row at hand; null for one that the filters keep out. By its texts as they lie there,
    // for rows are many and their keys few.
    const KeyFacts* find_row_key() {
        row_key_.clear();
        for (int column = 0; column < 5; ++column) {
            const auto text = rows_->text(column);
            const auto size = static_cast<std::uint32_t>(text.size());
            row_key_.append(reinterpret_cast<const char*>(&size), sizeof size);
            row_key_ += text;
        }
        auto found = row_keys_.find(row_key_);
        if (found == row_keys_.end()) {
            const Key key = read_key(*rows_);
            std::optional<KeyFacts> facts;
            if (is_wanted(key)) facts = {intern(groups_.of(key)), key.billing == "plan"};
            found = row_keys_.emplace(row_key_, facts).first;
        }
        return found->second ? &*found->second : nullptr;
    }

    // Months to days to half hours by the roll-ups, those to moments by their rows.
    void sharpen_one(bool is_first) {
        const auto text_of = [is_first](Edge& edge) -> std::string& {
            return is_first ? edge.first : edge.last;
        };
        enum class Grain { month, day, half_hour };
        const auto grain_of = [](std::size_t length) -> std::optional<Grain> {
            if (length == 7) return Grain::month;
            if (length == 10) return Grain::day;
            if (length == 13 || length == 15) return Grain::half_hour;
            return std::nullopt;  // a moment
        };
        for (const Grain grain : {Grain::month, Grain::day, Grain::half_hour}) {
            std::map<std::string, std::vector<std::uint32_t>> wanted;
            for (std::uint32_t i = 0; i < edges_.size(); ++i)
                if (grain_of(text_of(edges_[i]).size()) == grain)
                    wanted[text_of(edges_[i])].push_back(i);
            for (const auto& [period, groups] : wanted) {
                const auto found =
                    grain == Grain::half_hour ? find_moments(period, is_first)
                    : grain == Grain::day
                        ? find_finer("usage_half_hours", "half_hour", period, is_first)
                        : find_finer("usage_days", "day", period, is_first);
                for (const auto group : groups) {
                    const auto it = found.find(group);
                    text_of(edges_[group]) = it != found.end() ? it->second : std::string();
                }
            }
        }
    }

    using Found = std::unordered_map<std::uint32_t, std::string>;

    static void keep(Found& found, std::uint32_t group, std::string_view text, bool is_first) {
        const auto [it, is_new] = found.emplace(group, text);
        if (!is_new && (is_first ? text < it->second : text > it->second)) it->second = text;
    }

    Found find_finer(const char* table, const char* period, const std::string& coarser,
                     bool is_first) {
        FastRows rows(
            database_,
            fmt::format("SELECT key_id, {0} FROM {1} WHERE {0} >= ?1 AND {0} < ?2", period, table));
        rows.bind(1, coarser);
        rows.bind(2, coarser + "~");
        Found found;
        while (rows.step()) {
            if (const KeyFacts* key = keys_.find(rows.number(0)))
                keep(found, key->group, rows.text(1), is_first);
        }
        return found;
    }

    Found find_moments(const std::string& half_hour, bool is_first) {
        if (!moments_)
            moments_.emplace(database_,
                             fmt::format("SELECT {}, min(r.requested_at), max(r.requested_at){} "
                                         "GROUP BY 1, 2, 3, 4, 5",
                                         row_keys(), from_rows));
        moments_->bind(1, half_hour);
        moments_->bind(2, end_of_half_hour(half_hour));
        Found found;
        while (moments_->step()) {
            const Key key = read_key(*moments_);
            if (!is_wanted(key)) continue;
            const auto group = groups_seen_.find(groups_.of(key));
            if (group != groups_seen_.end())
                keep(found, group->second, moments_->text(is_first ? 5 : 6), is_first);
        }
        moments_->reset();
        return found;
    }

    SQLite::Database& database_;
    const UsageQuery& query_;
    Groups groups_;
    Columns columns_;
    Cover cover_;
    RollupRows half_hour_rows_{"usage_half_hours", "half_hour", &to_half_hour_text, {}};
    RollupRows day_rows_{
        "usage_days", "day", [](UtcTime time) { return to_iso8601(time).substr(0, 10); }, {}};
    RollupRows month_rows_{
        "usage_months", "month", [](UtcTime time) { return to_iso8601(time).substr(0, 7); }, {}};
    std::optional<FastRows> rows_;
    std::optional<FastRows> moments_;
    KeyTable keys_;
    std::unordered_map<std::string, std::optional<KeyFacts>> row_keys_;
    std::string row_key_;
    std::vector<UsageSums> scratch_;  // of groups, empty between two pieces
    std::vector<std::uint32_t> touched_;
    std::map<Key, std::uint32_t> groups_seen_;
    std::vector<const Key*> names_;                      // of groups, in groups_seen_
    std::vector<Edge> edges_;                            // of groups
    std::unordered_map<std::uint64_t, UsageSums> sums_;  // segment and group
    std::uint64_t last_at_ = 0;
    UsageSums* last_ = nullptr;  // values of that map stay where they are
    bool has_edges_ = false;
};

enum class Period { none, hour, day, week, month };

Period period_of(const UsageQuery& query) {
    for (const UsageGroup group : query.group_by) switch (group) {
            case UsageGroup::hour: return Period::hour;
            case UsageGroup::day: return Period::day;
            case UsageGroup::week: return Period::week;
            case UsageGroup::month: return Period::month;
            default: break;
        }
    return Period::none;
}

Groups groups_of(const UsageQuery& query) {
    Groups groups;
    for (const UsageGroup group : query.group_by) switch (group) {
            case UsageGroup::project: groups.project = true; break;
            case UsageGroup::provider: groups.provider = true; break;
            case UsageGroup::model: groups.model = true; break;
            case UsageGroup::tool: groups.tool = true; break;
            case UsageGroup::billing: groups.billing = true; break;
            default: break;
        }
    return groups;
}

// The whole period around a moment.
Segment period_around(Period period, const DayZone& zone, UtcTime time) {
    const auto day = local_day(zone, time);
    switch (period) {
        case Period::hour: {
            const UtcTime from = floor<hours>(time);
            return {to_iso8601(from).substr(0, 13), from, from + 1h};
        }
        case Period::week: {
            const auto week = week_of(day);
            return {to_day_text(week), start_of(zone, week), start_of(zone, week + days(7))};
        }
        case Period::month:
            return {to_day_text(month_of(day)).substr(0, 7), start_of(zone, month_of(day)),
                    start_of(zone, next_month_of(day))};
        default: return {to_day_text(day), start_of(zone, day), start_of(zone, day + days(1))};
    }
}

// A row from a clock that stood at 1970 must not make a chart of 50 years: longer gaps than this
// stay gaps, also where empty periods are wanted.
constexpr std::size_t gap_periods_max = 1'000;

Result<std::vector<Segment>> make_segments(SQLite::Database& database, const UsageQuery& query,
                                           bool has_empty_periods) {
    std::vector<Segment> segments;
    const UtcTime from = std::max(query.from.value_or(time_min), time_min);
    const UtcTime to = std::min(query.to.value_or(time_max), time_max);
    const Period period = period_of(query);
    if (from >= to) return segments;
    if (period == Period::none) {
        segments.push_back({"", from, to});
        return segments;
    }
    const auto next_row = [&](UtcTime time) {
        return find_time(database, "SELECT min(requested_at) FROM requests WHERE requested_at >= ?",
                         to_iso8601(time));
    };
    auto row = next_row(from);
    if (!row && !query.from) return segments;
    UtcTime at = query.from || !row ? from : *row;
    while (at < to) {
        if (!row && !(has_empty_periods && query.to)) break;
        Segment segment = period_around(period, query.zone, at);
        const UtcTime next = segment.to;
        const bool is_empty = !row || *row >= next;
        if (is_empty && !has_empty_periods) {
            if (*row >= to) break;
            at = *row;
            continue;
        }
        segment.from = std::max(segment.from, from);
        segment.to = std::min(next, to);
        segments.push_back(std::move(segment));
        if (segments.size() > limits::usage_periods_max)
            return fail(ErrorKind::too_large,
                        fmt::format("more than {} periods", limits::usage_periods_max));
        at = next;
        if (row && *row < next) row = next_row(next);
        const auto gap_end = row ? *row : to;
        if (gap_end > at && gap_end - at > (next - segments.back().from) * gap_periods_max) {
            if (!row) break;
            at = *row;
        }
    }
    return segments;
}

std::optional<UtcTime> to_time(const std::string& text) {
    const auto time = parse_iso8601(text);
    return time ? std::optional(*time) : std::nullopt;
}

UsageRow to_row(const Key& key) {
    UsageRow row;
    row.project = key.project;
    row.provider = key.provider;
    row.model = key.model;
    row.tool = key.tool;
    row.billing = key.billing;
    return row;
}

std::optional<UtcTime> find_edge(SQLite::Database& database, const UsageQuery& query,
                                 const char* which) {
    SQLite::Statement select(
        database,
        fmt::format(
            "SELECT {}(requested_at) FROM requests WHERE requested_at >= ?1 AND "
            "requested_at < ?2{}",
            which,
            query.project ? " AND project_id = (SELECT id FROM projects WHERE slug = ?3)" : ""));
    select.bind(1, to_iso8601(std::max(query.from.value_or(time_min), time_min)));
    select.bind(2, to_iso8601(std::min(query.to.value_or(time_max), time_max)));
    if (query.project) select.bind(3, *query.project);
    if (!select.executeStep()) return std::nullopt;
    return to_time(select.getColumn(0).getString());
}

// The name with the most of something, by the alphabet where two have as much.
template <class Amount>
std::string most(const std::map<std::string, Amount>& amounts) {
    const std::string* name = nullptr;
    const Amount* best = nullptr;
    for (const auto& [candidate, amount] : amounts) {
        if (best && amount <= *best) continue;
        name = &candidate;
        best = &amount;
    }
    return name ? *name : std::string();
}

using Spend = std::tuple<NanoUsd, NanoUsd, std::int64_t>;  // paid, covered by a plan, calls

struct ProjectTally {
    std::map<std::string, std::int64_t> model_counts;
    std::map<std::string, std::int64_t> provider_counts;
    std::map<std::string, Spend> model_spends;
    std::map<std::string, Spend> provider_spends;

    void add(const Key& key, const UsageSums& sums) {
        model_counts[key.model] += sums.requests;
        provider_counts[key.provider] += sums.requests;
        for (auto* spend : {&model_spends[key.model], &provider_spends[key.provider]}) {
            auto& [paid, plan, count] = *spend;
            paid = paid + sums.cost;
            plan = plan + sums.plan_cost;
            count += sums.requests;
        }
    }
};

std::vector<ProjectUsage> read_project_names(SQLite::Database& database,
                                             const std::optional<std::string>& slug) {
    std::vector<ProjectUsage> projects;
    std::string sql =
        "SELECT p.id, p.slug, p.name, p.created_at, coalesce(p.archived_at, ''), "
        "(SELECT max(requested_at) FROM requests r WHERE r.project_id = p.id) FROM projects p";
    if (slug) {
        const bool has_old_names = database.tableExists("project_aliases");
        sql += has_old_names ? " WHERE p.id = coalesce((SELECT project_id FROM project_aliases "
                               "WHERE slug = ?1), (SELECT id FROM projects WHERE slug = ?1))"
                             : " WHERE p.slug = ?1";
    }
    SQLite::Statement select(database, sql + " ORDER BY p.slug");
    if (slug) select.bind(1, *slug);
    while (select.executeStep()) {
        ProjectUsage project;
        project.id = select.getColumn(0).getInt64();
        project.slug = select.getColumn(1).getString();
        project.name = select.getColumn(2).getString();
        project.created_at = select.getColumn(3).getString();
        project.archived_at = select.getColumn(4).getString();
        project.last_active_at = to_time(select.getColumn(5).getString());
        projects.push_back(std::move(project));
    }
    return projects;
}

}  // namespace

Result<std::vector<UsageRow>> read_usage_rows(SQLite::Database& database, const UsageQuery& query) {
    std::vector<UsageRow> rows;
    if (!has_requests(database)) return rows;
    const Groups groups = groups_of(query);
    const bool is_period_alone =
        period_of(query) != Period::none &&
        !(groups.project || groups.provider || groups.model || groups.tool || groups.billing);
    const bool has_empty_periods = query.has_empty_periods && is_period_alone;
    const auto segments = make_segments(database, query, has_empty_periods);
    if (!segments) return fail(segments.error());
    const bool has_times =
        period_of(query) == Period::none && (query.has_first_at || query.has_last_at);
    const bool is_of_projects = groups.project && !groups.provider && !groups.model &&
                                !groups.tool && !groups.billing && !query.provider &&
                                !query.model && !query.tool;
    Tally tally(database, query, groups);
    const Period period = period_of(query);
    const bool is_long = period != Period::none && period != Period::hour;
    tally.count(*segments, is_long, has_times && !is_of_projects);
    if (tally.is_too_large())
        return fail(ErrorKind::too_large, fmt::format("more than {} rows", limits::usage_rows_max));
    if (has_times && !is_of_projects) tally.sharpen(query.has_first_at, query.has_last_at);
    std::set<std::size_t> seen;
    std::vector<std::pair<std::size_t, UsageRow>> found;
    for (const auto& cell : tally.cells()) {
        UsageRow row = to_row(*cell.key);
        row.period = (*segments)[cell.segment].period;
        row.sums = cell.sums;
        if (has_times && is_of_projects) {
            // The index of projects knows without looking at hours.
            UsageQuery project = query;
            project.project = row.project;
            if (query.has_first_at) row.first_at = find_edge(database, project, "min");
            if (query.has_last_at) row.last_at = find_edge(database, project, "max");
        } else if (has_times) {
            if (query.has_first_at) row.first_at = to_time(cell.edge->first);
            if (query.has_last_at) row.last_at = to_time(cell.edge->last);
        }
        if (has_empty_periods) seen.insert(cell.segment);
        found.emplace_back(cell.segment, std::move(row));
    }
    // Without any group the answer is one row, also of nothing.
    const bool is_total = query.group_by.empty() && found.empty();
    for (std::size_t i = 0; i < segments->size(); ++i) {
        if (!is_total && (!has_empty_periods || seen.count(i) > 0)) continue;
        found.emplace_back(i, UsageRow());
        found.back().second.period = (*segments)[i].period;
    }
    if (is_total && segments->empty()) found.emplace_back();
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        const UsageRow& one = a.second;
        const UsageRow& two = b.second;
        if (a.first != b.first) return a.first < b.first;
        if (one.sums.cost != two.sums.cost) return one.sums.cost > two.sums.cost;
        if (one.sums.plan_cost != two.sums.plan_cost)
            return one.sums.plan_cost > two.sums.plan_cost;
        return std::tie(one.project, one.model, one.provider, one.tool, one.billing) <
               std::tie(two.project, two.model, two.provider, two.tool, two.billing);
    });
    rows.reserve(found.size());
    for (auto& [segment, row] : found) rows.push_back(std::move(row));
    return rows;
}

Result<std::vector<UsageRow>> read_usage(Reader& reader, const UsageQuery& query) {
    if (query.zone.spans.size() > limits::usage_zone_spans_max)
        return fail(ErrorKind::too_large, "too many changes of the time zone");
    return reader.read<std::vector<UsageRow>>(
        [&](SQLite::Database& database) { return read_usage_rows(database, query); });
}

UsageSums sum_usage(SQLite::Database& database, const UsageQuery& query) {
    UsageSums sums;
    if (!has_requests(database)) return sums;
    const std::vector<Segment> all{{"", std::max(query.from.value_or(time_min), time_min),
                                    std::min(query.to.value_or(time_max), time_max)}};
    Tally tally(database, query, {});
    tally.count(all, false, false);
    for (const auto& cell : tally.cells()) sums.add(cell.sums);
    return sums;
}

Result<UsageSummary> read_usage_summary(Reader& reader, const UsageQuery& query) {
    return reader.read<UsageSummary>([&](SQLite::Database& database) -> Result<UsageSummary> {
        UsageSummary summary;
        if (!has_requests(database)) return summary;
        UsageQuery by_model = query;
        by_model.group_by = {UsageGroup::project, UsageGroup::provider, UsageGroup::model};
        const bool is_narrow = query.provider || query.model || query.tool;
        by_model.has_first_at = by_model.has_last_at = is_narrow;
        const auto rows = read_usage_rows(database, by_model);
        if (!rows) return fail(rows.error());
        std::set<std::string> projects;
        std::set<std::pair<std::string, std::string>> models;
        for (const UsageRow& row : *rows) {
            summary.sums.add(row.sums);
            projects.insert(row.project);
            models.emplace(row.provider, row.model);
            if (row.first_at)
                summary.first_request_at =
                    std::min(summary.first_request_at.value_or(time_max), *row.first_at);
            if (row.last_at)
                summary.last_request_at =
                    std::max(summary.last_request_at.value_or(time_min), *row.last_at);
        }
        summary.active_projects = static_cast<std::int64_t>(projects.size());
        summary.models_in_use = static_cast<std::int64_t>(models.size());
        if (!is_narrow) {
            summary.first_request_at = find_edge(database, query, "min");
            summary.last_request_at = find_edge(database, query, "max");
        }
        return summary;
    });
}

Result<std::vector<ProjectUsage>> read_project_usage(Reader& reader, UtcTime now,
                                                     const DayZone& zone,
                                                     const std::optional<std::string>& slug) {
    using Projects = std::vector<ProjectUsage>;
    return reader.read<Projects>([&](SQLite::Database& database) -> Result<Projects> {
        if (!has_requests(database)) return Projects();
        Projects projects = read_project_names(database, slug);
        const UtcTime month = zone.month_start(now);
        const UtcTime next_month = zone.next_month_start(now);
        const UtcTime previous_month = zone.month_start(month - 1us);
        const std::vector<Segment> segments{{"", time_min, previous_month},
                                            {"", previous_month, month},
                                            {"", month, next_month},
                                            {"", next_month, time_max}};
        UsageQuery query;
        if (slug) {
            if (projects.empty()) return projects;
            query.project = projects.front().slug;
        }
        Tally tally(database, query, {true, true, true, false, false});
        tally.count(segments, true, false);
        std::map<std::string, std::pair<ProjectUsage*, ProjectTally>> by_slug;
        for (ProjectUsage& project : projects) by_slug[project.slug].first = &project;
        for (const auto& cell : tally.cells()) {
            const auto found = by_slug.find(cell.key->project);
            if (found == by_slug.end()) continue;
            auto& [project, amounts] = found->second;
            if (cell.segment == 1) project->previous_month.add(cell.sums);
            if (cell.segment == 2) project->this_month.add(cell.sums);
            project->all_time.add(cell.sums);
            amounts.add(*cell.key, cell.sums);
        }
        for (auto& [name, entry] : by_slug) {
            auto& [project, amounts] = entry;
            project->primary_model = most(amounts.model_counts);
            project->primary_provider = most(amounts.provider_counts);
            project->top_model = most(amounts.model_spends);
            project->top_provider = most(amounts.provider_spends);
        }
        return projects;
    });
}

}  // namespace halton::store
