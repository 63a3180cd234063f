#include "store/schema.h"

#include <array>
#include <string>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "base/clock.h"
#include "store/rollups.h"

namespace halton::store {
namespace {

// Times are texts as base/clock.h writes them: text order is time order, and what people see in
// sqlite3 is readable. Money: cost_nanousd is exact, cost_usd_minor_units (millicents) is its
// rounding for everybody who reads the documented columns.
constexpr const char* first_schema = R"sql(
CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    archived_at TEXT
);

CREATE TABLE requests (
    id TEXT NOT NULL PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE RESTRICT,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    mode TEXT NOT NULL DEFAULT 'standard',
    request_kind TEXT NOT NULL DEFAULT 'chat',
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    thinking_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd_minor_units INTEGER,
    fx_rate NUMERIC,
    rates_source TEXT,
    latency_ms REAL,
    tokens_complete INTEGER NOT NULL DEFAULT 1,
    requested_at TEXT NOT NULL,
    status TEXT NOT NULL,
    error_class TEXT,
    provider_error_code TEXT,
    http_status INTEGER,
    retryable INTEGER,
    error_message_hash TEXT,

    cost_nanousd INTEGER,
    cost_state TEXT,
    requested_model TEXT,
    service_tier TEXT,
    has_usage INTEGER,
    cache_write_1h_tokens INTEGER,
    audio_input_tokens INTEGER,
    audio_output_tokens INTEGER,
    image_input_tokens INTEGER,
    image_output_tokens INTEGER,
    tool_input_tokens INTEGER,
    audio_input_ms INTEGER,
    web_search_count INTEGER,
    time_to_first_byte_ms REAL,
    method TEXT,
    host TEXT,
    path TEXT,
    provider_request_id TEXT,
    user_agent TEXT,
    attribution_layer TEXT,
    source_workdir TEXT,
    synced_at TEXT
);
CREATE INDEX requests_by_time ON requests (requested_at);

CREATE TABLE request_bodies (
    request_id TEXT NOT NULL PRIMARY KEY REFERENCES requests (id) ON DELETE CASCADE,
    request_body BLOB,
    response_body BLOB,
    request_content_type TEXT,
    response_content_type TEXT,
    captured_at TEXT NOT NULL
);

CREATE TABLE project_settings (
    project_id INTEGER NOT NULL PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    body_capture INTEGER,
    updated_at TEXT
);

CREATE TABLE pricing_rates (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to TEXT,
    input_nanousd_per_1k INTEGER,
    output_nanousd_per_1k INTEGER,
    cache_read_nanousd_per_1k INTEGER,
    cache_write_nanousd_per_1k INTEGER,
    tier_threshold_tokens INTEGER,
    tier_input_nanousd_per_1k INTEGER,
    tier_output_nanousd_per_1k INTEGER,
    source TEXT NOT NULL,
    UNIQUE (provider, model, valid_from)
);

CREATE TABLE audit_events (
    id INTEGER PRIMARY KEY,
    occurred_at TEXT NOT NULL,
    event_type TEXT NOT NULL,
    actor TEXT,
    project_id INTEGER REFERENCES projects (id) ON DELETE RESTRICT,
    request_id TEXT,
    detail TEXT
);

CREATE TABLE policies (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    project_id INTEGER REFERENCES projects (id) ON DELETE RESTRICT,
    rule TEXT NOT NULL,
    action TEXT NOT NULL DEFAULT 'log',
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL
);

CREATE TABLE reconciliation_records (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    period_start TEXT NOT NULL,
    period_end TEXT NOT NULL,
    logged_minor_units INTEGER NOT NULL,
    billed_minor_units INTEGER NOT NULL,
    variance_minor_units INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
)sql";

// What pricing a row anew needs, and what the finer reports ask for. The documented columns keep
// the provider's own meaning; the generated ones undo it, so that they can never disagree.
constexpr const char* money_schema = R"sql(
ALTER TABLE requests ADD COLUMN input_includes_cache INTEGER;
ALTER TABLE requests ADD COLUMN reasoning_on_top INTEGER;
ALTER TABLE requests ADD COLUMN query_count INTEGER;
ALTER TABLE requests ADD COLUMN page_count INTEGER;
ALTER TABLE requests ADD COLUMN image_count INTEGER;
ALTER TABLE requests ADD COLUMN character_count INTEGER;
ALTER TABLE requests ADD COLUMN billing_mode TEXT;
ALTER TABLE requests ADD COLUMN price_id TEXT;
ALTER TABLE requests ADD COLUMN price_date TEXT;
ALTER TABLE requests ADD COLUMN provider_cost_nanousd INTEGER;
ALTER TABLE requests ADD COLUMN speed TEXT;
ALTER TABLE requests ADD COLUMN region TEXT;
ALTER TABLE requests ADD COLUMN unpriced_part INTEGER;
ALTER TABLE requests ADD COLUMN sub_calls TEXT;
ALTER TABLE requests ADD COLUMN provider_cost_reckoned INTEGER;
ALTER TABLE requests ADD COLUMN retry_count INTEGER;
ALTER TABLE requests ADD COLUMN client_request_id TEXT;
ALTER TABLE requests ADD COLUMN fresh_input_tokens INTEGER GENERATED ALWAYS AS (
    CASE WHEN input_includes_cache IS NULL THEN NULL ELSE
        max(0, input_tokens - coalesce(audio_input_tokens, 0) - coalesce(image_input_tokens, 0)
            - CASE WHEN input_includes_cache THEN cache_read_tokens + cache_write_tokens ELSE 0 END)
    END) VIRTUAL;
ALTER TABLE requests ADD COLUMN cache_write_5m_tokens INTEGER GENERATED ALWAYS AS (
    cache_write_tokens - min(coalesce(cache_write_1h_tokens, 0), cache_write_tokens)) VIRTUAL;
ALTER TABLE requests ADD COLUMN total_input_tokens INTEGER GENERATED ALWAYS AS (
    CASE WHEN input_includes_cache IS NULL THEN NULL
        WHEN input_includes_cache THEN max(input_tokens, cache_read_tokens + cache_write_tokens)
        ELSE input_tokens + cache_read_tokens + cache_write_tokens END
    + coalesce(tool_input_tokens, 0)) VIRTUAL;
ALTER TABLE requests ADD COLUMN total_output_tokens INTEGER GENERATED ALWAYS AS (
    CASE WHEN reasoning_on_top IS NULL THEN NULL
        WHEN reasoning_on_top THEN output_tokens + thinking_tokens
        ELSE output_tokens END) VIRTUAL;

CREATE TABLE plan_limits (
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    plan TEXT,
    status TEXT,
    used_fraction REAL,
    resets_at TEXT,
    window_minutes INTEGER,
    observed_at TEXT NOT NULL,
    PRIMARY KEY (provider, name)
);
)sql";

