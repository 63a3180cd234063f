#include "meter/socket_session.h"

#include <cmath>
#include <string>

#include "base/limits.h"
#include "meter/providers/shapes/sockets.h"
#include "support/catch.h"
#include "support/fake_clock.h"
#include "support/feed.h"
#include "support/websocket.h"

using namespace halton;
using namespace halton::meter;
using test::frame;
using test::Op;

namespace {

struct Said {
    bool is_client;
    std::string text;
};
using Talk = std::vector<Said>;
using Lines = std::vector<std::string>;

Said client(std::string text) { return {true, std::move(text)}; }
Said provider(std::string text) { return {false, std::move(text)}; }

http::HeaderList headers(const std::string& extensions = {}) {
    http::HeaderList list;
    if (!extensions.empty()) list.add("Sec-WebSocket-Extensions", extensions);
    return list;
}

std::string to_line(const Turn& turn) {
    const TokenUsage& usage = turn.reading.usage;
    std::string line = turn.reading.model;
    if (turn.requested_model != turn.reading.model) line += " asked=" + turn.requested_model;
    if (!turn.id.empty()) line += " id=" + turn.id;
    if (turn.reading.kind) line += " kind=" + std::string(name_of(*turn.reading.kind));
    if (turn.reading.has_usage) {
        line += ' ' + std::to_string(usage.input) + '/' + std::to_string(usage.output);
    }
    if (usage.cache_read > 0) line += " cached=" + std::to_string(usage.cache_read);
    if (usage.reasoning > 0) line += " thought=" + std::to_string(usage.reasoning);
    if (usage.audio_input + usage.audio_output > 0) {
        line += " audio=" + std::to_string(usage.audio_input) + '/' +
                std::to_string(usage.audio_output);
    }
    if (usage.web_search_count > 0) line += " searched=" + std::to_string(usage.web_search_count);
    for (const PlanLimit& limit : turn.reading.plan_limits)
        line += " used=" + std::to_string(std::lround(limit.used_fraction.value_or(0) * 100)) + '%';
    if (usage.audio_input_ms > 0) line += " heard_ms=" + std::to_string(usage.audio_input_ms);
    if (!turn.begun_at) line += " waiting";
    if (!turn.reading.is_ended) line += " cut";
    if (turn.reading.error) line += " error=" + turn.reading.error->code;
    if (turn.error_status != 0) line += " status=" + std::to_string(turn.error_status);
    return line;
}

// The turns of a talk, in the order they ended; what is open at the end is marked as cut.
Lines read(const SocketShape& shape, const Talk& talk, std::size_t piece_bytes = 1'000'000) {
    test::FakeClock clock;
    JsonParser parser;
    SocketSession session(shape, headers(), clock, parser);
    Lines lines;
    const auto note = [&](const std::vector<Turn>& turns) {
        for (const Turn& turn : turns) lines.push_back(to_line(turn));
    };
    for (const Said& said : talk) {
        const std::string wire = said.is_client ? test::sent(said.text) : test::received(said.text);
        for (const auto piece : test::cut_every(wire, piece_bytes)) {
            const std::string copy(piece);
            session.feed(said.is_client ? http::Direction::to_upstream : http::Direction::to_client,
                         copy);
        }
        note(session.take_ended());
    }
    note(session.take_open());
    return lines;
}

Lines read_all_ways(const SocketShape& shape, const Talk& talk) {
    const Lines whole = read(shape, talk);
    for (const std::size_t piece_bytes : {1, 2, 3, 7, 64})
        REQUIRE(read(shape, talk, piece_bytes) == whole);
    return whole;
}

Lines codex(const Talk& talk) { return read_all_ways(sockets::openai_responses, talk); }
Lines realtime(const Talk& talk) { return read_all_ways(sockets::openai_realtime, talk); }
Lines gemini(const Talk& talk) { return read_all_ways(sockets::gemini_live, talk); }

const Said ask = client(
    R"({"type":"response.create","model":"gpt-5-codex","store":false,"input":[{"role":"user"}]})");
const Said warm_up =
    client(R"({"type":"response.create","model":"gpt-5-codex","generate":false,"input":[]})");

Said begun(const std::string& id) {
    return provider(R"({"type":"response.created","response":{"id":")" + id +
                    R"(","status":"in_progress","model":"gpt-5-codex","usage":null}})");
}
Said delta() {
    return provider(R"({"type":"response.output_text.delta","delta":"\"usage\": {} }"})");
}
Said ended(const std::string& id, const std::string& usage, const std::string& what = "completed") {
    return provider(R"({"type":"response.)" + what + R"(","response":{"id":")" + id +
                    R"(","model":"gpt-5-codex","output":[{"usage":{"input_tokens":9}}],"usage":)" +
                    usage + "}}");
}
const std::string some =
    R"({"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":20,)"
    R"("output_tokens_details":{"reasoning_tokens":8},"total_tokens":120})";

}  // namespace

