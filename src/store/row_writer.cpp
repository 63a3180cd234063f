#include "store/row_writer.h"

#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/limits.h"
#include "meter/usage_text.h"
#include "store/schema.h"

namespace halton::store {
namespace {

// SQLite itself waits this long for a lock; above it the ledger's back-off takes over, which a
// stop can interrupt.
constexpr int lock_wait_ms = 250;

// Slugs are few; a hostile client that invents them must not fill memory.
constexpr std::size_t cached_project_count_max = 4096;

SQLite::Database open(const std::filesystem::path& file) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) {
        // Made empty before SQLite comes, which gives its -wal and -shm the mode of this one.
        std::ofstream(file, std::ios::app);
        std::filesystem::permissions(
            file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
            ignored);
    }
    // No mutex: this connection never leaves its thread.
    SQLite::Database database(file.string(),
                              SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX,
                              lock_wait_ms);
    // Looked up by the first statement on purpose: a file that is no database fails here.
    database.exec("PRAGMA journal_mode = WAL");
    // In WAL mode NORMAL keeps the file consistent through a power cut; only the newest commits
    // may be lost then, and none when a process is killed.
    database.exec("PRAGMA synchronous = NORMAL");
    database.exec("PRAGMA foreign_keys = ON");
    // 8 MiB hold the pages that are touched again and again, of some 100,000 rows.
    database.exec("PRAGMA cache_size = -8192");
    // The log is moved into the file every 4000 pages (16 MiB), so that index pages which many
    // commits touch are moved once; it is cut back when a slow reader let it grow.
    database.exec("PRAGMA wal_autocheckpoint = 4000");
    database.exec("PRAGMA journal_size_limit = 16777216");
    migrate(database, migrations());
    return database;
}

constexpr const char* insert_sql =
    "INSERT INTO requests (id, project_id, provider, model, mode, request_kind, input_tokens, "
    "output_tokens, thinking_tokens, cache_read_tokens, cache_write_tokens, cost_usd_minor_units, "
    "rates_source, latency_ms, tokens_complete, requested_at, status, error_class, "
    "provider_error_code, http_status, retryable, error_message_hash, cost_nanousd, cost_state, "
    "requested_model, service_tier, has_usage, cache_write_1h_tokens, audio_input_tokens, "
    "audio_output_tokens, image_input_tokens, image_output_tokens, tool_input_tokens, "
    "audio_input_ms, web_search_count, time_to_first_byte_ms, method, host, path, "
    "provider_request_id, user_agent, "
    "attribution_layer, source_workdir, input_includes_cache, reasoning_on_top, query_count, "
    "page_count, image_count, character_count, billing_mode, price_id, price_date, "
    "provider_cost_nanousd, speed, region, unpriced_part, sub_calls, "
    "provider_cost_reckoned, retry_count, client_request_id, audio_cache_read_tokens, "
    "image_cache_read_tokens, client_tool, client_version, session_id, thread_id, turn_id, "
    "agent_name, git_branch) "
    "VALUES "
    "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
    "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT (id) DO NOTHING";

// The latest word of each window. Calls may end in another order than they were answered.
constexpr const char* insert_limit_sql =
    "INSERT INTO plan_limits (provider, name, plan, status, used_fraction, resets_at, "
    "window_minutes, observed_at) VALUES (?,?,?,?,?,?,?,?) "
    "ON CONFLICT (provider, name) DO UPDATE SET plan = coalesce(excluded.plan, plan), "
    "status = excluded.status, used_fraction = excluded.used_fraction, "
    "resets_at = excluded.resets_at, "
    "window_minutes = coalesce(excluded.window_minutes, window_minutes), "
    "observed_at = excluded.observed_at WHERE excluded.observed_at >= observed_at";

// Real installations see a dozen.
constexpr std::size_t kept_limit_count_max = 200;

