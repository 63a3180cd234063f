// Makes a database as years of use would leave it, through the real schema: agents with sessions,
// scripts, several providers, subscriptions, failures, nights and weekends. The same arguments
// make the same rows.
//     make_history FILE [ROWS [DAYS [SEED [LAST_DAY]]]]     10000000 730 1 2026-11-20
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/clock.h"
#include "base/money.h"
#include "store/rollups.h"
#include "store/schema.h"

using namespace halton;

namespace {

// SplitMix64: the same everywhere, unlike the standard's distributions.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
    std::int64_t below(std::int64_t end) {
        return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(end));
    }
    bool chance(int per_mille) { return below(1000) < per_mille; }
    double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    // Around `middle`, seldom ten times as much: as sizes and waiting times are.
    double skewed(double middle) {
        const double sum = unit() + unit() + unit() + unit() - 2.0;  // about normal
        return middle * std::exp(1.3 * sum);
    }
    // A few are most of all.
    std::size_t few(std::size_t count) {
        const double at = std::pow(unit(), 2.5) * static_cast<double>(count);
        return std::min(static_cast<std::size_t>(at), count - 1);
    }

private:
    std::uint64_t state_;
};

struct Model {
    const char* provider;
    const char* host;
    const char* path;
    const char* name;
    std::int64_t input_price;  // nano-dollars a token
    std::int64_t output_price;
    bool input_includes_cache;
};

constexpr Model models[] = {
    {"anthropic", "api.anthropic.com", "/v1/messages", "claude-sonnet-4-5-20250929", 3000, 15000,
     false},
    {"anthropic", "api.anthropic.com", "/v1/messages", "claude-haiku-4-5-20251001", 1000, 5000,
     false},
    {"anthropic", "api.anthropic.com", "/v1/messages", "claude-opus-4-5-20251101", 5000, 25000,
     false},
    {"openai", "api.openai.com", "/v1/responses", "gpt-5.1-codex", 1250, 10000, true},
    {"openai", "api.openai.com", "/v1/responses", "gpt-5.1-codex-mini", 250, 2000, true},
    {"openai", "api.openai.com", "/v1/chat/completions", "gpt-5-mini-2025-08-07", 250, 2000, true},
    {"openai", "api.openai.com", "/v1/embeddings", "text-embedding-3-small", 20, 0, true},
    {"gemini", "generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:generateContent",
     "gemini-2.5-pro", 1250, 10000, true},
    {"gemini", "generativelanguage.googleapis.com",
     "/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash", 300, 2500, true},
    {"xai", "api.x.ai", "/v1/chat/completions", "grok-4-fast", 200, 500, true},
    {"groq", "api.groq.com", "/openai/v1/chat/completions", "llama-3.3-70b-versatile", 590, 790,
     true},
    {"mistral", "api.mistral.ai", "/v1/chat/completions", "mistral-large-2411", 2000, 6000, true},
};

struct Tool {
    const char* name;  // empty: nobody knows
    const char* user_agent;
    int share;                          // of sessions, per mille
    std::array<std::size_t, 3> models;  // nearly all, some, few
    bool has_sessions;
    int plan_share;  // of its sessions, per mille
};

constexpr Tool tools[] = {
    {"claude-code", "claude-cli/2.0.{} (external, cli)", 480, {0, 1, 2}, true, 450},
    {"codex", "codex_cli_rs/0.{}.0 (Linux 6.1; x86_64)", 210, {3, 4, 3}, true, 500},
    {"gemini-cli", "GeminiCLI/0.{}.0 (linux; x64)", 90, {7, 8, 8}, true, 300},
    {"opencode", "opencode/1.0.{}", 60, {0, 3, 9}, true, 0},
    {"", "OpenAI/Python 2.{}.0", 110, {5, 6, 10}, false, 0},
    {"", "Anthropic/Python 0.{}.0", 50, {1, 0, 11}, false, 0},
};

struct Session {
    std::size_t project = 0;
    const Tool* tool = nullptr;
    std::string id;
    std::string version;
    std::string user_agent;
    std::string branch;
    bool is_plan = false;
};

