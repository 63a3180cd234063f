#include "store/policies.h"

#include <algorithm>
#include <array>
#include <map>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <sqlite3.h>

#include "base/json_writer.h"
#include "base/limits.h"
#include "config/slug.h"
#include "store/audit.h"
#include "store/usage.h"
#include "store/with_database.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;
using meter::Policy;
using meter::PolicyKind;

std::optional<std::string> read_word(const SQLite::Column& column, std::size_t bytes_max) {
    if (column.isNull()) return std::string();
    if (!column.isText()) return std::nullopt;
    auto text = column.getString();
    if (text.size() > bytes_max || to_safe_text(text, bytes_max) != text) return std::nullopt;
    return text;
}

constexpr const char* policy_columns =
    "SELECT o.id, o.name, o.enabled, o.priority, o.kind, o.action, p.slug, o.provider, o.model, "
    "o.tool, o.limit_nanousd, o.period, o.counts_plan, o.created_at, o.updated_at, o.project_id "
    "FROM policies o LEFT JOIN projects p ON p.id = o.project_id ";

// The policy of a row, or what is wrong with it.
Result<Policy> read_row(SQLite::Statement& row) {
    const auto complain = [&](std::string_view what) {
        const auto name = row.getColumn(1).isText() ? row.getColumn(1).getString() : std::string();
        return fail(ErrorKind::malformed,
                    fmt::format("policy {} '{}' is ignored: {}", row.getColumn(0).getInt64(),
                                to_safe_text(name, limits::policy_name_bytes_max), what));
    };
    Policy policy;
    policy.id = row.getColumn(0).getInt64();
    const auto name = read_word(row.getColumn(1), limits::policy_name_bytes_max);
    if (!name || name->empty()) return complain("its name is no text, or too long");
    policy.name = *name;
    policy.is_enabled = row.getColumn(2).getInt() != 0;
    policy.priority = row.getColumn(3).getInt();
    const auto kind = read_word(row.getColumn(4), 40);
    const auto known_kind = meter::parse_policy_kind(kind.value_or(""));
    if (!known_kind) return complain("its kind is unknown");
    policy.kind = *known_kind;
    const auto action = meter::parse_policy_action(read_word(row.getColumn(5), 40).value_or(""));
    if (!action) return complain("its action is unknown");
    policy.action = *action;
    const auto project = read_word(row.getColumn(6), limits::slug_bytes_max);
    const auto provider = read_word(row.getColumn(7), limits::policy_pattern_bytes_max);
    const auto model = read_word(row.getColumn(8), limits::policy_pattern_bytes_max);
    const auto tool = read_word(row.getColumn(9), limits::policy_pattern_bytes_max);
    if (!project || !provider || !model || !tool) return complain("its scope is no text");
    // Of one project, and that is gone: not of all of them.
    if (project->empty() && !row.getColumn(15).isNull())
        return complain("its project is not there");
    policy.project = *project;
    policy.provider = *provider;
    policy.model = *model;
    policy.tool = *tool;
    if (policy.kind == PolicyKind::budget) {
        if (!row.getColumn(10).isInteger() || row.getColumn(10).getInt64() <= 0)
            return complain("its limit is no amount");
        policy.limit = NanoUsd{row.getColumn(10).getInt64()};
        const auto period =
            meter::parse_budget_period(read_word(row.getColumn(11), 40).value_or(""));
        if (!period) return complain("its period is unknown");
        policy.period = *period;
        policy.counts_plan = row.getColumn(12).getInt() != 0;
    }
    policy.created_at = read_word(row.getColumn(13), 40).value_or("");
    policy.updated_at = read_word(row.getColumn(14), 40).value_or("");
    return policy;
}

PolicyTable read_table(SQLite::Database& database) {
    PolicyTable table;
    if (read_schema_number(database) < policies_schema_number) return table;
    SQLite::Statement select(database, std::string(policy_columns) + "ORDER BY o.id LIMIT ?");
    select.bind(1, static_cast<std::int64_t>(limits::policy_count_max) + 1);
    std::size_t count = 0;
    while (select.executeStep()) {
        if (++count > limits::policy_count_max) {
            table.complaints.push_back(
                fmt::format("there are more than {} policies: the newest are ignored",
                            limits::policy_count_max));
            break;
        }
        auto policy = read_row(select);
        if (policy)
            table.policies.push_back(std::move(*policy));
        else
            table.complaints.push_back(policy.error().context);
    }
    SQLite::Statement aliases(database,
                              "SELECT a.slug, p.slug FROM project_aliases a JOIN projects p "
                              "ON p.id = a.project_id WHERE p.id IN "
                              "(SELECT project_id FROM policies) LIMIT 10000");
    while (aliases.executeStep()) {
        const auto project = aliases.getColumn(1).getString();
        for (auto& policy : table.policies)
            if (policy.project == project)
                policy.old_projects.push_back(aliases.getColumn(0).getString());
    }
    std::sort(table.policies.begin(), table.policies.end(), meter::is_before);
    return table;
}

