#include "meter/refusal_form.h"

#include <map>
#include <set>

#include "base/json.h"
#include "http/head.h"
#include "meter/answer.h"
#include "meter/providers/provider.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;

namespace {

// Every shape that an endpoint of the table has.
std::map<std::string_view, const Shape*> all_shapes() {
    std::map<std::string_view, const Shape*> shapes;
    for (const Provider* provider : all_providers())
        for (const Host& host : provider->hosts)
            for (const Endpoint& endpoint : host.endpoints)
                shapes.emplace(endpoint.shape->name, endpoint.shape);
    return shapes;
}

struct Parts {
    http::ResponseHead head;
    std::string body;
};

Parts split(const std::string& answer) {
    std::size_t scanned = 0;
    const auto end = http::find_head_end(answer, scanned);
    REQUIRE(end > 0);
    const auto head = http::parse_response_head(answer.substr(0, end));
    REQUIRE(head);
    return {*head, answer.substr(end)};
}

}  // namespace

TEST_CASE("refusal form: each shape has one, and its own reader finds the error in it") {
    constexpr std::string_view message = "Blocked by \"no opus\" \\ of halton-meter\nline";
    JsonParser parser;
    for (const auto& [name, shape] : all_shapes()) {
        INFO(name << " as " << shape->refusal->name);
        const auto [head, body] = split(make_refusal(*shape->refusal, message, false));
        CHECK(head.status == 403);
        CHECK(*head.headers.find("content-length") == std::to_string(body.size()));
        CHECK(*head.headers.find("content-type") == "application/json");
        CHECK(*head.headers.find("x-should-retry") == "false");
        CHECK(head.headers.find("connection") == nullptr);
        REQUIRE(parser.parse(body));

        // What we would read of it, had the provider said it.
        AnswerReader reader(*shape, head.headers, parser);
        reader.feed(body);
        reader.finish(true);
        const auto& reading = reader.reading();
        const auto error = reading.error ? reading.error : reading.refusal;
        REQUIRE(error);
        if (shape->refusal != &refusals::aws) CHECK(error->message == message);
        CHECK_FALSE(reading.has_usage);
    }
}

TEST_CASE("refusal form: what each SDK looks at") {
    JsonParser parser;
    const auto body_of = [](const RefusalForm& form) { return form.write_body("no"); };
    {
        const auto json = parser.parse(body_of(refusals::anthropic));
        CHECK((*json)["type"].as_string() == "error");
        CHECK((*json)["error"]["type"].as_string() == "permission_error");
        CHECK((*json)["error"]["message"].as_string() == "no");
    }
    {
        const auto json = parser.parse(body_of(refusals::openai));
        CHECK((*json)["error"]["message"].as_string() == "no");
        CHECK((*json)["error"]["code"].as_string() == refusal_code);
        CHECK((*json)["error"]["param"].is_null());
    }
    {
        const auto json = parser.parse(body_of(refusals::google));
        CHECK((*json)["error"]["code"].as_integer() == 403);
        CHECK((*json)["error"]["status"].as_string() == "PERMISSION_DENIED");
    }
    const auto aws = split(make_refusal(refusals::aws, "no", true));
    CHECK(*aws.head.headers.find("x-amzn-errortype") == "AccessDeniedException");
    CHECK(aws.head.headers.has_token("connection", "close"));
    CHECK((*parser.parse(aws.body))["message"].as_string() == "no");
}

TEST_CASE("refusal form: a name in the message cannot end its text") {
    JsonParser parser;
    for (const auto* form : {&refusals::openai, &refusals::anthropic, &refusals::google,
                             &refusals::aws, &refusals::cohere, &refusals::plain,
                             &refusals::problem, &refusals::deepgram, &refusals::watsonx})
        for (const std::string_view odd : {"\"", "\\", "\r\n\r\nHTTP/1.1 200 OK", "\xff", "{}"}) {
            const auto answer = split(make_refusal(*form, odd, false));
            INFO(form->name);
            CHECK(parser.parse(answer.body));
            CHECK(answer.body.find('\n') == std::string::npos);
        }
}