TEST_CASE("codex: each answer on a socket is a turn") {
    CHECK(codex({ask, begun("r1"), delta(), ended("r1", some)}) ==
          Lines{"gpt-5-codex id=r1 100/20 cached=60 thought=8"});
    CHECK(codex({ask, begun("r1"), ended("r1", some), ask, begun("r2"),
                 ended("r2", R"({"input_tokens":7,"output_tokens":1})", "incomplete"), ask,
                 begun("r3"), ended("r3", some)}) ==
          Lines{"gpt-5-codex id=r1 100/20 cached=60 thought=8", "gpt-5-codex id=r2 7/1",
                "gpt-5-codex id=r3 100/20 cached=60 thought=8"});
    // Without its beginning, and without the client's side.
    CHECK(codex({ended("r1", some)}) ==
          Lines{"gpt-5-codex asked= id=r1 100/20 cached=60 thought=8"});
}

TEST_CASE("codex: a warm-up is a call only when it counts") {
    CHECK(codex({warm_up, begun("w"), ended("w", "null"), ask, begun("r"), ended("r", some)}) ==
          Lines{"gpt-5-codex id=r 100/20 cached=60 thought=8"});
    CHECK(codex({warm_up, begun("w"),
                 ended("w", R"({"input_tokens":0,"output_tokens":0,"total_tokens":0})")}) ==
          Lines{});
    CHECK(codex({warm_up, begun("w"), ended("w", R"({"input_tokens":5,"output_tokens":0})")}) ==
          Lines{"gpt-5-codex id=w 5/0"});
    CHECK(codex({warm_up}) == Lines{});
    CHECK(codex({warm_up, begun("w")}) == Lines{});
}

TEST_CASE("codex: an error ends the turn that runs, else the one that waits") {
    const Said limit =
        provider(R"({"type":"error","status":429,"error":{"type":"rate_limit_error",)"
                 R"("code":"rate_limit_exceeded","message":"slow down"}})");
    CHECK(codex({ask, limit}) == Lines{"gpt-5-codex waiting error=rate_limit_exceeded status=429"});
    CHECK(codex({ask, begun("r"), limit, ask, begun("s"), ended("s", some)}) ==
          Lines{"gpt-5-codex id=r error=rate_limit_exceeded status=429",
                "gpt-5-codex id=s 100/20 cached=60 thought=8"});
    CHECK(codex({limit}) == Lines{});
    CHECK(codex({ask, provider(R"({"type":"error","code":"server_error","message":"x"})")}) ==
          Lines{"gpt-5-codex waiting error=server_error"});
    CHECK(codex({ask, begun("r"),
                 provider(R"({"type":"response.failed","response":{"id":"r","usage":null,)"
                          R"("error":{"code":"server_error","message":"x"}}})")}) ==
          Lines{"gpt-5-codex id=r error=server_error"});
}

TEST_CASE("codex: what the end of the socket cuts is a turn, cut") {
    CHECK(codex({ask}) == Lines{"gpt-5-codex waiting cut"});
    CHECK(codex({ask, begun("r"), delta()}) == Lines{"gpt-5-codex id=r cut"});
    // A later turn may leave the model out.
    CHECK(codex({ask, begun("r"), ended("r", some), client(R"({"type":"response.create"})")}) ==
          Lines{"gpt-5-codex id=r 100/20 cached=60 thought=8", "gpt-5-codex waiting cut"});
}

TEST_CASE("what is no known message is stepped over") {
    CHECK(codex({client("ping"), client(""), client("[1,2]"), client(R"({"type":7})"),
                 provider(R"({"type":"codex.rate_limits","rate_limits":{}})"), provider("{\"type"),
                 provider(R"({"type":"response.completed"} {"type":"response.completed"})"), ask,
                 begun("r"), provider("\xff\xfe"), ended("r", some)}) ==
          Lines{"", "gpt-5-codex id=r 100/20 cached=60 thought=8"});
}