// Cached sound is cheaper than sound and dearer than cached text. NULL: not told apart. A token
// that is both cached and sound is taken off the text once.
constexpr const char* cached_modalities_schema = R"sql(
ALTER TABLE requests ADD COLUMN audio_cache_read_tokens INTEGER;
ALTER TABLE requests ADD COLUMN image_cache_read_tokens INTEGER;
ALTER TABLE requests DROP COLUMN fresh_input_tokens;
ALTER TABLE requests ADD COLUMN fresh_input_tokens INTEGER GENERATED ALWAYS AS (
    CASE WHEN input_includes_cache IS NULL THEN NULL ELSE
        max(0, input_tokens - coalesce(audio_input_tokens, 0) - coalesce(image_input_tokens, 0)
            - CASE WHEN input_includes_cache THEN cache_read_tokens + cache_write_tokens
                - coalesce(audio_cache_read_tokens, 0) - coalesce(image_cache_read_tokens, 0)
              ELSE 0 END)
    END) VIRTUAL;
)sql";

// Connections that were not metered, and why. `host` is a provider's, or empty: where else people
// go is not written down.
constexpr const char* unmetered_schema = R"sql(
CREATE TABLE unmetered (
    day TEXT NOT NULL,
    reason TEXT NOT NULL,
    program TEXT NOT NULL,
    host TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (day, reason, program, host)
);
)sql";

// Who sent a call, from where, and what a project was called before.
constexpr const char* clients_schema = R"sql(
ALTER TABLE requests ADD COLUMN client_tool TEXT;
ALTER TABLE requests ADD COLUMN client_version TEXT;
ALTER TABLE requests ADD COLUMN session_id TEXT;
ALTER TABLE requests ADD COLUMN thread_id TEXT;
ALTER TABLE requests ADD COLUMN turn_id TEXT;
ALTER TABLE requests ADD COLUMN agent_name TEXT;
ALTER TABLE requests ADD COLUMN git_branch TEXT;
ALTER TABLE projects ADD COLUMN folder TEXT;

CREATE TABLE project_aliases (
    slug TEXT NOT NULL PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL
);
CREATE INDEX project_aliases_by_project ON project_aliases (project_id);
CREATE INDEX requests_by_project ON requests (project_id, requested_at);
)sql";

