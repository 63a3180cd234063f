#include "store/body_writer.h"

#include <chrono>

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include "base/limits.h"
#include "base/zstd_text.h"
#include "meter/body_text.h"

namespace halton::store {
namespace {

// What cannot be searched for secrets, or not be packed, leaves its size only.
PackedBodies::Side pack_side(const meter::CapturedSide& side, bool is_answer,
                             meter::RedactionCounts& counts, bool& has_dropped) {
    PackedBodies::Side packed;
    packed.bytes = static_cast<std::int64_t>(side.bytes);
    packed.content_type = side.content_type;
    auto body = meter::to_body_text(side, is_answer);
    auto text = body ? pack_text(body->text) : Result<std::string>(fail(body.error()));
    if (!text || side.is_media) {
        packed.is_truncated = side.bytes > 0;
        has_dropped = has_dropped || !text;
        return packed;
    }
    packed.has_text = true;
    packed.packed = std::move(*text);
    packed.is_truncated = body->is_truncated;
    for (const auto& [kind, count] : body->redactions) counts[kind] += count;
    return packed;
}

void bind_side(SQLite::Statement& insert, int index, const PackedBodies::Side& side) {
    if (side.has_text)
        insert.bindNoCopy(index, side.packed.data(), static_cast<int>(side.packed.size()));
    if (!side.content_type.empty()) insert.bind(index + 1, side.content_type);
    insert.bind(index + 2, side.bytes);
    insert.bind(index + 3, int{side.is_truncated});
}

}  // namespace

PackedBodies pack_bodies(const meter::CallBodies& bodies) {
    PackedBodies packed;
    meter::RedactionCounts counts;
    packed.request = pack_side(bodies.request, false, counts, packed.has_dropped_side);
    packed.response = pack_side(bodies.response, true, counts, packed.has_dropped_side);
    packed.redaction_count = static_cast<std::int64_t>(meter::sum_of(counts));
    packed.redaction_kinds = meter::to_text(counts);
    return packed;
}

void BodyWriter::write(const std::string& request_id, const PackedBodies& bodies,
                       UtcTime captured_at) {
    SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement insert(
        database_,
        "INSERT INTO request_bodies (request_id, captured_at, request_body, request_content_type, "
        "request_bytes, request_truncated, response_body, response_content_type, response_bytes, "
        "response_truncated, redaction_count, redaction_kinds, codec, stored_bytes) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,'zstd',?) ON CONFLICT (request_id) DO NOTHING");
    insert.bind(1, request_id);
    insert.bind(2, to_iso8601(captured_at));
    bind_side(insert, 3, bodies.request);
    bind_side(insert, 7, bodies.response);
    insert.bind(11, bodies.redaction_count);
    if (!bodies.redaction_kinds.empty()) insert.bind(12, bodies.redaction_kinds);
    insert.bind(13, static_cast<std::int64_t>(bodies.request.packed.size() +
                                              bodies.response.packed.size()));
    insert.exec();
    transaction.commit();
}

std::int64_t BodyWriter::prune(const BodyRetention& retention, UtcTime now) {
    const auto remove = [this](const std::string& which, const std::string& bound) {
        // Conversations shall be gone, not only forgotten.
        database_.exec("PRAGMA secure_delete = ON");
        SQLite::Transaction transaction(database_, SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement statement(database_,
                                    "DELETE FROM request_bodies WHERE rowid IN "
                                    "(SELECT rowid FROM request_bodies " +
                                        which + ")");
        statement.bind(1, limits::bodies_per_prune_step);
        if (!bound.empty()) statement.bind(2, bound);
        const std::int64_t count = statement.exec();
        transaction.commit();
        return count;
    };
    std::int64_t count = 0;
    if (retention.days > 0) {
        const auto oldest = to_iso8601(now - std::chrono::hours(24 * retention.days));
        // Looked up before anything is locked: mostly there is nothing.
        SQLite::Statement look(database_, "SELECT 1 FROM request_bodies WHERE captured_at < ?");
        look.bind(1, oldest);
        if (look.executeStep()) {
            look.reset();
            count = remove("WHERE captured_at < ?2 ORDER BY captured_at LIMIT ?1", oldest);
        }
    }
    if (count > 0 || retention.stored_bytes_max <= 0) return count;
    const auto sum =
        database_.execAndGet("SELECT coalesce(sum(stored_bytes), 0) FROM request_bodies")
            .getInt64();
    if (sum <= retention.stored_bytes_max) return 0;
    // Of the oldest as many as are too much.
    return remove(
        "WHERE rowid IN (SELECT rowid FROM (SELECT rowid, sum(stored_bytes) OVER "
        "(ORDER BY captured_at, rowid) - stored_bytes AS before FROM request_bodies) "
        "WHERE before < CAST(?2 AS INTEGER) ORDER BY before LIMIT ?1)",
        std::to_string(sum - retention.stored_bytes_max));
}

}  // namespace halton::store
