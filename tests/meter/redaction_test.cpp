#include "meter/redaction.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

const std::string tail = "A1b2C3d4E5f6G7h8I9j0";
const std::string key =
    "sk-"
    "ant-" +
    tail;

std::string redacted(const std::string& text, bool is_stream = false) {
    const auto done = redact(text, std::string::npos, is_stream);
    REQUIRE(done);
    return done->text;
}

std::string encode_base64(const std::string& bytes) {
    static constexpr char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned word = 0;
        for (std::size_t k = 0; k < 3; ++k)
            word =
                word << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k < bytes.size() + 1 ? letters[word >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

}  // namespace

TEST_CASE("redaction: texts, and how many of each kind") {
    const auto done = redact("a " + key + " b " + key + " Bearer abcdef12 c");
    REQUIRE(done);
    CHECK(done->text ==
          "a [REDACTED:anthropic-key] b [REDACTED:anthropic-key] Bearer "
          "[REDACTED:bearer] c");
    CHECK(to_text(done->counts) == "anthropic-key=2 bearer=1");
    CHECK(sum_of(done->counts) == 3);
    CHECK(redacted("") == "");
    CHECK(redacted("nothing\\") == "nothing\\");
    // Once more changes nothing.
    CHECK(redacted(done->text) == done->text);
}

TEST_CASE("redaction: JSON's escapes at any depth") {
    CHECK(redacted(R"({"content":"line\n)" + key + R"(\nend"})") ==
          R"({"content":"line\n[REDACTED:anthropic-key]\nend"})");
    CHECK(redacted(R"({"a":"{\"password\": \"ab\\\"cd\", \"b\": 1}"})") ==
          R"({"a":"{\"password\": \"[REDACTED:password]\", \"b\": 1}"})");
    CHECK(redacted(R"({"a":"{\"x\":\"{\\\"api_key\\\":\\\"abcd12\\\"}\"}"})") ==
          R"({"a":"{\"x\":\"{\\\"api_key\\\":\\\"[REDACTED:api-key]\\\"}\"}"})");
    // Letters may be written as numbers.
    CHECK(redacted(R"({"a":"sk\u002dant\u002D)" + tail + R"("})") ==
          R"({"a":"[REDACTED:anthropic-key]"})");
    CHECK(redacted(R"({\u0022password\u0022:\u0022abcdef\u0022})") ==
          R"({\u0022password\u0022:\u0022[REDACTED:password]\u0022})");
    const std::string begin = R"(-----BEGIN PRIV)"
                              R"(ATE KEY-----\n)";
    CHECK(redacted("{\"k\":\"" + begin +
                   R"(MIIab\/c\nxyz=\n-----END PRIV)"
                   R"(ATE KEY-----\n"})") == R"({"k":"[REDACTED:private-key]\n"})");
    CHECK(redacted(R"(C:\\new\\table and \q \u12)") == R"(C:\\new\\table and \q \u12)");
}

TEST_CASE("redaction: words of base64 that stand for secrets") {
    for (const std::string& inner : {"export KEY=" + key + "\n", "{\"note\":\"x\\n" + key + "\"}",
                                     std::string(70, 'x') + ' ' + key}) {
        const std::string word = encode_base64(inner);
        INFO(word);
        CHECK(redacted("{\"data\":\"" + word + "\"}") == "{\"data\":\"[REDACTED:anthropic-key]\"}");
    }
    // In lines, as mail has it: the secret lies across two.
    const std::string word = encode_base64(std::string(40, 'x') + ' ' + key + std::string(60, ' '));
    CHECK(redacted("a\n" + word.substr(0, 76) + '\n' + word.substr(76) + "\nb") ==
          "a\n[REDACTED:anthropic-key]\nb");
    CHECK(redacted("a\\n" + word.substr(0, 76) + "\\n" + word.substr(76) + "\\nb") ==
          "a\\n[REDACTED:anthropic-key]\\nb");
    const std::string harmless = encode_base64("an ordinary text without anything in it");
    CHECK(redacted(harmless) == harmless);
}

TEST_CASE("redaction: a secret that is said piece by piece") {
    const std::string begin =
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"text\":\"";
    const std::string end = "\"}}\n\n";
    for (std::size_t cut = 1; cut < key.size(); ++cut) {
        const std::string text = begin + "it is " + key.substr(0, cut) + end + begin +
                                 key.substr(cut) + ", really" + end;
        const std::string out = redacted(text, true);
        INFO(cut);
        CHECK(out.find(key.substr(0, 12)) == std::string::npos);
        CHECK(out.find(key.substr(key.size() - 8)) == std::string::npos);
        CHECK(out.find("[REDACTED:anthropic-key]") != std::string::npos);
        CHECK(out.find(", really") != std::string::npos);
    }
    // A letter at a time, two answers beside each other, and a key that is told apart from both.
    std::string text;
    for (const char c : key)
        for (const char* index : {"0", "1"})
            text += std::string("data: {\"choices\":[{\"index\":") + index +
                    ",\"delta\":{\"content\":\"" + c + "\"}}]}\n\n";
    const auto done = redact(text, std::string::npos, true);
    REQUIRE(done);
    CHECK(done->counts.at("anthropic-key") == 2);
    for (const char c : {'A', 'C', 'I'})
        CHECK(done->text.find(std::string("\"content\":\"") + c) == std::string::npos);
    // A request's parts are not a stream.
    CHECK(redacted(begin + "sk-ant" + end + begin + "-abc" + end).find("REDACTED") ==
          std::string::npos);
}

TEST_CASE("redaction: what is kept ends at the cap, and a secret across it goes whole") {
    const std::string text = "before " + key + " after and on";
    for (std::size_t keep = 0; keep <= text.size() + 3; ++keep) {
        INFO(keep);
        const auto done = redact(text, keep);
        REQUIRE(done);
        CHECK(done->text.find("sk-") == std::string::npos);
        CHECK(done->text.find("A1b2") == std::string::npos);
        CHECK(done->counts.size() == (keep > 7 ? 1u : 0u));
        if (keep <= 7) CHECK(done->text == text.substr(0, keep));
    }
    // Not inside of a character.
    CHECK(redact("a\xc3\xa4x", 2)->text == "a");
    CHECK(redact("a\xc3\xa4x", 3)->text == "a\xc3\xa4");
}

TEST_CASE("redaction: a text cut anywhere shows no secret") {
    const std::string text = R"({"messages":[{"content":"use \")" + key +
                             R"(\" and Bearer abcdef123456, https://ann:tr0ub4dor@h/x"}],)" +
                             R"("api_key":"vwxyz12345","j":"ey)"
                             "JhbGciOiJIUzI1NiJ9.ey" +
                             R"(JzdWIiOiIxMjM0NTY3ODkwIn0.abcdefgh"})";
    const std::vector<std::string> secrets{key.substr(7), "abcdef123456", "tr0ub4dor", "vwxyz12345",
                                           "zdWIiOiIxMjM0NTY3ODkwIn0"};
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::string out = redacted(text.substr(0, size), true);
        for (const std::string& secret : secrets) {
            INFO(size << ": " << out);
            CHECK(out.find(secret.substr(0, 4)) == std::string::npos);
        }
    }
}

TEST_CASE("redaction: a body of nothing but secrets is refused") {
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += "Bearer abcdef12 ";
    const auto done = redact(text);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::too_large);
}

TEST_CASE("redaction: words that are whole") {
    for (const char* harmless :
         {"", "gpt-4o", "sk-learn-demo", "claude-cli/2.1.90 (external, cli)", "Bearer",
          "6f9a1c1e-0000-4000-8000-000000000001", "/v1beta/models/gemini-2.5-pro:generateContent",
          "accounts/fireworks/models/llama-v3p1-405b-instruct", "req_011CSHoEeqs5C35K2UUqR7Fy"}) {
        std::string word = harmless;
        redact_word(word);
        CHECK(word == harmless);
        CHECK_FALSE(holds_secret(harmless));
    }
    std::string word = "tool/1.0 (" + key + "; x)";
    CHECK(holds_secret(word));
    redact_word(word);
    CHECK(word == "tool/1.0 ([REDACTED:anthropic-key]; x)");
}
