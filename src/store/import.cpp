#include "store/import.h"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "meter/charge.h"
#include "meter/pricing.h"
#include "store/row_writer.h"
#include "store/schema.h"

namespace halton::store {
namespace {

namespace fs = std::filesystem;
using meter::BillingMode;
using meter::TranscriptCall;

constexpr int lock_wait_ms = 5'000;
// The first schema with the column.
constexpr int imports_schema_number = 9;
// The latest row of a tool says who pays for it, unless it is older than this.
constexpr std::chrono::hours tool_memory{24 * 60};

Error to_error(const fs::path& file, const SQLite::Exception& error) {
    const bool is_locked = sort_trouble(error) == Trouble::locked;
    return Error{is_locked ? ErrorKind::busy : ErrorKind::io, Leg::local,
                 fmt::format("{}: {}", file.string(), to_safe_text(error.what(), 200))};
}

// What of a metered row can be told again by counts.
struct Counts {
    std::int64_t at_us = 0;
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cache_read = 0;
    bool is_taken = false;
};

struct Session {
    bool is_known = false;  // something of it was metered
    std::string project;
    std::optional<BillingMode> billing;
    std::vector<Counts> rows;  // without the provider's id, or for tools that write down none
};

class FileImporter final : public Importer {
public:
    FileImporter(fs::path file, ImportSettings settings)
        : file_(std::move(file)), settings_(std::move(settings)) {
        std::error_code failed;
        if (settings_.is_dry) {
            if (fs::exists(file_, failed))
                database_ = std::make_unique<SQLite::Database>(file_.string(),
                                                               SQLite::OPEN_READONLY, lock_wait_ms);
        } else {
            writer_ = std::make_unique<RowWriter>(file_);  // makes it, and brings it up to date
            database_ = std::make_unique<SQLite::Database>(file_.string(), SQLite::OPEN_READWRITE,
                                                           lock_wait_ms);
        }
        if (database_ && read_schema_number(*database_) < imports_schema_number) database_.reset();
    }

    // A file that a dry run finds too old to say what was metered.
    bool is_too_old() const {
        std::error_code failed;
        return !database_ && fs::exists(file_, failed);
    }

    Result<void> add(std::span<const TranscriptCall> calls) override {
        try {
            for (const auto& call : calls) {
                if (waits_for_copy(call)) continue;
                auto taken = take(call);
                if (!taken) return taken;
            }
            return {};
        } catch (const SQLite::Exception& error) {
            return fail(to_error(file_, error));
        }
    }

    Result<void> finish() override {
        try {
            auto incomplete = std::move(incomplete_);
            incomplete_.clear();
            for (const auto& [key, call] : incomplete) {
                auto taken = take(call);
                if (!taken) return taken;
            }
            write();
            return {};
        } catch (const SQLite::Exception& error) {
            return fail(to_error(file_, error));
        }
    }

    const ImportCounts& counts() const override { return counts_; }

private:
    // A transcript that was copied while an answer was written ends with half of it; another file
    // has the whole. So what is incomplete comes last.
    bool waits_for_copy(const TranscriptCall& found) {
        const auto other = incomplete_.find(found.key);
        if (found.call.tokens_complete) {
            if (other != incomplete_.end()) {
                incomplete_.erase(other);
                ++counts_.repeated;
            }
            return false;
        }
        if (other == incomplete_.end()) {
            if (incomplete_.size() >= limits::import_incomplete_max) return false;
            incomplete_.emplace(found.key, found);
            return true;
        }
        ++counts_.repeated;
        if (found.call.usage.output > other->second.call.usage.output) other->second = found;
        return true;
    }