Result<Policy> find(SQLite::Database& database, const std::string& name) {
    const auto table = read_table(database);
    const auto id = parse_decimal(name);
    for (const bool is_by_name : {true, false})
        for (const auto& policy : table.policies)
            if (is_by_name ? policy.name == name
                           : id && policy.id == static_cast<std::int64_t>(*id))
                return policy;
    return fail(ErrorKind::not_found, fmt::format("no policy '{}'", to_safe_text(name, 80)));
}

// What makes no policy, in words.
Result<void> check(const Policy& policy) {
    const auto bad = [](std::string text) { return fail(ErrorKind::malformed, std::move(text)); };
    const auto& name = policy.name;
    if (name.empty() || name.size() > limits::policy_name_bytes_max ||
        std::string(trim(to_safe_text(name, limits::policy_name_bytes_max))) != name)
        return bad(fmt::format("a name has 1 to {} letters", limits::policy_name_bytes_max));
    if (parse_decimal(name)) return bad("a name of digits would be taken for an id");
    for (const auto* word : {&policy.provider, &policy.model, &policy.tool})
        if (word->size() > limits::policy_pattern_bytes_max ||
            to_safe_text(*word, limits::policy_pattern_bytes_max) != *word)
            return bad(
                fmt::format("'{}' is too long, or has odd letters", to_safe_text(*word, 80)));
    if (!policy.project.empty() && !config::parse_slug(policy.project))
        return bad(
            fmt::format("'{}' is no project: letters, digits and - _ : /, at most {} of them",
                        to_safe_text(policy.project, 80), limits::slug_bytes_max));
    if (policy.kind == PolicyKind::budget && policy.limit.value <= 0)
        return bad("a budget wants a limit");
    return {};
}

std::string to_detail(const Policy& policy) {
    JsonWriter json(JsonWriter::Layout::compact);
    json.begin_object().text("policy", policy.name).number("policy_id", policy.id);
    json.text("kind", name_of(policy.kind)).text("action", name_of(policy.action));
    json.flag("enabled", policy.is_enabled).number("priority", policy.priority);
    for (const auto& [key, word] :
         {std::pair<std::string_view, const std::string*>{"provider", &policy.provider},
          {"model", &policy.model},
          {"tool", &policy.tool}})
        if (!word->empty()) json.text(key, *word);
    if (policy.kind == PolicyKind::budget) {
        json.number("limit_nanousd", policy.limit.value).text("period", name_of(policy.period));
        if (policy.counts_plan) json.flag("counts_plan", true);
    }
    json.end();
    return json.finish();
}

void leave_trace(SQLite::Database& database, std::string_view type, const Policy& policy,
                 std::string_view actor) {
    AuditEvent event;
    event.type = type;
    event.actor = actor;
    event.project = policy.project;
    event.detail = to_detail(policy);
    append_audit(database, event);
}

// NULL for an empty text.
void bind_word(SQLite::Statement& statement, int index, const std::string& word) {
    word.empty() ? statement.bind(index) : statement.bind(index, word);
}

struct Sums {
    std::string project;
    std::string provider;
    std::string model;
    std::string requested_model;
    std::string tool;
    bool is_plan = false;
    Spend spend;
};

// What was spent in a period, by everything but the model: from the roll-ups, in milliseconds.
std::vector<Sums> read_plain_sums(SQLite::Database& database, const meter::Period& period) {
    std::vector<Sums> all;
    UsageQuery query;
    query.from = period.from;
    query.to = period.to;
    query.group_by = {UsageGroup::project, UsageGroup::provider, UsageGroup::tool,
                      UsageGroup::billing};
    const auto rows = read_usage_rows(database, query);
    if (!rows) throw SQLite::Exception(rows.error().context);
    for (const auto& row : *rows) {
        const bool is_plan = row.billing == name_of(meter::BillingMode::plan);
        all.push_back({row.project,
                       row.provider,
                       {},
                       {},
                       row.tool,
                       is_plan,
                       {is_plan ? row.sums.plan_cost : row.sums.cost, row.sums.requests,
                        row.sums.unpriced_requests}});
    }
    return all;
}

