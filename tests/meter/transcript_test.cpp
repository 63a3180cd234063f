#include "meter/transcript.h"

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using meter::TranscriptCall;
using meter::TranscriptKind;
using meter::TranscriptReader;

namespace {

// One line of Claude Code for one piece of an answer.
std::string claude_line(const std::string& request, int output, const char* stop = "null",
                        const char* more = "") {
    return R"({"parentUuid":null,"isSidechain":false,"cwd":"/home/you/shop","sessionId":"s-1",)"
           R"("version":"2.1.330","gitBranch":"main","type":"assistant","message":{"id":"msg_)" +
           request +
           R"(","type":"message","role":"assistant","model":"claude-sonnet-4-5",)"
           R"("content":[{"type":"text","text":"words"}],"stop_reason":)" +
           stop +
           R"(,"usage":{"input_tokens":4,"cache_creation_input_tokens":30,)"
           R"("cache_read_input_tokens":200,"cache_creation":{"ephemeral_5m_input_tokens":10,)"
           R"("ephemeral_1h_input_tokens":20},"output_tokens":)" +
           std::to_string(output) + R"(,"service_tier":"standard"}},"requestId":"req_)" + request +
           R"(",)" + more + R"("uuid":"u","timestamp":"2026-11-20T10:00:00.123Z"})";
}

std::string codex_count(int total, int input, int cached, int output, const char* limits = "null") {
    return R"({"timestamp":"2026-11-20T10:00:01.000Z","type":"event_msg","payload":{)"
           R"("type":"token_count","info":{"total_token_usage":{"input_tokens":)" +
           std::to_string(total - output) + R"(,"output_tokens":)" + std::to_string(output) +
           R"(,"total_tokens":)" + std::to_string(total) +
           R"(},"last_token_usage":{"input_tokens":)" + std::to_string(input) +
           R"(,"cached_input_tokens":)" + std::to_string(cached) + R"(,"output_tokens":)" +
           std::to_string(output) +
           R"(,"reasoning_output_tokens":3,"total_tokens":9}},"rate_limits":)" + limits + "}}";
}

const char* const codex_meta =
    R"({"timestamp":"2026-11-20T09:00:00.000Z","type":"session_meta","payload":{"id":"t-1",)"
    R"("cwd":"/home/you/shop","cli_version":"0.169.0","git":{"branch":"main"}}})";
const char* const codex_turn =
    R"({"timestamp":"2026-11-20T09:00:00.000Z","type":"turn_context","payload":{"model":"gpt-5"}})";

std::vector<TranscriptCall> read(TranscriptKind kind, const std::vector<std::string>& lines,
                                 std::int64_t malformed = 0) {
    TranscriptReader reader(kind);
    for (const auto& line : lines) reader.read(line);
    CHECK(reader.malformed_count() == malformed);
    return reader.take(true);
}

}  // namespace

TEST_CASE("transcript: pieces of one answer are one call, with the last counts") {
    const auto calls = read(TranscriptKind::claude_code,
                            {R"({"type":"summary","summary":"x"})", claude_line("1", 1),
                             claude_line("2", 1), claude_line("1", 90, "\"end_turn\""),
                             R"({"type":"user","message":{"content":"say \"usage\""}})"});
    REQUIRE(calls.size() == 2);
    const auto& call = calls[0].call;
    CHECK(call.provider_request_id == "req_1");
    CHECK(call.usage.output == 90);
    CHECK(call.usage.input == 4);
    CHECK(call.usage.cache_read == 200);
    CHECK(call.usage.cache_write == 30);
    CHECK(call.usage.cache_write_1h == 20);
    CHECK(call.tokens_complete);
    CHECK_FALSE(calls[1].call.tokens_complete);
    CHECK(call.model == "claude-sonnet-4-5");
    CHECK(call.client.session_id == "s-1");
    CHECK(call.client.tool == "claude-code");
    CHECK(call.client.version == "2.1.330");
    CHECK(call.git_branch == "main");
    CHECK(calls[0].folder == "/home/you/shop");
    CHECK(to_iso8601(call.requested_at) == "2026-11-20T10:00:00.123000Z");
    CHECK(call.has_usage);
    CHECK_FALSE(calls[0].is_plan_told);
}

