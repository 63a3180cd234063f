// Finished calls as the observer hands them over, and a look into the file they end in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "meter/call.h"
#include "store/row_writer.h"

namespace halton::test {

inline meter::CallRecord make_call(std::uint64_t number) {
    meter::CallRecord call;
    call.id = fmt::format("00000000-0000-4000-8000-{:012x}", number);
    call.requested_at = UtcTime(std::chrono::seconds(1'800'000'000 + number));
    call.provider = "anthropic";
    call.model = "claude-test-1";
    call.mode = "standard";
    call.method = "POST";
    call.host = "api.anthropic.com";
    call.path = "/v1/messages";
    call.usage.input = 100;
    call.usage.output = 20;
    call.has_usage = true;
    call.tokens_complete = true;
    call.cost = NanoUsd{1'234'567};
    call.cost_state = meter::CostState::exact;
    call.rates_source = "bundled-2026-08-21";
    call.latency_ms = 12.5;
    call.status = "success";
    call.http_status = 200;
    call.project_slug = "shop";
    call.attribution_layer = "git";
    return call;
}

// In one transaction, as a writer that then leaves; makes the file if there is none.
inline void write_calls(const std::filesystem::path& file,
                        const std::vector<meter::CallRecord>& calls) {
    store::RowWriter writer(file);
    writer.begin();
    for (const auto& call : calls) writer.write(call);
    writer.commit();
}

// A file of a program before all that we know, with two calls of project "old".
inline void write_oldest(const std::filesystem::path& file) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("CREATE TABLE projects (id INTEGER PRIMARY KEY, slug TEXT)");
    database.exec(
        "CREATE TABLE requests (id TEXT, project_id INTEGER, provider TEXT, model TEXT, "
        "input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, "
        "cost_usd_minor_units INTEGER, requested_at TEXT, status TEXT)");
    database.exec("INSERT INTO projects VALUES (1, 'old')");
    database.exec(
        "INSERT INTO requests VALUES ('a', 1, 'openai', 'm', 10, 2, 4, 123, "
        "'2026-04-01T00:00:00.000000Z', 'success'), ('b', 1, 'openai', 'm', 1, 1, 0, "
        "NULL, '2026-04-01T00:00:01.000000Z', 'error')");
}

inline std::string query_text(const std::filesystem::path& file, const std::string& sql) {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY, 5000);
    return database.execAndGet(sql).getString();
}

inline std::int64_t query_number(const std::filesystem::path& file, const std::string& sql) {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY, 5000);
    return database.execAndGet(sql).getInt64();
}

}  // namespace halton::test
