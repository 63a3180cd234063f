// Transcripts: what coding tools write down of their own calls, as calls. For the time in which
// nothing was metered.
// In:    the lines of one file, in order. Out: its calls, each once, as soon as it is complete.
//        Counts, model, times, session, folder, branch; never a prompt or an answer.
// Fails: never; lines that make no sense are counted. A copy of another session's lines (a fork, a
//        resumed session) gives the same keys, so that whoever collects them knows them again.
// Limits: transcript_open_max calls at a time; the caller bounds the lines.
// Pure. Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "meter/call.h"

namespace halton::meter {

enum class TranscriptKind {
    claude_code,  // ~/.claude/projects/<folder>/<session>.jsonl: an answer in one or more lines
    codex,        // ~/.codex/sessions/<y>/<m>/<d>/rollout-*.jsonl: counts after each answer
};
std::string_view name_of(TranscriptKind kind);
std::optional<TranscriptKind> parse_transcript_kind(std::string_view name);

struct TranscriptCall {
    // Its id is made of `key`: the same call has the same id, whichever file it stands in.
    CallRecord call;
    std::string key;
    std::string folder;         // the tool's working directory
    bool is_plan_told = false;  // the transcript itself says who pays
};

class TranscriptReader {
public:
    explicit TranscriptReader(TranscriptKind kind) : kind_(kind) {}

    // One line, without its end.
    void read(std::string_view line);
    // What is complete so far; everything after the last line with `is_end`.
    std::vector<TranscriptCall> take(bool is_end);

    std::int64_t malformed_count() const { return malformed_count_; }

private:
    void read_claude(JsonView line);
    void read_codex(JsonView line);

    TranscriptKind kind_;
    JsonParser parser_;
    std::int64_t malformed_count_ = 0;
    std::deque<TranscriptCall> open_;  // an id may come again
    std::vector<TranscriptCall> done_;
    // Codex tells them once for the lines after.
    CallRecord context_;
    std::string folder_;
    std::int64_t last_total_ = -1;
};

// A UUID that is made of a text: version 8, from its SHA-256.
std::string make_stable_uuid(std::string_view text);

}  // namespace halton::meter
