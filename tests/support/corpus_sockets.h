// The recorded WebSocket sessions of the corpus and how they are played to the observer.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/corpus.h"
#include "support/feed.h"
#include "support/websocket.h"

namespace halton::test {

struct SocketMessage {
    bool is_sent = false;
    std::string text;
};

// One usage object of a recording, as it stands there; in the order of the recording.
struct ToldTurn {
    bool is_transcription = false;
    bool is_counted = false;
    std::int64_t input = 0, output = 0, reasoning = 0, cache_read = 0;
    std::int64_t audio_in = 0, audio_out = 0, image_in = 0, audio_cached = 0, image_cached = 0;
    std::int64_t tool = 0, milliseconds = 0;
};

namespace detail {

inline std::int64_t count_modality(JsonView list, std::string_view modality) {
    std::int64_t count = 0;
    list.for_each_element([&](JsonView part) {
        if (part["modality"].as_string() == modality)
            count += part["tokenCount"].as_integer().value_or(0);
    });
    return count;
}

inline ToldTurn read_told_turn(JsonView entry) {
    ToldTurn told;
    const std::string event = to_string(entry["event"]);
    told.is_transcription = event.find("transcription") != std::string::npos;
    const JsonView usage = entry["usage"];
    const auto count = [](JsonView object, std::string_view key) {
        return object[key].as_integer().value_or(0);
    };
    usage.for_each_member([&](std::string_view, JsonView) { told.is_counted = true; });
    if (event == "usageMetadata") {
        told.input = count(usage, "promptTokenCount");
        for (const char* name : {"responseTokenCount", "candidatesTokenCount"})
            if (told.output == 0) told.output = count(usage, name);
        told.reasoning = count(usage, "thoughtsTokenCount");
        told.cache_read = count(usage, "cachedContentTokenCount");
        told.tool = count(usage, "toolUsePromptTokenCount");
        told.audio_in = count_modality(usage["promptTokensDetails"], "AUDIO");
        told.image_in = count_modality(usage["promptTokensDetails"], "IMAGE");
        for (const char* name : {"responseTokensDetails", "candidatesTokensDetails"})
            told.audio_out += count_modality(usage[name], "AUDIO");
        told.audio_cached = count_modality(usage["cacheTokensDetails"], "AUDIO");
        told.image_cached = count_modality(usage["cacheTokensDetails"], "IMAGE");
        return told;
    }
    told.input = count(usage, "input_tokens");
    told.output = count(usage, "output_tokens");
    const JsonView in = usage["input_token_details"];
    told.audio_in = count(in, "audio_tokens");
    told.image_in = count(in, "image_tokens");
    told.cache_read = count(in, "cached_tokens");
    told.audio_cached = count(in["cached_tokens_details"], "audio_tokens");
    told.image_cached = count(in["cached_tokens_details"], "image_tokens");
    told.audio_out = count(usage["output_token_details"], "audio_tokens");
    told.milliseconds = count(usage, "seconds") * 1000;
    return told;
}

}  // namespace detail

struct RecordedSession {
    std::string id;
    std::string provider;
    std::vector<SocketMessage> messages;
    CorpusExpectation expected;
    std::vector<ToldTurn> told;
    int answer_count = 0;         // that were counted, or said to count nothing
    int transcription_count = 0;  // likewise
};

inline bool is_gemini(const RecordedSession& session) {
    return session.messages.front().text.starts_with(R"({"setup")");
}

inline std::string host_of(const RecordedSession& session) {
    if (is_gemini(session)) return "generativelanguage.googleapis.com";
    if (session.provider == "azure") return "someone.openai.azure.com";
    return session.provider == "xai" ? "api.x.ai" : "api.openai.com";
}

inline std::string target_of(const RecordedSession& session) {
    return is_gemini(session)
               ? "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
           : session.provider == "azure" ? "/openai/v1/realtime?model=recorded"
                                         : "/v1/realtime?model=recorded";
}

inline std::vector<RecordedSession> load_sessions(const std::filesystem::path& folder) {
    std::map<std::string, RecordedSession> expected;
    detail::for_each_line(folder / "expected.jsonl", [&](JsonView item) {
        if (item["api"].as_string() != "realtime.websocket") return;
        RecordedSession session;
        session.expected = detail::read_expectation(item);
        item["usage_raw"].for_each_element([&](JsonView usage) {
            const ToldTurn& turn = session.told.emplace_back(detail::read_told_turn(usage));
            ++(turn.is_transcription ? session.transcription_count : session.answer_count);
        });
        expected[detail::to_string(item["id"])] = std::move(session);
    });
    std::vector<RecordedSession> sessions;
    detail::for_each_line(folder / "corpus-realtime.jsonl", [&](JsonView item) {
        RecordedSession& session =
            sessions.emplace_back(expected.at(detail::to_string(item["id"])));
        session.id = detail::to_string(item["id"]);
        session.provider = detail::to_string(item["provider"]);
        item["frames"].for_each_element([&](JsonView frame) {
            session.messages.push_back(
                {frame["direction"].as_string() == "sent", detail::to_string(frame["text"])});
        });
    });
    return sessions;
}

struct WireForm {
    bool is_compressed = false;
    bool keeps_context = true;
    std::size_t fragment_count = 1;
    std::size_t piece_bytes = 1'000'000;
};

inline std::string to_wire(const std::string& payload, bool is_sent, const WireForm& form) {
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

inline std::vector<meter::CallRecord> play(const RecordedSession& session, const WireForm& form) {
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
    for (const SocketMessage& message : session.messages) {
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

}  // namespace halton::test