std::string uuid(Dice& dice) {
    const std::uint64_t a = dice.next();
    const std::uint64_t b = dice.next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff,
                       a & 0xfff, 0x8000 | ((b >> 48) & 0x3fff), b & 0xffffffffffff);
}

std::string project_name(std::size_t number) {
    static constexpr const char* words[] = {"shop", "api", "infra",  "web",  "billing", "search",
                                            "docs", "ml",  "mobile", "data", "auth",    "tools"};
    const std::string word = words[number % std::size(words)];
    return number < std::size(words) ? word : fmt::format("team-{}/{}", number / 12, word);
}

Session make_session(Dice& dice, std::size_t project_count, int day) {
    Session session;
    session.project = dice.few(project_count);
    auto at = dice.below(1000);
    for (const Tool& tool : tools) {
        session.tool = &tool;
        if ((at -= tool.share) < 0) break;
    }
    session.version = fmt::format("{}.{}", 1 + day / 300, day % 300 / 7);
    session.user_agent = fmt::format(fmt::runtime(session.tool->user_agent), day / 7);
    if (session.tool->has_sessions) session.id = uuid(dice);
    if (session.tool->has_sessions)
        session.branch = dice.chance(600) ? "main" : fmt::format("feature/{}", dice.below(400));
    session.is_plan = dice.chance(session.tool->plan_share);
    return session;
}

constexpr const char* insert_sql =
    "INSERT INTO requests (id, project_id, provider, model, mode, request_kind, input_tokens, "
    "output_tokens, thinking_tokens, cache_read_tokens, cache_write_tokens, cost_usd_minor_units, "
    "rates_source, latency_ms, tokens_complete, requested_at, status, error_class, "
    "provider_error_code, http_status, retryable, cost_nanousd, cost_state, requested_model, "
    "has_usage, time_to_first_byte_ms, method, host, path, provider_request_id, user_agent, "
    "attribution_layer, source_workdir, input_includes_cache, reasoning_on_top, billing_mode, "
    "price_id, price_date, retry_count, client_tool, client_version, session_id, git_branch) "
    "VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

class Binder {
public:
    explicit Binder(SQLite::Statement& statement) : statement_(statement) {}
    Binder& text(const std::string& value) {
        ++index_;
        value.empty() ? statement_.bind(index_) : statement_.bind(index_, value);
        return *this;
    }
    Binder& number(std::int64_t value) {
        statement_.bind(++index_, value);
        return *this;
    }
    Binder& real(double value) {
        statement_.bind(++index_, value);
        return *this;
    }
    Binder& none() {
        statement_.bind(++index_);
        return *this;
    }

private:
    SQLite::Statement& statement_;
    int index_ = 0;
};

struct Failure {
    const char* error_class;
    const char* code;
    int http_status;
    bool retryable;
};
constexpr Failure failures[] = {
    {"rate_limit", "rate_limit_error", 429, true},
    {"server_error", "overloaded_error", 529, true},
    {"server_error", "", 500, true},
    {"timeout", "", 0, true},
    {"network", "", 0, true},
    {"bad_request", "invalid_request_error", 400, false},
    {"context_length_exceeded", "context_length_exceeded", 400, false},
    {"auth", "authentication_error", 401, false},
    {"quota_exceeded", "insufficient_quota", 429, false},
};