TEST_CASE("turns that never end are given up, one by one") {
    Talk talk(limits::socket_turns_max + 2, ask);
    const Lines lines = read(sockets::openai_responses, talk);
    CHECK(lines == Lines(talk.size(), "gpt-5-codex waiting cut"));
}

namespace {

const Said session =
    provider(R"({"type":"session.created","session":{"type":"realtime","model":"gpt-realtime",)"
             R"("audio":{"input":{"transcription":null}}}})");
const Said with_transcription =
    provider(R"({"type":"session.updated","session":{"model":"gpt-realtime",)"
             R"("audio":{"input":{"transcription":{"model":"gpt-4o-transcribe"}}}}})");
const Said speak = client(R"({"type":"response.create"})");
Said spoken(const std::string& id) {
    return provider(R"({"type":"response.done","response":{"id":")" + id +
                    R"(","status":"completed","status_details":null,"usage":{"total_tokens":61,)"
                    R"("input_tokens":16,"output_tokens":45,"input_token_details":{)"
                    R"("text_tokens":10,"audio_tokens":6,"cached_tokens":4},)"
                    R"("output_token_details":{"text_tokens":14,"audio_tokens":31}}}})");
}
Said starts(const std::string& id) {
    return provider(R"({"type":"response.created","response":{"id":")" + id +
                    R"(","status":"in_progress","usage":null}})");
}

}  // namespace

TEST_CASE("realtime: answers that were asked for, and that were not") {
    const std::string counts = " 16/45 cached=4 audio=6/31";
    CHECK(realtime({session, speak, starts("a"), spoken("a"), starts("b"), spoken("b")}) ==
          Lines{"gpt-realtime id=a" + counts, "gpt-realtime id=b" + counts});
    // Two at once, ended in the other order.
    CHECK(realtime({session, speak, speak, starts("a"), starts("b"), spoken("b"), spoken("a")}) ==
          Lines{"gpt-realtime id=b" + counts, "gpt-realtime id=a" + counts});
    // Some count nothing.
    CHECK(realtime({session, speak, starts("a"),
                    provider(R"({"type":"response.done","response":{"id":"a","usage":{}}})")}) ==
          Lines{"gpt-realtime id=a"});
    CHECK(realtime({session, starts("a")}) == Lines{"gpt-realtime id=a cut"});
}

TEST_CASE("realtime: transcriptions are charged apart, to their own model") {
    CHECK(
        realtime({session, with_transcription,
                  provider(R"({"type":"input_audio_buffer.committed","item_id":"i"})"), starts("a"),
                  provider(R"({"type":"conversation.item.input_audio_transcription.completed",)"
                           R"("usage":{"type":"tokens","input_tokens":26,"output_tokens":9,)"
                           R"("input_token_details":{"audio_tokens":26}}})"),
                  provider(R"({"type":"conversation.item.input_audio_transcription.completed",)"
                           R"("usage":{"type":"duration","seconds":3}})"),
                  provider(R"({"type":"conversation.item.input_audio_transcription.failed",)"
                           R"("error":{"type":"server_error","code":"x"}})"),
                  spoken("a")}) == Lines{"gpt-4o-transcribe kind=audio 26/9 audio=26/0",
                                         "gpt-4o-transcribe kind=audio 0/0 heard_ms=3000",
                                         "gpt-4o-transcribe kind=audio error=x",
                                         "gpt-realtime id=a 16/45 cached=4 audio=6/31"});
}

TEST_CASE("realtime: only an error about the asking ends a turn") {
    const Said named = client(R"({"type":"response.create","event_id":"e7"})");
    const auto error = [](const std::string& cause) {
        return provider(R"({"type":"error","event_id":"x","error":{"type":"invalid_request_error",)"
                        R"("code":"conversation_already_has_active_response","event_id":)" +
                        cause + "}}");
    };
    CHECK(realtime({session, starts("a"), named, error("\"e7\""), spoken("a")}) ==
          Lines{"gpt-realtime waiting error=conversation_already_has_active_response",
                "gpt-realtime id=a 16/45 cached=4 audio=6/31"});
    CHECK(realtime({session, named, error("\"e6\""), error("null"), starts("a"), spoken("a")}) ==
          Lines{"gpt-realtime id=a 16/45 cached=4 audio=6/31"});
    CHECK(realtime({session, speak, error("null")}) ==
          Lines{"gpt-realtime waiting error=conversation_already_has_active_response"});
    CHECK(realtime({session, starts("a"), error("null"), spoken("a")}).size() == 1);
    CHECK(realtime({session, starts("a"),
                    provider(R"({"type":"response.done","response":{"id":"a","status":"failed",)"
                             R"("status_details":{"type":"failed","error":{"type":"server_error",)"
                             R"("code":"session_expired"}},"usage":null}})")}) ==
          Lines{"gpt-realtime id=a error=session_expired"});
}