// Binds the values of one row from left to right. Texts are not copied: they live until the
// statement has run. Words are few letters of ours and are. Absent values become NULL.
class Binder {
public:
    explicit Binder(SQLite::Statement& statement) : statement_(statement) {}

    Binder& text(const std::string& value) {
        statement_.bindNoCopy(++index_, value);
        return *this;
    }
    Binder& word(std::string_view value) {
        statement_.bind(++index_, std::string(value));
        return *this;
    }
    Binder& blank() {
        statement_.bind(++index_);
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
    Binder& text_or_null(const std::string& value) { return value.empty() ? blank() : text(value); }
    Binder& number_or_null(std::int64_t value) { return value == 0 ? blank() : number(value); }

private:
    SQLite::Statement& statement_;
    int index_ = 0;
};

}  // namespace

Trouble sort_trouble(const SQLite::Exception& error) {
    switch (error.getErrorCode() & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_INTERRUPT: return Trouble::locked;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Trouble::corrupt;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
        case SQLITE_RANGE: return Trouble::row;
        case SQLITE_ERROR:
        case SQLITE_SCHEMA: return Trouble::schema;
        default: return Trouble::disk;
    }
}

RowWriter::RowWriter(const std::filesystem::path& file)
    : database_(open(file)),
      is_newer_schema_(read_schema_number(database_) > migrations().back().number),
      begin_(database_, "BEGIN IMMEDIATE"),
      commit_(database_, "COMMIT"),
      insert_(database_, insert_sql),
      // The first folder of a slug stays.
      insert_project_(database_,
                      "INSERT INTO projects (slug, name, created_at, folder) "
                      "VALUES (?1, ?1, ?2, ?3) ON CONFLICT (slug) DO UPDATE "
                      "SET folder = excluded.folder "
                      "WHERE folder IS NULL AND excluded.folder IS NOT NULL"),
      // An old name leads to the project that has it now.
      select_project_(database_,
                      "SELECT project_id, 0 FROM project_aliases WHERE slug = ?1 "
                      "UNION ALL SELECT id, folder IS NULL FROM projects WHERE slug = ?1"),
      data_version_(database_, "PRAGMA data_version"),
      insert_limit_(database_, insert_limit_sql) {
    if (!is_newer_schema_) rollups_.emplace(database_);
}

void RowWriter::begin() {
    begin_.exec();
    begin_.reset();
    // Somebody else has written: a project may have another name, or be a part of another one.
    const bool is_told = data_version_.executeStep();
    const std::int64_t version = is_told ? data_version_.getColumn(0).getInt64() : 0;
    data_version_.reset();
    if (version != seen_data_version_) project_ids_.clear();
    seen_data_version_ = version;
    if (rollups_) rollups_->begin();
}

void RowWriter::add_unmetered(const std::vector<UnmeteredRow>& rows) {
    SQLite::Statement add(database_,
                          "INSERT INTO unmetered (day, reason, program, host, count, first_at, "
                          "last_at) VALUES (?,?,?,?,?,?,?) ON CONFLICT (day, reason, program, host) "
                          "DO UPDATE SET count = count + excluded.count, "
                          "first_at = min(first_at, excluded.first_at), "
                          "last_at = max(last_at, excluded.last_at)");
    for (const auto& row : rows) {
        const auto first_at = to_iso8601(row.first_at);
        const auto last_at = to_iso8601(row.last_at);
        Binder(add).text(row.day).text(row.reason).text(row.program).text(row.host)
            .number(row.count).text(first_at).text(last_at);
        add.exec();
        add.reset();
    }
    if (rows.empty() || rows.back().day == unmetered_day_) return;
    unmetered_day_ = rows.back().day;
    SQLite::Statement forget(database_, "DELETE FROM unmetered WHERE day < ?");
    const auto oldest = to_iso8601(rows.back().last_at -
                                   std::chrono::hours(24 * limits::unmetered_days_max));
    forget.bind(1, oldest.substr(0, 10));
    forget.exec();
}

