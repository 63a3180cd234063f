#include "meter/request_reader.h"

#include <utility>

#include "support/catch.h"
#include "support/feed.h"

using namespace halton;

namespace {

std::pair<std::string, bool> read(const std::string& body, const http::HeaderList& headers = {}) {
    return test::feed_all_ways(body, [&](const test::Chunks& chunks) {
        meter::RequestReader reader(headers);
        for (const std::string_view chunk : chunks) reader.feed(chunk);
        return std::pair(reader.model(), reader.wants_stream());
    });
}

}  // namespace

TEST_CASE("a request's model and wish for a stream are read") {
    CHECK(read(R"({"messages":[{"content":"\"model\":\"x\""}],"model":"gpt-4o","stream":true})") ==
          std::pair(std::string("gpt-4o"), true));
    CHECK(read(R"({"model":"m","stream":false})") == std::pair(std::string("m"), false));
    CHECK(read(R"({"model":5})") == std::pair(std::string(), false));
    CHECK(read("").first.empty());
    CHECK(read("not json at all").first.empty());
    CHECK(read(R"({"model":"unfinished)").first.empty());
}

TEST_CASE("where the model has another name, only that one counts") {
    http::HeaderList headers;
    meter::RequestReader reader(headers, true);
    reader.feed(R"({"model":"no","model_id":"ibm/granite","parameters":{"model_id":"no"}})");
    CHECK(reader.model() == "ibm/granite");
    CHECK(read(R"({"model_id":"ibm/granite"})").first.empty());
}

TEST_CASE("a session that the body tells is read, and nothing beside it") {
    const auto read_signals = [](const std::string& body, meter::BodySignals form) {
        return test::feed_all_ways(body, [&](const test::Chunks& chunks) {
            meter::RequestReader reader({}, false, form);
            for (const std::string_view chunk : chunks) reader.feed(chunk);
            meter::ClientSignals signals;
            reader.add_signals(signals);
            return signals.session_id + '|' + signals.turn_id + '|' + reader.model();
        });
    };
    const std::string claude = R"({"model":"m","stream":true,"messages":[{"content":"x"}],)"
                               R"("metadata":{"user_id":"user_ab_account_cd_session_s-1"}})";
    CHECK(read_signals(claude, meter::BodySignals::user_id) == "s-1||m");
    CHECK(read_signals(claude, meter::BodySignals::none) == "||m");
    CHECK(read_signals(R"({"client_metadata":{"turn_id":"t-1"},"model":"m"})",
                       meter::BodySignals::client_metadata) == "|t-1|m");
}

TEST_CASE("a model name from the wire is bounded") {
    CHECK(read(R"({"model":")" + std::string(1000, 'm') + R"("})").first.size() ==
          limits::model_bytes_max);
}

TEST_CASE("a form names its model in a field") {
    http::HeaderList headers;
    headers.add("Content-Type", "Multipart/Form-Data; boundary=edge");
    CHECK(read("--edge\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
               "--edge--\r\n",
               headers)
              .first == "whisper-1");
}