TEST_CASE("gemini live: a turn lasts until it is complete") {
    const Said setup =
        client(R"({"setup":{"model":"models/gemini-live-x","generationConfig":{}}})");
    const Said asked = client(R"({"client_content":{"turns":[],"turnComplete":true}})");
    const Said sound = provider(
        R"({"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm"}}]}}})");
    const Said complete = provider(
        R"({"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":1150,)"
        R"("responseTokenCount":85,"thoughtsTokenCount":28,"responseTokensDetails":[)"
        R"({"modality":"AUDIO","tokenCount":85}]}})");
    const std::string counts = "gemini-live-x 1150/85 thought=28 audio=0/85";
    CHECK(gemini({setup, provider(R"({"setupComplete":{}})"), asked, sound, sound,
                  provider(R"({"serverContent":{"generationComplete":true}})"), complete, asked,
                  sound, complete}) == Lines{counts, counts});
    // Nobody asked: the model heard a pause. A call of a tool is a part of the turn.
    CHECK(gemini({setup, client(R"({"realtimeInput":{"audio":{"data":"AA=="}}})"),
                  provider(R"({"serverContent":{"inputTranscription":{"text":"hi"}}})"),
                  provider(R"({"toolCall":{"functionCalls":[{"name":"f","args":{}}]}})"), sound,
                  complete, complete, provider(R"({"serverContent":{"turnComplete":true}})")}) ==
          Lines{counts, counts});
    CHECK(gemini({setup, asked, sound}) == Lines{"gemini-live-x cut"});
    CHECK(gemini({client(R"({"setup":{"model":"a/b/models/gemini-live-x"}})"),
                  provider(R"({"usageMetadata":{"promptTokenCount":2}})"),
                  provider(R"({"goAway":{"timeLeft":"5s"}})")}) == Lines{"gemini-live-x 2/0"});
}

TEST_CASE("a session reads compressed messages and knows who closed it") {
    test::FakeClock clock;
    JsonParser parser;
    SocketSession session_(sockets::openai_responses,
                           headers("permessage-deflate; client_no_context_takeover"), clock,
                           parser);
    test::Deflater client_side(false), provider_side;
    session_.feed(http::Direction::to_upstream, frame(Op::text, client_side.compress(ask.text),
                                                      {.is_compressed = true, .is_masked = true}));
    clock.advance(std::chrono::milliseconds(30));
    for (const Said& said : {begun("r"), delta(), ended("r", some)}) {
        session_.feed(http::Direction::to_client,
                      frame(Op::text, provider_side.compress(said.text), {.is_compressed = true}));
        clock.advance(std::chrono::milliseconds(5));
    }
    const auto turns = session_.take_ended();
    REQUIRE(turns.size() == 1);
    CHECK(to_line(turns[0]) == "gpt-5-codex id=r 100/20 cached=60 thought=8");
    CHECK(*turns[0].begun_at - turns[0].asked_at.steady == std::chrono::milliseconds(30));
    CHECK_FALSE(session_.closed_by());
    session_.feed(http::Direction::to_upstream, frame(Op::close, "", {.is_masked = true}));
    CHECK_FALSE(session_.is_closed());
    session_.feed(http::Direction::to_client, frame(Op::close, ""));
    CHECK(session_.is_closed());
    CHECK(session_.closed_by() == http::Direction::to_upstream);
}

