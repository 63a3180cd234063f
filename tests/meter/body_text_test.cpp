#include "meter/body_text.h"

#include "base/limits.h"
#include "support/aws_message.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

CapturedSide make_side(const std::string& text) {
    CapturedSide side;
    side.held = HeldText(std::make_shared<CaptureBudget>(1 << 26));
    REQUIRE(side.held.append(text));
    side.bytes = text.size();
    return side;
}

const std::string key =
    "sk-"
    "ant-"
    "A1b2C3d4E5f6G7h8I9j0";

}  // namespace

TEST_CASE("body text: redacted, with its size and kinds") {
    auto side = make_side("{\"a\":\"" + key + "\"}");
    side.content_type = "application/json";
    const auto body = to_body_text(side, false);
    REQUIRE(body);
    CHECK(body->text == "{\"a\":\"[REDACTED:anthropic-key]\"}");
    CHECK(body->bytes == side.bytes);
    CHECK_FALSE(body->is_truncated);
    CHECK(body->content_type == "application/json");
    CHECK(body->redactions.at("anthropic-key") == 1);
    CHECK(to_body_text(make_side(""), true)->text.empty());
}

TEST_CASE("body text: cut at the cap, and a secret across it is seen whole") {
    const std::string head(limits::body_bytes_max - 10, 'x');
    auto side = make_side(head + ' ' + key + " more");
    const auto body = to_body_text(side, false);
    REQUIRE(body);
    CHECK(body->text == head + " [REDACTED:anthropic-key]");
    CHECK(body->is_truncated);
    // More than was held.
    side = make_side("abc");
    side.bytes = 10;
    CHECK(to_body_text(side, false)->is_truncated);
    CHECK_FALSE(to_body_text(make_side(head), false)->is_truncated);
}

TEST_CASE("body text: what is no text is dropped, and media are counted") {
    CHECK(to_body_text(make_side(std::string("a\0b", 3)), false).error().kind ==
          ErrorKind::unsupported);
    CHECK_FALSE(to_body_text(make_side("\xff\xd8\xff\xe0 jpeg"), true));
    CHECK(to_body_text(make_side("caf\xc3\xa9 " + std::string(100, 'x') + " caf\xe9"), true));
    CHECK(to_body_text(make_side("cut in \xe2\x82"), true));
    CapturedSide media;
    media.is_media = true;
    media.bytes = 7;
    const auto body = to_body_text(media, true);
    REQUIRE(body);
    CHECK(body->text.empty());
    CHECK(body->bytes == 7);
    CHECK(body->is_truncated);
}

TEST_CASE("body text: the messages of an AWS event stream become lines, searched like others") {
    // {"bytes":"<base64 of {"k":"sk-ant-..."}>"}, and a plain event.
    const std::string inner = "eyJrIjoic2stYW50LUExYjJDM2Q0RTVmNkc3SDhJOWowIn0=";
    const std::string stream =
        test::aws_event("chunk", "{\"bytes\":\"" + inner + "\"}") +
        test::aws_event("contentBlockDelta",
                        "{\"delta\":{\"text\":\"" + key.substr(0, 9) + "\"}}") +
        test::aws_event("contentBlockDelta", "{\"delta\":{\"text\":\"" + key.substr(9) + "\"}}");
    const auto body = to_body_text(make_side(stream), true);
    REQUIRE(body);
    CHECK(body->text ==
          "{\"k\":\"[REDACTED:anthropic-key]\"}\n"
          "{\"delta\":{\"text\":\"[REDACTED:anthropic-key]\"}}\n{\"delta\":{\"text\":\"\"}}\n");
    // Cut inside of a message: what is whole of it.
    const auto cut = to_body_text(make_side(stream.substr(0, stream.size() - 9)), true);
    REQUIRE(cut);
    CHECK(cut->text.find("\"k\"") != std::string::npos);
    CHECK(cut->text.find("A1b2") == std::string::npos);
}
