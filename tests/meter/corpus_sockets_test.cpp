// Replays the recorded WebSocket sessions of HALTON_CORPUS through the observer, in several forms
// of frames and pieces, and compares the sums of the rows with the independent expectation. Skipped
// with a line saying so when there is no corpus.
#include <cstdio>
#include <map>

#include "support/catch.h"
#include "support/corpus.h"
#include "support/corpus_sockets.h"

using namespace halton;
using namespace halton::test;

namespace {

// What is wrong with the rows, empty when nothing is.
std::string compare(const RecordedSession& session, const std::vector<meter::CallRecord>& rows) {
    std::string wrong;
    const auto check = [&](std::string_view what, std::int64_t got, std::int64_t wanted) {
        if (got == wanted) return;
        wrong += std::string(what) + '=' + std::to_string(got) + " instead of " +
                 std::to_string(wanted) + "; ";
    };
    meter::TokenUsage sum;
    int answer_count = 0, transcription_count = 0;
    for (const meter::CallRecord& row : rows) {
        if (row.kind == meter::RequestKind::audio) {
            transcription_count += row.status == "success";
            continue;
        }
        ++answer_count;
        sum.input += row.usage.input;
        sum.output += row.usage.output;
        sum.cache_read += row.usage.cache_read;
        sum.reasoning += row.usage.reasoning;
        sum.audio_input += row.usage.audio_input;
        sum.audio_output += row.usage.audio_output;
        if (name_of(row.kind) != session.expected.kind) wrong += "kind; ";
        if (row.status != "success" || !row.tokens_complete) wrong += "not complete; ";
        if (!session.expected.model.empty() && row.model != session.expected.model)
            wrong += "model=" + row.model + " instead of " + session.expected.model + "; ";
    }
    check("answers", answer_count, session.answer_count);
    check("transcriptions", transcription_count, session.transcription_count);
    check("input", sum.input, session.expected.input);
    check("output", sum.output, session.expected.output);
    check("cache_read", sum.cache_read, session.expected.cache_read);
    check("reasoning", sum.reasoning, session.expected.reasoning);
    // The expectations know OpenAI's details only and say 0 where Gemini states sound.
    if (is_gemini(session)) return wrong;
    if (session.expected.audio_input)
        check("audio_input", sum.audio_input, *session.expected.audio_input);
    if (session.expected.audio_output)
        check("audio_output", sum.audio_output, *session.expected.audio_output);
    return wrong;
}

}  // namespace

TEST_CASE("the corpus of recorded WebSocket sessions meters as expected") {
    const auto folder = corpus_folder();
    if (!folder) {
        std::puts("corpus: not there (HALTON_CORPUS), replay of sessions skipped");
        return;
    }
    std::map<std::string, std::pair<int, int>> scores;  // matched, of all
    for (const RecordedSession& session : load_sessions(*folder)) {
        std::string wrong;
        for (const WireForm& form :
             {WireForm{}, WireForm{.piece_bytes = 1}, WireForm{.is_compressed = true},
              WireForm{.is_compressed = true, .keeps_context = false},
              WireForm{.fragment_count = 3, .piece_bytes = 1400},
              WireForm{.is_compressed = true, .fragment_count = 4, .piece_bytes = 7}})
            if (wrong.empty()) wrong = compare(session, play(session, form));
        CAPTURE(session.id, session.provider, wrong);
        CHECK(wrong.empty());
        ++scores[session.provider].second;
        scores[session.provider].first += wrong.empty();
    }
    for (const auto& [provider, score] : scores) {
        std::printf("corpus sessions %-10s %d of %d matched\n", provider.c_str(), score.first,
                    score.second);
    }
}