TEST_CASE("a session that cannot be read is blind and says so") {
    test::FakeClock clock;
    JsonParser parser;
    SocketSession strange(sockets::openai_responses, headers("x-other"), clock, parser);
    CHECK(strange.is_blind());
    strange.feed(http::Direction::to_client, test::received(ended("r", some).text));
    CHECK(strange.take_ended().empty());

    SocketSession broken(sockets::openai_responses, headers(), clock, parser);
    broken.feed(http::Direction::to_upstream, test::sent(ask.text));
    broken.feed(http::Direction::to_upstream, "\xff\xff\xff");
    CHECK_FALSE(broken.is_blind());  // the provider's side is what counts
    broken.feed(http::Direction::to_client, test::received(begun("r").text));
    broken.feed(http::Direction::to_client, "\xff\xff\xff");
    CHECK(broken.is_blind());
    const auto cut = broken.take_open();
    REQUIRE(cut.size() == 1);
    CHECK(to_line(cut[0]) == "gpt-5-codex id=r cut");
}

TEST_CASE("sockets: limits of a plan and searches belong to the turn that runs") {
    const Said limits = provider(
        R"({"type":"codex.rate_limits","plan_type":"plus","rate_limits":{"primary":)"
        R"({"used_percent":42,"window_minutes":300}}})");
    const Said searched = provider(
        R"({"type":"response.completed","response":{"id":"r1","model":"gpt-5-codex","output":)"
        R"([{"type":"web_search_call","action":{"type":"search"}},)"
        R"({"type":"web_search_call","action":{"type":"open_page"}}],"usage":)" +
        some + "}}");
    const Lines told = codex({ask, limits, begun("r1"), delta(), searched, ask, begun("r2"),
                              ended("r2", some)});
    REQUIRE(told.size() == 2);
    CHECK(told[0].find(" searched=1 used=42%") != std::string::npos);
    CHECK(told[1].find("searched") == std::string::npos);
    CHECK(told[1].find("used=") == std::string::npos);
    // Nobody's turn: nothing to keep it with.
    CHECK(codex({limits}).empty());
}

TEST_CASE("gemini live: searches belong to the turn that made them") {
    const Said setup = client(R"({"setup":{"model":"models/gemini-live-x"}})");
    const Said asked = client(R"({"clientContent":{"turnComplete":true}})");
    const Said said = provider(R"({"serverContent":{"modelTurn":{"parts":[{"text":"a"}]}}})");
    const Said searched =
        provider(R"({"serverContent":{"groundingMetadata":{"webSearchQueries":["a","b"]}}})");
    const Said complete =
        provider(R"({"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":9,)"
                 R"("responseTokenCount":2}})");
    CHECK(gemini({setup, asked, said, searched, searched, complete, asked, said, complete}) ==
          Lines{"gemini-live-x 9/2 searched=2", "gemini-live-x 9/2"});
    // Told with the end, and behind it, where it is no turn of its own.
    CHECK(gemini({setup, asked, said,
                  provider(R"({"serverContent":{"turnComplete":true,"groundingMetadata":{)"
                           R"("webSearchQueries":["a"]}},"usageMetadata":{"promptTokenCount":9,)"
                           R"("responseTokenCount":2}})"),
                  searched}) == Lines{"gemini-live-x 9/2 searched=1"});
}

TEST_CASE("realtime: searches of the provider's own are counted") {
    CHECK(realtime({session, speak, starts("a"),
                    provider(R"({"type":"response.done","response":{"id":"a","output":[)"
                             R"({"type":"web_search_call","action":{"type":"search"}},)"
                             R"({"type":"message"}],"usage":{"input_tokens":3,)"
                             R"("output_tokens":1}}})")}) ==
          Lines{"gpt-realtime id=a 3/1 searched=1"});
}

TEST_CASE("realtime: the modality of what was cached is kept") {
    test::FakeClock clock;
    JsonParser parser;
    SocketSession talk(sockets::openai_realtime, headers(), clock, parser);
    talk.feed(
        http::Direction::to_client,
        test::received(R"({"type":"response.done","response":{"id":"a","usage":{)"
                       R"("input_tokens":139,"output_tokens":61,"input_token_details":{)"
                       R"("audio_tokens":90,"image_tokens":6,"cached_tokens":70,)"
                       R"("cached_tokens_details":{"audio_tokens":60,"image_tokens":4}}}}})"));
    const auto turns = talk.take_ended();
    REQUIRE(turns.size() == 1);
    const TokenUsage& usage = turns[0].reading.usage;
    CHECK(usage.cache_read == 70);
    CHECK(usage.audio_cache_read == 60);
    CHECK(usage.image_cache_read == 4);
    CHECK(usage.has_cache_modalities);
}