TEST_CASE("transcript: a copy in another file has the same id, another call has not") {
    const auto once = read(TranscriptKind::claude_code, {claude_line("1", 90)});
    const auto again =
        read(TranscriptKind::claude_code, {claude_line("2", 5), claude_line("1", 90)});
    CHECK(once[0].call.id == again[1].call.id);
    CHECK(once[0].call.id != again[0].call.id);
    CHECK(once[0].call.id.size() == 36);
    CHECK(once[0].call.id[14] == '8');
}

TEST_CASE("transcript: what the tool made up, and what makes no sense") {
    auto synthetic = claude_line("1", 1);
    synthetic.replace(synthetic.find("claude-sonnet-4-5"), 17, "<synthetic>");
    auto nameless = claude_line("1", 1);
    nameless.replace(nameless.find("requestId"), 9, "requestXx");
    nameless.replace(nameless.find("\"id\""), 4, "\"xx\"");
    const auto calls = read(TranscriptKind::claude_code,
                            {synthetic, nameless, "", "{\"usage\":", "half a li",
                             R"({"type":"assistant","message":{"model":7,"usage":{}}})",
                             R"({"usage":{}})", "[\"usage\"]", claude_line("9", 2)},
                            4);
    REQUIRE(calls.size() == 1);
    CHECK(calls[0].call.provider_request_id == "req_9");
}

TEST_CASE("transcript: open answers are bounded, the oldest is given out first") {
    TranscriptReader reader(TranscriptKind::claude_code);
    for (std::size_t i = 0; i < limits::transcript_open_max + 3; ++i)
        reader.read(claude_line(std::to_string(i), 1));
    const auto some = reader.take(false);
    REQUIRE(some.size() == 3);
    CHECK(some[0].call.provider_request_id == "req_0");
    CHECK(reader.take(true).size() == limits::transcript_open_max);
    CHECK(reader.take(true).empty());
}

TEST_CASE("transcript: Codex counts each answer once") {
    const auto calls =
        read(TranscriptKind::codex,
             {codex_meta, codex_turn, codex_count(110, 100, 40, 10), codex_count(110, 100, 40, 10),
              codex_count(260, 140, 100, 20),
              R"({"type":"event_msg","payload":{"type":"token_count","info":null}})"});
    REQUIRE(calls.size() == 2);
    const auto& call = calls[0].call;
    CHECK(call.provider == "openai");
    CHECK(call.model == "gpt-5");
    CHECK(call.usage.input == 100);
    CHECK(call.usage.cache_read == 40);
    CHECK(call.usage.output == 10);
    CHECK(call.usage.reasoning == 3);
    CHECK(call.usage.input_includes_cache);
    CHECK(call.client.session_id == "t-1");
    CHECK(call.billing == meter::BillingMode::metered);
    CHECK(calls[1].call.usage.input == 140);
    CHECK(calls[0].call.id != calls[1].call.id);
}

TEST_CASE("transcript: Codex says when a plan pays, and a fork repeats another's calls") {
    const auto parent =
        read(TranscriptKind::codex,
             {codex_meta, codex_turn, codex_count(110, 100, 0, 10, R"({"plan_type":"pro"})")});
    REQUIRE(parent.size() == 1);
    CHECK(parent[0].call.billing == meter::BillingMode::plan);
    CHECK(parent[0].is_plan_told);
    std::string own = codex_meta;
    own.replace(own.find("t-1"), 3, "t-2");
    const auto fork =
        read(TranscriptKind::codex,
             {own, codex_meta, codex_turn, codex_count(110, 100, 0, 10, R"({"plan_type":"pro"})"),
              codex_count(300, 100, 0, 90)});
    REQUIRE(fork.size() == 2);
    CHECK(fork[0].call.id == parent[0].call.id);
}