    Result<void> take(const TranscriptCall& found) {
        if (seen_.size() >= limits::import_calls_max)
            return fail(ErrorKind::too_large, "more calls than one import may have");
        if (!seen_.insert(std::hash<std::string>()(found.key)).second) {
            ++counts_.repeated;
            return {};
        }
        ++counts_.calls;
        const bool is_fresh = found.call.requested_at + limits::import_settle_time > settings_.now;
        if (is_fresh && !settings_.takes_fresh) {
            ++counts_.fresh;
            return {};
        }
        if (is_imported(found.call.id)) {
            ++counts_.imported;
            return {};
        }
        Session& session = find_session(found.call.client.session_id);
        if (is_metered(found, session)) {
            ++counts_.metered;
            return {};
        }
        meter::CallRecord call = found.call;
        call.project_slug = session.is_known ? session.project : project_of(found.folder);
        choose_billing(found, session, call);
        meter::charge(*settings_.prices, call);
        count(call);
        if (settings_.is_dry) return {};
        waiting_.push_back(std::move(call));
        if (waiting_.size() >= limits::import_rows_per_transaction) write();
        return {};
    }

    bool is_imported(const std::string& id) {
        if (!database_) return false;
        SQLite::Statement select(*database_, "SELECT 1 FROM requests WHERE id = ?");
        select.bind(1, id);
        return select.executeStep();
    }

    bool is_metered(const TranscriptCall& found, Session& session) {
        const auto& call = found.call;
        if (!call.provider_request_id.empty()) {
            const auto wanted = std::hash<std::string>()(call.provider_request_id);
            for (auto at = call.requested_at - limits::import_call_time_max;
                 at < call.requested_at + std::chrono::hours(1); at += std::chrono::hours(1))
                if (ids_of_hour(to_iso8601(at).substr(0, 13)).count(wanted) > 0) return true;
        }
        // By what it counted, each row for one call only; the nearest in time.
        const auto at_us = call.requested_at.time_since_epoch().count();
        const auto span_us = std::chrono::microseconds(limits::import_call_time_max).count();
        Counts* nearest = nullptr;
        for (auto& row : session.rows) {
            const bool is_same = !row.is_taken && row.input == call.usage.input &&
                                 row.output == call.usage.output &&
                                 row.cache_read == call.usage.cache_read;
            // A call begins before its answer is written down; clocks of two programs are one.
            if (!is_same || row.at_us > at_us + 5'000'000 || row.at_us < at_us - span_us) continue;
            if (!nearest || row.at_us > nearest->at_us) nearest = &row;
        }
        if (nearest) nearest->is_taken = true;
        return nearest != nullptr;
    }

    const std::unordered_set<std::size_t>& ids_of_hour(const std::string& hour) {
        const auto known = hours_.find(hour);
        if (known != hours_.end()) return known->second;
        if (hours_.size() >= limits::import_hours_max) hours_.clear();
        auto& ids = hours_[hour];
        if (!database_) return ids;
        SQLite::Statement select(
            *database_,
            "SELECT provider_request_id FROM requests WHERE requested_at >= ?1 "
            "AND requested_at < ?2 AND provider_request_id IS NOT NULL");
        select.bind(1, hour);
        select.bind(2, hour + '~');
        while (select.executeStep())
            ids.insert(std::hash<std::string>()(select.getColumn(0).getString()));
        return ids;
    }

    Session& find_session(const std::string& id) {
        const auto known = sessions_.find(id);
        if (known != sessions_.end()) return known->second;
        if (sessions_.size() >= limits::import_sessions_max) sessions_.clear();
        Session& session = sessions_[id];
        if (!database_ || id.empty()) return session;
        SQLite::Statement select(
            *database_,
            "SELECT coalesce(p.slug, ''), coalesce(r.billing_mode, ''), r.requested_at, "
            "r.input_tokens, r.output_tokens, r.cache_read_tokens, r.source IS NULL, "
            "r.provider_request_id IS NULL OR r.client_tool IS NOT 'claude-code' FROM requests r "
            "LEFT JOIN projects p ON p.id = r.project_id WHERE r.session_id = ? "
            "ORDER BY r.requested_at");
        select.bind(1, id);
        while (select.executeStep()) {
            session.is_known = true;
            session.project = select.getColumn(0).getString();
            if (const auto mode = meter::parse_billing_mode(select.getColumn(1).getString());
                mode == BillingMode::plan || mode == BillingMode::metered)
                session.billing = mode;
            const auto at = parse_iso8601(select.getColumn(2).getString());
            const bool is_matched_by_counts =
                select.getColumn(6).getInt() != 0 && select.getColumn(7).getInt() != 0;
            if (!at || !is_matched_by_counts) continue;
            session.rows.push_back({at->time_since_epoch().count(), select.getColumn(3).getInt64(),
                                    select.getColumn(4).getInt64(), select.getColumn(5).getInt64(),
                                    false});
        }
        return session;
    }

