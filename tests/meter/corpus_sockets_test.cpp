// Replays the recorded WebSocket sessions of HALTON_CORPUS through the observer, in several forms
// of frames and pieces, and compares the sums of the rows with the independent expectation. Skipped
// with a line saying so when there is no corpus.
#include <cstdio>
#include <map>

#include "support/catch.h"
#include "support/corpus.h"
#include "support/feed.h"
#include "support/replay.h"
#include "support/websocket.h"

using namespace halton;
using namespace halton::test;

namespace {

struct Message {
    bool is_sent = false;
    std::string text;
};

struct Session {
    std::string id;
    std::string provider;
    std::vector<Message> messages;
    CorpusExpectation expected;
    int answer_count = 0;         // that were counted, or said to count nothing
    int transcription_count = 0;  // likewise
};

bool is_gemini(const Session& session) {
    return session.messages.front().text.starts_with(R"({"setup")");
}

std::string host_of(const Session& session) {
    if (is_gemini(session)) return "generativelanguage.googleapis.com";
    if (session.provider == "azure") return "someone.openai.azure.com";
    return session.provider == "xai" ? "api.x.ai" : "api.openai.com";
}

std::string target_of(const Session& session) {
    return is_gemini(session)
               ? "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
           : session.provider == "azure" ? "/openai/v1/realtime?model=recorded"
                                         : "/v1/realtime?model=recorded";
}

std::vector<Session> load_sessions(const std::filesystem::path& folder) {
    std::map<std::string, Session> expected;
    detail::for_each_line(folder / "expected.jsonl", [&](JsonView item) {
        if (item["api"].as_string() != "realtime.websocket") return;
        Session session;
        session.expected = detail::read_expectation(item);
        item["usage_raw"].for_each_element([&](JsonView usage) {
            const bool is_speech = usage["event"].as_string().value_or("").find("transcription") !=
                                   std::string_view::npos;
            ++(is_speech ? session.transcription_count : session.answer_count);
        });
        expected[detail::to_string(item["id"])] = std::move(session);
    });
    std::vector<Session> sessions;
    detail::for_each_line(folder / "corpus-realtime.jsonl", [&](JsonView item) {
        Session& session = sessions.emplace_back(expected.at(detail::to_string(item["id"])));
        session.id = detail::to_string(item["id"]);
        session.provider = detail::to_string(item["provider"]);
        item["frames"].for_each_element([&](JsonView frame) {
            session.messages.push_back(
                {frame["direction"].as_string() == "sent", detail::to_string(frame["text"])});
        });
    });
    return sessions;
}

struct Form {
    bool is_compressed = false;
    bool keeps_context = true;
    std::size_t fragment_count = 1;
    std::size_t piece_bytes = 1'000'000;
};

std::string to_wire(const std::string& payload, bool is_sent, const Form& form) {
    const std::size_t step = payload.size() / form.fragment_count + 1;
    std::string wire;
    for (std::size_t at = 0; at == 0 || at < payload.size(); at += step) {
        wire += frame(at == 0 ? Op::text : Op::continuation, payload.substr(at, step),
                      {.is_final = at + step >= payload.size(),
                       .is_compressed = form.is_compressed && at == 0,
                       .is_masked = is_sent});
        if (form.fragment_count > 1) wire += frame(Op::ping, "x", {.is_masked = is_sent});
    }
    return wire;
}

std::vector<meter::CallRecord> play(const Session& session, const Form& form) {
    using Kind = http::Event::Kind;
    FakeClock clock;
    CollectingSink sink;
    meter::CallObserver observer({host_of(session), "demo", "default", "/home/ada/demo"},
                                 meter::PriceBook::bundled(), sink, clock);
    const auto show = [&](http::Event event) {
        event.stream = 1;
        observer.on_events({event});
        clock.advance(std::chrono::milliseconds(1));
    };
    http::RequestHead request{"GET", target_of(session), 1, {}};
    request.headers.add("Upgrade", "websocket");
    http::ResponseHead response{101, 1, "", {}};
    response.headers.add("Upgrade", "websocket");
    if (form.is_compressed) {
        response.headers.add("Sec-WebSocket-Extensions",
                             form.keeps_context ? "permessage-deflate"
                                                : "permessage-deflate; client_no_context_takeover; "
                                                  "server_no_context_takeover");
    }
    http::Event head{Kind::request_head};
    head.request = &request;
    show(head);
    show(http::Event{Kind::request_end});
    http::Event answer{Kind::response_head};
    answer.response = &response;
    show(answer);
    show(http::Event{Kind::upgraded});
    Deflater client(form.keeps_context), provider(form.keeps_context);
    for (const Message& message : session.messages) {
        const std::string payload =
            form.is_compressed ? (message.is_sent ? client : provider).compress(message.text)
                               : message.text;
        const std::string wire = to_wire(payload, message.is_sent, form);
        for (const auto piece : cut_every(wire, form.piece_bytes)) {
            const std::string copy(piece);
            http::Event event{Kind::socket_bytes};
            event.direction =
                message.is_sent ? http::Direction::to_upstream : http::Direction::to_client;
            event.bytes = copy;
            show(event);
        }
    }
    observer.on_failure(Error{ErrorKind::closed, Leg::client, "the end of the recording"});
    return std::move(sink.calls);
}

// What is wrong with the rows, empty when nothing is.
std::string compare(const Session& session, const std::vector<meter::CallRecord>& rows) {
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
    for (const Session& session : load_sessions(*folder)) {
        std::string wrong;
        for (const Form& form :
             {Form{}, Form{.piece_bytes = 1}, Form{.is_compressed = true},
              Form{.is_compressed = true, .keeps_context = false},
              Form{.fragment_count = 3, .piece_bytes = 1400},
              Form{.is_compressed = true, .fragment_count = 4, .piece_bytes = 7}})
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