// The same by the model too, as asked for and as answered, which roll-ups do not tell apart: from
// the rows of the period themselves.
std::vector<Sums> read_sums(SQLite::Database& database, const meter::Period& period) {
    std::vector<Sums> all;
    const int schema = read_schema_number(database);
    if (schema == 0) return all;
    // Columns that an older schema has not count as NULL.
    const std::string plan = schema >= 2 ? "r.billing_mode IS 'plan'" : "0";
    const std::string tool = schema >= 5 ? "r.client_tool" : "NULL";
    SQLite::Statement select(
        database,
        "SELECT p.slug, r.provider, r.model, coalesce(r.requested_model, ''), coalesce(" + tool +
            ", ''), " + plan +
            ", sum(coalesce(r.cost_nanousd, r.cost_usd_minor_units * 10000, 0)), count(*), "
            "sum(r.cost_nanousd IS NULL AND r.cost_usd_minor_units IS NULL) "
            "FROM requests r JOIN projects p ON p.id = r.project_id "
            "WHERE r.requested_at >= ? AND r.requested_at < ? GROUP BY 1, 2, 3, 4, 5, 6");
    select.bind(1, to_iso8601(period.from));
    select.bind(2, to_iso8601(period.to));
    while (select.executeStep())
        all.push_back({select.getColumn(0).getString(),
                       select.getColumn(1).getString(),
                       select.getColumn(2).getString(),
                       select.getColumn(3).getString(),
                       select.getColumn(4).getString(),
                       select.getColumn(5).getInt() != 0,
                       {NanoUsd{select.getColumn(6).getInt64()}, select.getColumn(7).getInt64(),
                        select.getColumn(8).getInt64()}});
    return all;
}

Spend sum_up(const std::vector<Sums>& sums, const Policy* policy) {
    Spend total;
    Policy enabled = policy ? *policy : Policy{};
    enabled.is_enabled = true;
    for (const auto& sum : sums) {
        meter::CallFacts facts{sum.project, sum.provider, sum.requested_model,
                               sum.model,   sum.tool,     sum.is_plan};
        if (policy ? meter::fit(enabled, facts) != meter::Fit::yes : sum.is_plan) continue;
        total.spent = total.spent + sum.spend.spent;
        total.requests += sum.spend.requests;
        total.unpriced_requests += sum.spend.unpriced_requests;
    }
    return total;
}

// Each period is added up once, whatever the number of its budgets.
std::vector<Spend> read_spends(SQLite::Database& database, std::span<const Policy> policies,
                               UtcTime now) {
    std::map<std::pair<meter::BudgetPeriod, bool>, std::vector<Sums>> sums;
    std::vector<Spend> spends;
    for (const auto& policy : policies) {
        if (policy.kind != PolicyKind::budget) {
            spends.emplace_back();
            continue;
        }
        const std::pair key{policy.period, policy.model.empty()};
        if (!sums.contains(key)) {
            const auto period = meter::period_at(policy.period, now);
            sums[key] = policy.model.empty() ? read_plain_sums(database, period)
                                             : read_sums(database, period);
        }
        spends.push_back(sum_up(sums[key], &policy));
    }
    return spends;
}

std::int64_t to_ns(const fs::path& file, std::uint64_t& bytes) {
    std::error_code failed;
    const auto at = fs::last_write_time(file, failed);
    if (failed) return 0;
    const auto size = fs::file_size(file, failed);
    bytes = failed ? 0 : static_cast<std::uint64_t>(size);
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}

}  // namespace

Result<PolicyTable> read_policies(const fs::path& file) {
    return with_database<PolicyTable>(file, Access::read,
                                      [](SQLite::Database& database) -> Result<PolicyTable> {
                                          SQLite::Transaction transaction(database);
                                          return read_table(database);
                                      });
}

Result<Policy> find_policy(const fs::path& file, const std::string& name) {
    return with_database<Policy>(
        file, Access::read,
        [&](SQLite::Database& database) -> Result<Policy> { return find(database, name); });
}

