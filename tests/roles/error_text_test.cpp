#include "roles/error_text.h"

#include <set>

#include "base/json.h"
#include "meter/call.h"
#include "support/catch.h"

using namespace halton;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<store::ErrorGroup> make_groups() {
    store::ErrorGroup throttled;
    throttled.provider = "anthropic";
    throttled.error_class = "rate_limit";
    throttled.provider_error_code = "rate_limit_error";
    throttled.http_status = 429;
    throttled.retryable = true;
    throttled.requests = 1'234;
    throttled.first_at = "2026-11-20T01:02:03.000000Z";
    throttled.last_at = "2026-11-21T13:05:59.000000Z";
    store::ErrorGroup gone;
    gone.provider = "openai";
    gone.requests = 2;
    gone.last_at = gone.first_at = throttled.last_at;
    return {throttled, gone};
}

}  // namespace

TEST_CASE("errors: every class has advice of its own") {
    std::set<std::string_view> advice;
    for (int i = 0; i <= static_cast<int>(meter::ErrorClass::context_length_exceeded); ++i)
        CHECK(advice.insert(roles::advice_of(name_of(static_cast<meter::ErrorClass>(i)))).second);
    CHECK(roles::advice_of("class of tomorrow") == roles::advice_of("unknown"));
}

TEST_CASE("errors: the text names what to do, once for a class") {
    const auto text = roles::to_errors_text(make_groups(), {}, 0);
    CHECK(has(text, "rate_limit  anthropic  rate_limit_error   429  1,234  yes"));
    CHECK(has(text, "2026-11-21 13:05"));
    CHECK(has(text, "aborted"));
    CHECK(has(text, "  rate_limit: throttled by the provider"));
    const auto narrow = roles::to_errors_text(make_groups(), {}, 40);
    CHECK_FALSE(has(narrow, "retry helps"));
    CHECK(has(narrow, "1,234"));
}

TEST_CASE("errors: JSON") {
    const auto text = roles::to_errors_json(make_groups());
    JsonParser parser;
    const auto json = parser.parse(text).value();
    int count = 0;
    json["errors"].for_each_element([&](JsonView group) {
        if (count++ == 0) {
            CHECK(group["http_status"].as_integer() == 429);
            CHECK(group["wire_class"].as_string() == "rate_limit");
            CHECK(group["retryable"].as_bool() == true);
        } else {
            CHECK(group["error_class"].as_string() == "aborted");
            CHECK(group["http_status"].is_null());
        }
    });
    CHECK(count == 2);
}