void write_row(SQLite::Statement& insert, Dice& dice, Session& session, UtcTime time) {
    const Tool& tool = *session.tool;
    const auto pick = dice.below(100);
    const Model& model = models[tool.models[pick < 74 ? 0 : pick < 95 ? 1 : 2]];
    const bool is_error = dice.chance(20);
    const Failure& failure = failures[dice.few(std::size(failures))];
    const bool is_embedding = model.output_price == 0;
    const bool has_usage = !is_error || dice.chance(100);
    const auto fresh = has_usage ? static_cast<std::int64_t>(dice.skewed(1'500)) : 0;
    const auto cached =
        has_usage && tool.has_sessions ? static_cast<std::int64_t>(dice.skewed(40'000)) : 0;
    const auto written =
        cached > 0 && !model.input_includes_cache ? static_cast<std::int64_t>(dice.skewed(900)) : 0;
    const auto output =
        has_usage && !is_embedding ? static_cast<std::int64_t>(dice.skewed(450)) : 0;
    const auto thinking = output > 200 && dice.chance(400) ? output / 3 : 0;
    const bool is_priced = has_usage && !dice.chance(8);
    const NanoUsd cost{fresh * model.input_price + cached * model.input_price / 10 +
                       written * model.input_price * 5 / 4 + output * model.output_price};
    const double latency = dice.skewed(is_embedding ? 180 : 6'500);
    Binder row(insert);
    row.text(uuid(dice)).number(static_cast<std::int64_t>(session.project) + 1);
    row.text(model.provider).text(model.name);
    row.text(is_embedding ? "standard" : "streaming").text(is_embedding ? "embedding" : "chat");
    row.number(model.input_includes_cache ? fresh + cached : fresh).number(output).number(thinking);
    row.number(cached).number(written);
    is_priced ? row.number(to_millicents(cost)) : row.none();
    row.text("bundled-2026-08-21").real(std::round(latency * 1000) / 1000);
    row.number(!dice.chance(7)).text(to_iso8601(time));
    row.text(!is_error                                      ? "success"
             : failure.http_status == 0 && dice.chance(500) ? "aborted"
                                                            : "error");
    if (is_error)
        row.text(failure.error_class).text(failure.code);
    else
        row.none().none();
    !is_error                  ? row.number(200)
    : failure.http_status != 0 ? row.number(failure.http_status)
                               : row.none();
    is_error ? row.number(failure.retryable) : row.none();
    is_priced ? row.number(cost.value) : row.none();
    row.text(!is_priced ? "unknown" : dice.chance(20) ? "estimated" : "exact").text(model.name);
    row.number(has_usage).real(std::round(latency * 120) / 1000).text("POST").text(model.host);
    row.text(model.path).text(fmt::format("req_{:016x}", dice.next())).text(session.user_agent);
    row.text("git").text("/home/dev/src/" + project_name(session.project));
    row.number(model.input_includes_cache).number(0);
    row.text(session.is_plan ? "plan" : "metered");
    row.text(is_priced ? fmt::format("{}/{}@2026-01-01", model.provider, model.name) : "");
    row.text(is_priced ? "2026-08-21" : "");
    tool.has_sessions ? row.number(dice.chance(30) ? 1 : 0) : row.none();
    row.text(tool.name).text(tool.has_sessions ? session.version : "").text(session.id);
    row.text(session.branch);
    insert.exec();
    insert.reset();
}

// People work by day, and less on Saturdays and Sundays; pipelines never sleep.
double weight_of(UtcTime hour) {
    const auto day = std::chrono::floor<std::chrono::days>(hour);
    const auto at = std::chrono::duration_cast<std::chrono::hours>(hour - day).count();
    const std::chrono::weekday weekday{day};
    const bool is_weekend = weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
    const double by_hour = at < 6 ? 0.05 : at < 8 ? 0.4 : at < 18 ? 1.0 : at < 22 ? 0.5 : 0.15;
    return by_hour * (is_weekend ? 0.3 : 1.0);
}

struct Plan {
    std::filesystem::path file;
    std::int64_t rows = 10'000'000;
    int days = 730;
    std::uint64_t seed = 1;
    std::string last_day = "2026-11-20";
};

void make_rows(SQLite::Database& database, const Plan& plan) {
    Dice dice(plan.seed);
    constexpr std::size_t project_count = 48;
    const UtcTime end = *parse_iso8601(plan.last_day + "T00:00:00Z") + std::chrono::hours(24);
    const UtcTime begin = end - std::chrono::hours(24) * plan.days;
    SQLite::Statement project(
        database,
        "INSERT INTO projects (slug, name, created_at, archived_at) VALUES (?1, ?1, ?2, ?3)");
    for (std::size_t i = 0; i < project_count; ++i) {
        project.bind(1, project_name(i));
        project.bind(2, to_iso8601(begin));
        i % 10 == 9 ? project.bind(3, to_iso8601(end)) : project.bind(3);
        project.exec();
        project.reset();
    }
    const int hour_count = plan.days * 24;
    double weight_sum = 0;
    for (int i = 0; i < hour_count; ++i) weight_sum += weight_of(begin + std::chrono::hours(i));
    SQLite::Statement insert(database, insert_sql);
    std::vector<Session> sessions(14);
    for (auto& session : sessions) session = make_session(dice, project_count, 0);
    double weight_so_far = 0;
    std::int64_t done = 0;
    std::vector<std::int64_t> moments;
    for (int i = 0; i < hour_count; ++i) {
        const UtcTime hour = begin + std::chrono::hours(i);
        weight_so_far += weight_of(hour);
        const auto until = i + 1 == hour_count
                               ? plan.rows
                               : static_cast<std::int64_t>(static_cast<double>(plan.rows) *
                                                           weight_so_far / weight_sum);
        moments.clear();
        for (; done < until; ++done) moments.push_back(dice.below(3'600'000'000));
        std::sort(moments.begin(), moments.end());
        for (const std::int64_t moment : moments) {
            auto& session = sessions[dice.few(sessions.size())];
            write_row(insert, dice, session, hour + std::chrono::microseconds(moment));
            if (dice.chance(11)) session = make_session(dice, project_count, i / 24);
        }
        if (i % (hour_count / 10 + 1) == 0) fmt::print(stderr, "{} rows\n", done);
    }
}

// Indices and triggers of `requests` are put aside while rows come in, and made again.
std::vector<std::string> put_aside(SQLite::Database& database) {
    std::vector<std::string> drops;
    std::vector<std::string> makes;
    SQLite::Statement select(database,
                             "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = "
                             "'requests' AND type IN ('trigger', 'index') AND sql IS NOT NULL");
    while (select.executeStep()) {
        drops.push_back(fmt::format("DROP {} {}", select.getColumn(0).getString(),
                                    select.getColumn(1).getString()));
        makes.push_back(select.getColumn(2).getString());
    }
    select.reset();
    for (const auto& drop : drops) database.exec(drop);
    return makes;
}

void make_history(const Plan& plan) {
    SQLite::Database database(plan.file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("PRAGMA journal_mode = OFF");
    database.exec("PRAGMA synchronous = OFF");
    database.exec("PRAGMA cache_size = -2000000");
    database.exec("PRAGMA temp_store = MEMORY");
    store::migrate(database, store::migrations());
    const auto makes = put_aside(database);
    database.exec("BEGIN");
    make_rows(database, plan);
    database.exec("COMMIT");
    fmt::print(stderr, "indices\n");
    for (const auto& make : makes) database.exec(make);
    fmt::print(stderr, "roll-ups\n");
    // As after an upgrade.
    database.exec(
        "UPDATE usage_cover SET covered_from = "
        "(SELECT substr(max(requested_at), 1, 13) || '~' FROM requests)");
    const UtcTime now = *parse_iso8601(plan.last_day + "T23:59:59Z");
    while (store::fill_rollups(database, 100'000, now)) continue;
    database.exec("PRAGMA journal_mode = WAL");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 6) {
        fmt::print(stderr, "make_history FILE [ROWS [DAYS [SEED [LAST_DAY]]]]\n");
        return 2;
    }
    Plan plan;
    plan.file = argv[1];
    if (argc > 2) plan.rows = std::atoll(argv[2]);
    if (argc > 3) plan.days = std::atoi(argv[3]);
    if (argc > 4) plan.seed = static_cast<std::uint64_t>(std::atoll(argv[4]));
    if (argc > 5) plan.last_day = argv[5];
    if (plan.rows < 1 || plan.days < 1 || !parse_iso8601(plan.last_day + "T00:00:00Z")) {
        fmt::print(stderr, "make_history: bad number or day\n");
        return 2;
    }
    std::error_code failed;
    if (std::filesystem::exists(plan.file, failed)) {
        fmt::print(stderr, "make_history: {} is there already\n", plan.file.string());
        return 1;
    }
    try {
        make_history(plan);
    } catch (const SQLite::Exception& error) {
        fmt::print(stderr, "make_history: {}\n", error.what());
        return 1;
    }
    return 0;
}