Result<Policy> add_policy(const fs::path& file, Policy policy, std::string_view actor) {
    if (const auto checked = check(policy); !checked) return fail(checked.error());
    return with_database<Policy>(
        file, Access::write, [&](SQLite::Database& database) -> Result<Policy> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            const auto now = to_iso8601(system_clock().now_utc());
            const auto count = database.execAndGet("SELECT count(*) FROM policies").getInt64();
            if (count >= static_cast<std::int64_t>(limits::policy_count_max))
                return fail(ErrorKind::permission,
                            fmt::format("there are {} policies already", count));
            SQLite::Statement same(database, "SELECT 1 FROM policies WHERE name = ?");
            same.bind(1, policy.name);
            if (same.executeStep())
                return fail(ErrorKind::permission,
                            fmt::format("there is a policy '{}' already; to take it away: "
                                        "halton-meter policy remove {}",
                                        policy.name, policy.name));
            std::optional<std::int64_t> project_id;
            if (!policy.project.empty()) {
                const auto slug = config::parse_slug(policy.project);
                SQLite::Statement make(database,
                                       "INSERT INTO projects (slug, name, created_at) "
                                       "SELECT ?1, ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM "
                                       "project_aliases WHERE slug = ?1) "
                                       "ON CONFLICT (slug) DO NOTHING");
                make.bind(1, *slug);
                make.bind(2, now);
                make.exec();
                SQLite::Statement select(database,
                                         "SELECT project_id FROM project_aliases WHERE slug = ?1 "
                                         "UNION ALL SELECT id FROM projects WHERE slug = ?1");
                select.bind(1, *slug);
                if (select.executeStep()) project_id = select.getColumn(0).getInt64();
            }
            SQLite::Statement insert(
                database,
                "INSERT INTO policies (name, project_id, rule, action, enabled, created_at, kind, "
                "provider, model, tool, limit_nanousd, period, counts_plan, priority) "
                "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
            insert.bind(1, policy.name);
            project_id ? insert.bind(2, *project_id) : insert.bind(2);
            insert.bind(3, to_scope_text(policy));
            insert.bind(4, std::string(name_of(policy.action)));
            insert.bind(5, int{policy.is_enabled});
            insert.bind(6, now);
            insert.bind(7, std::string(name_of(policy.kind)));
            bind_word(insert, 8, policy.provider);
            bind_word(insert, 9, policy.model);
            bind_word(insert, 10, policy.tool);
            const bool is_budget = policy.kind == PolicyKind::budget;
            is_budget ? insert.bind(11, policy.limit.value) : insert.bind(11);
            is_budget ? insert.bind(12, std::string(name_of(policy.period))) : insert.bind(12);
            insert.bind(13, int{is_budget && policy.counts_plan});
            insert.bind(14, policy.priority);
            insert.exec();
            auto made = find(database, policy.name);
            if (!made) return made;
            leave_trace(database, audit::policy_created, *made, actor);
            transaction.commit();
            return made;
        });
}

Result<Policy> remove_policy(const fs::path& file, const std::string& name,
                             std::string_view actor) {
    return with_database<Policy>(
        file, Access::write, [&](SQLite::Database& database) -> Result<Policy> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            auto found = find(database, name);
            if (!found) {
                // A row that makes no sense has to leave too.
                SQLite::Statement select(database,
                                         "SELECT id FROM policies WHERE name = ?1 OR "
                                         "CAST(id AS TEXT) = ?1");
                select.bind(1, name);
                if (!select.executeStep()) return found;
                found = Policy{.id = select.getColumn(0).getInt64(), .name = name};
            }
            SQLite::Statement remove(database, "DELETE FROM policies WHERE id = ?");
            remove.bind(1, found->id);
            remove.exec();
            leave_trace(database, audit::policy_removed, *found, actor);
            transaction.commit();
            return found;
        });
}

Result<Policy> enable_policy(const fs::path& file, const std::string& name, bool is_enabled,
                             std::string_view actor) {
    return with_database<Policy>(
        file, Access::write, [&](SQLite::Database& database) -> Result<Policy> {
            SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
            auto found = find(database, name);
            if (!found || found->is_enabled == is_enabled) return found;
            SQLite::Statement update(
                database, "UPDATE policies SET enabled = ?2, updated_at = ?3 WHERE id = ?1");
            update.bind(1, found->id);
            update.bind(2, int{is_enabled});
            update.bind(3, to_iso8601(system_clock().now_utc()));
            update.exec();
            found = find(database, name);
            if (found) leave_trace(database, audit::policy_changed, *found, actor);
            transaction.commit();
            return found;
        });
}

ChangeMark read_change_mark(const fs::path& file) {
    ChangeMark mark;
    mark.database_at_ns = to_ns(file, mark.database_bytes);
    mark.log_at_ns = to_ns(file.string() + "-wal", mark.log_bytes);
    return mark;
}