    void choose_billing(const TranscriptCall& found, const Session& session,
                        meter::CallRecord& call) {
        if (settings_.billing)
            call.billing = *settings_.billing;
        else if (session.billing)
            call.billing = *session.billing;
        else if (!found.is_plan_told) {
            const auto usual = billing_of_tool(call.client.tool);
            call.billing = usual.value_or(BillingMode::metered);
            if (!usual) ++counts_.plan_unknown;
        }
    }

    std::optional<BillingMode> billing_of_tool(const std::string& tool) {
        const auto known = tools_.find(tool);
        if (known != tools_.end()) return known->second;
        auto& billing = tools_[tool];
        if (!database_) return billing;
        SQLite::Statement select(
            *database_,
            "SELECT billing_mode FROM requests WHERE requested_at >= ?1 AND client_tool = ?2 AND "
            "source IS NULL AND billing_mode IN ('plan', 'metered') "
            "ORDER BY requested_at DESC LIMIT 1");
        select.bind(1, to_iso8601(settings_.now - tool_memory));
        select.bind(2, tool);
        if (select.executeStep())
            billing = meter::parse_billing_mode(select.getColumn(0).getString());
        return billing;
    }

    std::string project_of(const std::string& folder) {
        const auto known = projects_.find(folder);
        if (known != projects_.end()) return known->second;
        if (projects_.size() >= limits::import_sessions_max) projects_.clear();
        return projects_[folder] = settings_.project_of(folder);
    }

    void count(const meter::CallRecord& call) {
        ++counts_.added;
        if (!call.cost) ++counts_.unpriced;
        if (!call.tokens_complete) ++counts_.incomplete;
        const auto cost = call.cost.value_or(NanoUsd{0});
        NanoUsd& sum = call.billing == BillingMode::plan ? counts_.plan_cost : counts_.cost;
        sum = sum + cost;
    }

    void write() {
        if (waiting_.empty()) return;
        SQLite::Statement mark(writer_->database(),
                               "UPDATE requests SET source = 'import', latency_ms = NULL "
                               "WHERE id = ?");
        begin();
        try {
            for (const auto& call : waiting_) {
                writer_->write(call);
                mark.bind(1, call.id);
                mark.exec();
                mark.reset();
            }
            writer_->commit();
        } catch (const SQLite::Exception&) {
            mark.tryReset();
            writer_->roll_back();
            throw;
        }
        waiting_.clear();
    }

    // The daemon's own transactions take milliseconds; the writer's patience is for one of them.
    void begin() {
        for (int tries = 0;; ++tries) {
            try {
                writer_->begin();
                return;
            } catch (const SQLite::Exception& error) {
                if (sort_trouble(error) != Trouble::locked || tries == 20) throw;
                writer_->roll_back();
            }
        }
    }

    fs::path file_;
    ImportSettings settings_;
    std::unique_ptr<RowWriter> writer_;
    std::unique_ptr<SQLite::Database> database_;  // for looking; none: nothing was metered
    ImportCounts counts_;
    std::vector<meter::CallRecord> waiting_;
    std::map<std::string, TranscriptCall> incomplete_;
    std::unordered_set<std::size_t> seen_;
    std::unordered_map<std::string, std::unordered_set<std::size_t>> hours_;
    std::unordered_map<std::string, Session> sessions_;
    std::map<std::string, std::optional<BillingMode>> tools_;
    std::unordered_map<std::string, std::string> projects_;
};

}  // namespace

Result<std::unique_ptr<Importer>> Importer::open(const fs::path& database,
                                                 ImportSettings settings) {
    try {
        auto importer = std::make_unique<FileImporter>(database, std::move(settings));
        if (importer->is_too_old())
            return fail(
                ErrorKind::unsupported,
                fmt::format("{} is of an older version; start the daemon once, which brings "
                            "it up to date",
                            database.string()));
        return importer;
    } catch (const SQLite::Exception& error) {
        return fail(to_error(database, error));
    }
}

}  // namespace halton::store