// What is known of a body beside its text, and what prunes need: the oldest first, and how much
// there is without reading any. `codec`: how the two are packed; NULL: not at all.
constexpr const char* bodies_schema = R"sql(
ALTER TABLE request_bodies ADD COLUMN request_bytes INTEGER;
ALTER TABLE request_bodies ADD COLUMN response_bytes INTEGER;
ALTER TABLE request_bodies ADD COLUMN request_truncated INTEGER;
ALTER TABLE request_bodies ADD COLUMN response_truncated INTEGER;
ALTER TABLE request_bodies ADD COLUMN redaction_count INTEGER;
ALTER TABLE request_bodies ADD COLUMN redaction_kinds TEXT;
ALTER TABLE request_bodies ADD COLUMN codec TEXT;
ALTER TABLE request_bodies ADD COLUMN stored_bytes INTEGER;
CREATE INDEX request_bodies_by_time ON request_bodies (captured_at, stored_bytes);
)sql";

// What a policy looks at and what it does. `rule` of the first schema keeps the scope in words.
// Events of the audit stay; a merge of projects may move them. People are told of a budget once
// in a period, whichever daemon saw it.
constexpr const char* policies_schema = R"sql(
ALTER TABLE policies ADD COLUMN kind TEXT;
ALTER TABLE policies ADD COLUMN provider TEXT;
ALTER TABLE policies ADD COLUMN model TEXT;
ALTER TABLE policies ADD COLUMN tool TEXT;
ALTER TABLE policies ADD COLUMN limit_nanousd INTEGER;
ALTER TABLE policies ADD COLUMN period TEXT;
ALTER TABLE policies ADD COLUMN counts_plan INTEGER;
ALTER TABLE policies ADD COLUMN priority INTEGER NOT NULL DEFAULT 100;
ALTER TABLE policies ADD COLUMN updated_at TEXT;

CREATE TABLE budget_notices (
    policy_id INTEGER NOT NULL REFERENCES policies (id) ON DELETE CASCADE,
    period_start TEXT NOT NULL,
    percent INTEGER NOT NULL,
    noticed_at TEXT NOT NULL,
    PRIMARY KEY (policy_id, period_start, percent)
);

CREATE INDEX audit_events_by_type ON audit_events (event_type, id);
CREATE TRIGGER audit_events_stay BEFORE DELETE ON audit_events BEGIN
    SELECT RAISE(ABORT, 'events of the audit stay');
END;
CREATE TRIGGER audit_events_say_what_they_said
BEFORE UPDATE OF occurred_at, event_type, actor, request_id, detail ON audit_events BEGIN
    SELECT RAISE(ABORT, 'events of the audit stay as they are');
END;
)sql";

// Calls that came out of a tool's own transcripts are marked; NULL is the wire.
constexpr const char* imports_schema = R"sql(
ALTER TABLE requests ADD COLUMN source TEXT;
)sql";

}  // namespace

std::span<const Migration> migrations() {
    static const std::array all_migrations{
        Migration{1, "ledger", first_schema},
        Migration{2, "money", money_schema},
        Migration{3, "cached modalities", cached_modalities_schema},
        Migration{4, "unmetered", unmetered_schema},
        Migration{5, "clients", clients_schema},
        Migration{rollup_schema_number, "roll-ups", rollup_schema().c_str()},
        Migration{7, "policies", policies_schema},
        Migration{8, "bodies", bodies_schema},
        Migration{9, "imports", imports_schema},
    };
    return all_migrations;
}

int read_schema_number(SQLite::Database& database) {
    if (!database.tableExists("_migrations")) return 0;
    return database.execAndGet("SELECT coalesce(max(number), 0) FROM _migrations").getInt();
}

void migrate(SQLite::Database& database, std::span<const Migration> steps) {
    if (steps.empty() || read_schema_number(database) >= steps.back().number) return;
    // A new file gets everything at once, so that nobody who looks sees half of a schema. An old
    // one goes step by step: some of them take long.
    const bool is_new = read_schema_number(database) == 0;
    for (std::size_t i = 0; i < steps.size();) {
        // The write lock first, then the look: another process may have been faster.
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        database.exec(
            "CREATE TABLE IF NOT EXISTS _migrations ("
            "number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)");
        do {
            const Migration& step = steps[i++];
            if (read_schema_number(database) >= step.number) continue;
            database.exec(step.sql);
            SQLite::Statement record(database, "INSERT INTO _migrations VALUES (?, ?, ?)");
            record.bind(1, step.number);
            record.bind(2, std::string(step.name));
            record.bind(3, to_iso8601(system_clock().now_utc()));
            record.exec();
        } while (is_new && i < steps.size());
        transaction.commit();
    }
}

}  // namespace halton::store