Result<SpendRead> read_spend(const fs::path& file, std::span<const Policy> policies, UtcTime now) {
    return with_database<SpendRead>(
        file, Access::read, [&](SQLite::Database& database) -> Result<SpendRead> {
            SpendRead read;
            // Sums and mark are of one moment.
            SQLite::Transaction transaction(database);
            read.by_policy = read_spends(database, policies, now);
            if (database.tableExists("requests"))
                read.newest_row =
                    database.execAndGet("SELECT coalesce(max(rowid), 0) FROM requests").getInt64();
            return read;
        });
}

Result<std::vector<std::string>> find_calls(const fs::path& file, std::span<const std::string> ids,
                                            std::int64_t newest_row) {
    using Ids = std::vector<std::string>;
    return with_database<Ids>(file, Access::read, [&](SQLite::Database& database) -> Result<Ids> {
        Ids found;
        SQLite::Statement select(database, "SELECT 1 FROM requests WHERE id = ? AND rowid <= ?");
        for (const auto& id : ids) {
            select.bind(1, id);
            select.bind(2, newest_row);
            if (select.executeStep()) found.push_back(id);
            select.reset();
        }
        return found;
    });
}

Result<std::vector<BudgetStatus>> read_budgets(const fs::path& file, UtcTime now) {
    using All = std::vector<BudgetStatus>;
    return with_database<All>(file, Access::read, [&](SQLite::Database& database) -> Result<All> {
        All all;
        SQLite::Transaction transaction(database);
        auto table = read_table(database);
        std::erase_if(table.policies,
                      [](const Policy& policy) { return policy.kind != PolicyKind::budget; });
        const auto spends = read_spends(database, table.policies, now);
        for (std::size_t i = 0; i < spends.size(); ++i) {
            BudgetStatus status;
            status.policy = table.policies[i];
            status.period = meter::period_at(status.policy.period, now);
            status.spend = spends[i];
            status.forecast = meter::forecast(status.spend.spent, status.period, now);
            status.percent = meter::percent_of(status.spend.spent, status.policy.limit);
            if (!status.policy.is_enabled)
                status.state = "disabled";
            else if (status.percent >= 100)
                status.state = "over";
            else if (status.percent >= 80)
                status.state = "near";
            all.push_back(std::move(status));
        }
        return all;
    });
}

Result<MonthForecast> read_month_forecast(const fs::path& file, UtcTime now) {
    return with_database<MonthForecast>(
        file, Access::read, [&](SQLite::Database& database) -> Result<MonthForecast> {
            MonthForecast month;
            SQLite::Transaction transaction(database);
            month.period = meter::period_at(meter::BudgetPeriod::month, now);
            month.spend = sum_up(read_plain_sums(database, month.period), nullptr);
            month.forecast = meter::forecast(month.spend.spent, month.period, now);
            return month;
        });
}

Result<CallScope> read_call_scope(const fs::path& file, const std::string& id) {
    return with_database<CallScope>(
        file, Access::read, [&](SQLite::Database& database) -> Result<CallScope> {
            const int schema = read_schema_number(database);
            if (schema == 0) return fail(ErrorKind::not_found, "no such call");
            SQLite::Statement select(
                database,
                std::string(
                    "SELECT p.slug, r.provider, coalesce(r.requested_model, ''), r.model, ") +
                    (schema >= 5 ? "coalesce(r.client_tool, '')" : "''") + ", " +
                    (schema >= 2 ? "r.billing_mode IS 'plan'" : "0") +
                    " FROM requests r JOIN projects p ON p.id = r.project_id WHERE r.id = ?");
            select.bind(1, id);
            if (!select.executeStep())
                return fail(ErrorKind::not_found,
                            fmt::format("no call '{}'", to_safe_text(id, 80)));
            return CallScope{select.getColumn(0).getString(), select.getColumn(1).getString(),
                             select.getColumn(2).getString(), select.getColumn(3).getString(),
                             select.getColumn(4).getString(), select.getColumn(5).getInt() != 0};
        });
}

Result<bool> claim_notice(const fs::path& file, std::int64_t policy_id, const meter::Period& period,
                          int percent) {
    return with_database<bool>(
        file, Access::write, [&](SQLite::Database& database) -> Result<bool> {
            SQLite::Statement insert(
                database,
                "INSERT INTO budget_notices (policy_id, period_start, percent, noticed_at) "
                "SELECT id, ?2, ?3, ?4 FROM policies WHERE id = ?1 ON CONFLICT DO NOTHING");
            insert.bind(1, policy_id);
            insert.bind(2, to_iso8601(period.from));
            insert.bind(3, percent);
            insert.bind(4, to_iso8601(system_clock().now_utc()));
            return insert.exec() > 0;
        });
}

}  // namespace halton::store
