#include "store/row_groups.h"

#include <algorithm>
#include <deque>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include <SQLiteCpp/Database.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/columns.h"
#include "store/fast_rows.h"
#include "store/rollups.h"

namespace halton::store {
namespace {

constexpr const char* from_where =
    " FROM requests r LEFT JOIN projects p ON p.id = r.project_id"
    " WHERE r.requested_at >= ?1 AND r.requested_at < ?2 AND (?3 IS NULL OR p.slug = ?3)";

// The third is NULL without a project.
void bind(FastRows& rows, const RowQuery& query) {
    rows.bind(1, to_iso8601(query.from));
    rows.bind(2, to_iso8601(query.to));
    if (query.project) rows.bind(3, *query.project);
}

struct Names {
    std::string name;
    std::string detail;
    std::string condition;
};

Names names_of(RowGroup group, const Columns& columns) {
    const auto text = [&](std::string_view name) {
        return fmt::format("coalesce({}, '')", columns.of(name, "''"));
    };
    switch (group) {
        case RowGroup::session:
            return {text("session_id"), text("client_tool"),
                    fmt::format(" AND {} <> ''", text("session_id"))};
        case RowGroup::branch: return {text("git_branch"), "coalesce(p.slug, '')", ""};
        case RowGroup::error: break;
    }
    const auto status = columns.of("status", "'success'");
    return {fmt::format("coalesce({}, {})", columns.of("error_class", "NULL"), status),
            text("provider_error_code"), fmt::format(" AND {} <> 'success'", status)};
}

// Four bytes each: a report over many rows stays small, and nobody reads a fraction of a
// millisecond.
using Values = std::vector<float>;

std::optional<Latency> to_latency(Values& values) {
    if (values.empty()) return std::nullopt;
    double total = 0;
    for (const float value : values) total += static_cast<double>(value);
    Latency latency;
    latency.avg_ms = total / static_cast<double>(values.size());
    // Nearest rank: the value at position ceil(0.95 n) of the sorted ones.
    const auto rank = (values.size() * 95 + 99) / 100;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(values.begin(), at, values.end());
    latency.p95_ms = static_cast<double>(*at);
    return latency;
}

// Whose a latency is, as the row says it. Looked up with views of SQLite's own bytes: rows are
// hundreds of thousands, and these a few hundred.
struct Owner {
    std::int64_t project_id = 0;
    std::string_view model;
    std::string_view provider;
    bool operator==(const Owner&) const = default;
};
struct OwnerHash {
    std::size_t operator()(const Owner& owner) const {
        const std::hash<std::string_view> hash;
        return hash(owner.model) * 31 + hash(owner.provider) +
               static_cast<std::size_t>(owner.project_id) * 0x9e3779b9u;
    }
};
struct OwnedValues {
    std::deque<std::string> names;  // what the owners point at
    std::unordered_map<Owner, Values, OwnerHash> values;
};

// All that is asked for is in the index requests_latencies, and so the rows are left alone.
void read_owned_values(SQLite::Database& database, const RowQuery& query, OwnedValues& found) {
    const Columns columns(database, "requests", "r");
    if (!columns.has("latency_ms")) return;
    auto sql = fmt::format(
        "SELECT r.latency_ms, r.project_id, {}, {} FROM requests r WHERE r.requested_at >= ?1 "
        "AND r.requested_at < ?2 AND r.latency_ms IS NOT NULL",
        columns.of("model", "''"), columns.of("provider", "''"));
    // The plus: not by the index over projects, which has no latencies.
    if (query.project) sql += " AND +r.project_id = (SELECT id FROM projects WHERE slug = ?3)";
    FastRows rows(database, sql);
    bind(rows, query);
    while (rows.step()) {
        Owner owner{rows.number(1), rows.text(2), rows.text(3)};
        auto values = found.values.find(owner);
        if (values == found.values.end()) {
            owner.model = found.names.emplace_back(owner.model);
            owner.provider = found.names.emplace_back(owner.provider);
            values = found.values.emplace(owner, Values()).first;
        }
        values->second.push_back(static_cast<float>(rows.real(0)));
    }
}

}  // namespace

Result<std::vector<RowGroupSums>> read_row_groups(Reader& reader, const RowQuery& query,
                                                  RowGroup group) {
    using Rows = std::vector<RowGroupSums>;
    return reader.read<Rows>([&](SQLite::Database& database) -> Result<Rows> {
        Rows rows;
        if (!has_requests(database)) return rows;
        const Columns columns(database, "requests", "r");
        const ColumnOf column = [&](std::string_view name, std::string_view fallback) {
            return columns.of(name, fallback);
        };
        const auto names = names_of(group, columns);
        std::string sums;
        for (const auto& sum : rollup_sums(column)) sums += ", sum(" + sum.value + ")";
        std::string billing;
        for (const auto& key : rollup_keys(column))
            if (key.name == "billing") billing = key.value;
        FastRows select(
            database,
            fmt::format("SELECT {}, {}, {} = 'plan', max(r.requested_at){}{}{} GROUP BY 1, 2, 3",
                        names.name, names.detail, billing, sums, from_where, names.condition));
        bind(select, query);
        while (select.step()) {
            RowGroupSums row;
            row.name = select.text(0);
            row.detail = select.text(1);
            row.last_at = select.text(3);
            row.sums = to_usage_sums(select, 4, select.number(2) != 0);
            // Groups come sorted by their names, so the same one's other half was just before.
            if (!rows.empty() && rows.back().name == row.name && rows.back().detail == row.detail) {
                rows.back().sums.add(row.sums);
                rows.back().last_at = std::max(rows.back().last_at, row.last_at);
                continue;
            }
            if (rows.size() == limits::row_groups_max)
                return fail(ErrorKind::too_large,
                            "too many groups for one answer: ask for a shorter period");
            rows.push_back(std::move(row));
        }
        std::sort(rows.begin(), rows.end(), [&](const RowGroupSums& a, const RowGroupSums& b) {
            if (group != RowGroup::error) {
                if (a.sums.cost != b.sums.cost) return a.sums.cost > b.sums.cost;
                if (a.sums.plan_cost != b.sums.plan_cost)
                    return a.sums.plan_cost > b.sums.plan_cost;
            }
            if (a.sums.requests != b.sums.requests) return a.sums.requests > b.sums.requests;
            return std::tie(a.name, a.detail) < std::tie(b.name, b.detail);
        });
        return rows;
    });
}

Result<Latencies> read_latencies(Reader& reader, const RowQuery& query) {
    return reader.read<Latencies>([&](SQLite::Database& database) -> Result<Latencies> {
        Latencies found;
        if (!has_requests(database)) return found;
        OwnedValues owned;
        read_owned_values(database, query, owned);
        std::unordered_map<std::int64_t, std::string> slugs;
        FastRows projects(database, "SELECT id, slug FROM projects");
        while (projects.step()) slugs.emplace(projects.number(0), projects.text(1));
        Values all;
        std::map<std::string, Values> by_project;
        std::map<std::pair<std::string, std::string>, Values> by_model;
        for (const auto& [owner, values] : owned.values) {
            Values* const owners[] = {
                &all, &by_project[slugs[owner.project_id]],
                &by_model[{std::string(owner.model), std::string(owner.provider)}]};
            for (Values* one : owners) one->insert(one->end(), values.begin(), values.end());
        }
        found.total = to_latency(all);
        for (auto& [slug, values] : by_project) found.by_project[slug] = *to_latency(values);
        for (auto& [key, values] : by_model) found.by_model[key] = *to_latency(values);
        return found;
    });
}

}  // namespace halton::store