void RowWriter::commit() {
    if (rollups_) rollups_->finish();
    commit_.exec();
    commit_.reset();
}

void RowWriter::roll_back() noexcept {
    if (rollups_) rollups_->forget();
    // A failed step must be reset before the rollback, or it counts as still running.
    begin_.tryReset();
    commit_.tryReset();
    insert_.tryReset();
    insert_project_.tryReset();
    select_project_.tryReset();
    data_version_.tryReset();
    insert_limit_.tryReset();
    database_.tryExec("ROLLBACK");
    // Projects made in that transaction are gone with it.
    project_ids_.clear();
}

std::optional<RowWriter::Project> RowWriter::find_project(const std::string& slug) {
    select_project_.bind(1, slug);
    std::optional<Project> found;
    if (select_project_.executeStep())
        found = {select_project_.getColumn(0).getInt64(),
                 select_project_.getColumn(1).getInt() != 0};
    select_project_.reset();
    return found;
}

std::int64_t RowWriter::find_or_make_project(const meter::CallRecord& call) {
    const auto& slug = call.project_slug;
    const auto known = project_ids_.find(slug);
    if (known != project_ids_.end() && (!known->second.lacks_folder || call.project_folder.empty()))
        return known->second.id;
    auto project = find_project(slug);
    if (!project || (project->lacks_folder && !call.project_folder.empty())) {
        insert_project_.bind(1, slug);
        insert_project_.bind(2, to_iso8601(system_clock().now_utc()));
        call.project_folder.empty() ? insert_project_.bind(3)
                                    : insert_project_.bind(3, call.project_folder);
        insert_project_.exec();
        insert_project_.reset();
        project = find_project(slug);
    }
    if (!project)
        throw SQLite::Exception("project cannot be found after making it", SQLITE_CONSTRAINT);
    if (project_ids_.size() >= cached_project_count_max) project_ids_.clear();
    project_ids_.insert_or_assign(slug, *project);
    return project->id;
}

void RowWriter::write(const meter::CallRecord& call) {
    try {
        insert(call, find_or_make_project(call));
        return;
    } catch (const SQLite::Exception& error) {
        insert_.tryReset();
        insert_project_.tryReset();
        select_project_.tryReset();
        insert_limit_.tryReset();
        if (error.getExtendedErrorCode() != SQLITE_CONSTRAINT_FOREIGNKEY) throw;
    }
    // Somebody deleted the project by hand: the id in the cache leads nowhere. Make it again.
    project_ids_.clear();
    insert(call, find_or_make_project(call));
}

void RowWriter::insert(const meter::CallRecord& call, std::int64_t project_id) {
    const auto& usage = call.usage;
    const auto requested_at = to_iso8601(call.requested_at);
    Binder row(insert_);
    row.text(call.id).number(project_id).text(call.provider).text(call.model).text(call.mode);
    row.word(name_of(call.kind)).number(usage.input).number(usage.output).number(usage.reasoning);
    row.number(usage.cache_read).number(usage.cache_write);
    call.cost ? row.number(to_millicents(*call.cost)) : row.blank();
    row.text_or_null(call.rates_source).real(call.latency_ms).number(call.tokens_complete);
    row.text(requested_at).text(call.status);
    if (call.error)
        row.word(name_of(call.error->error_class)).text_or_null(call.error->provider_code);
    else
        row.blank().blank();
    row.number_or_null(call.http_status);
    if (call.error)
        row.number(call.error->is_retryable).text_or_null(call.error->message_hash);
    else
        row.blank().blank();
    call.cost ? row.number(call.cost->value) : row.blank();
    row.word(name_of(call.cost_state)).text_or_null(call.requested_model);
    row.text_or_null(call.service_tier).number(call.has_usage);
    // A told 0 is not the same as nothing told: see has_cache_write_split.
    usage.has_cache_write_split ? row.number(usage.cache_write_1h)
                                : row.number_or_null(usage.cache_write_1h);
    row.number_or_null(usage.audio_input);
    row.number_or_null(usage.audio_output).number_or_null(usage.image_input);
    row.number_or_null(usage.image_output).number_or_null(usage.tool_input);
    row.number_or_null(usage.audio_input_ms).number_or_null(usage.web_search_count);
    call.time_to_first_byte_ms ? row.real(*call.time_to_first_byte_ms) : row.blank();
    row.text_or_null(call.method).text_or_null(call.host).text_or_null(call.path);
    row.text_or_null(call.provider_request_id).text_or_null(call.user_agent);
    row.text_or_null(call.attribution_layer).text_or_null(call.source_workdir);
    row.number(usage.input_includes_cache).number(!usage.output_includes_reasoning);
    row.number_or_null(usage.query_count).number_or_null(usage.page_count);
    row.number_or_null(usage.image_count).number_or_null(usage.character_count);
    row.word(name_of(call.billing)).text_or_null(call.price_id).text_or_null(call.price_date);
    call.provider_cost ? row.number(call.provider_cost->value) : row.blank();
    row.text_or_null(call.speed).text_or_null(call.region);
    row.number_or_null(call.has_unpriced_part);
    const auto sub_calls = meter::to_usage_text(call.sub_calls);
    row.text_or_null(sub_calls).number_or_null(call.is_provider_cost_reckoned);
    call.retry_count ? row.number(*call.retry_count) : row.blank();
    row.text_or_null(call.client_request_id);
    if (usage.has_cache_modalities)
        row.number(usage.audio_cache_read).number(usage.image_cache_read);
    else
        row.blank().blank();
    const auto& client = call.client;
    row.text_or_null(client.tool).text_or_null(client.version).text_or_null(client.session_id);
    row.text_or_null(client.thread_id).text_or_null(client.turn_id);
    row.text_or_null(client.agent_name).text_or_null(call.git_branch);
    insert_.exec();
    insert_.reset();
    if (!call.plan_limits.empty()) keep_limits(call);
}

void RowWriter::keep_limits(const meter::CallRecord& call) {
    const auto observed_at = to_iso8601(call.requested_at);
    bool is_any_new = false;
    for (const auto& limit : call.plan_limits) {
        const auto resets_at = limit.resets_at ? to_iso8601(*limit.resets_at) : std::string();
        Binder row(insert_limit_);
        row.text(call.provider).text(limit.name).text_or_null(limit.plan);
        row.text_or_null(limit.status);
        limit.used_fraction ? row.real(*limit.used_fraction) : row.blank();
        row.text_or_null(resets_at).number_or_null(limit.window_minutes).text(observed_at);
        insert_limit_.exec();
        insert_limit_.reset();
        is_any_new |= known_limits_.insert(call.provider + ' ' + limit.name).second;
    }
    if (!is_any_new) return;
    // A hostile server that invents names must not fill the table, nor our memory.
    database_.exec(
        fmt::format("DELETE FROM plan_limits WHERE rowid NOT IN (SELECT rowid FROM plan_limits "
                    "ORDER BY observed_at DESC, rowid LIMIT {})",
                    kept_limit_count_max));
    if (known_limits_.size() > kept_limit_count_max) known_limits_.clear();
}

bool RowWriter::fill_rollups(std::int64_t row_count) {
    return store::fill_rollups(database_, row_count, system_clock().now_utc());
}

bool RowWriter::has_moved() noexcept {
    int moved = 0;
    return ::sqlite3_file_control(database_.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
               SQLITE_OK &&
           moved != 0;
}

std::int64_t RowWriter::read_newest_row_us() {
    const auto text = database_.execAndGet("SELECT max(requested_at) FROM requests").getString();
    const auto time = parse_iso8601(text);
    return time ? time->time_since_epoch().count() : 0;
}

void RowWriter::checkpoint() noexcept { database_.tryExec("PRAGMA wal_checkpoint(TRUNCATE)"); }

}  // namespace halton::store
