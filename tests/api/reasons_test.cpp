#include "api/reasons.h"

#include <array>

#include "meter/call.h"
#include "support/catch.h"
#include "support/golden.h"

using namespace halton;

TEST_CASE("reasons: every class of error says what to do") {
    for (int i = 0; i < 10; ++i) {
        const auto word = meter::name_of(static_cast<meter::ErrorClass>(i));
        const auto reason = api::describe_error(word);
        INFO(word);
        CHECK(reason.word == word);
        CHECK_FALSE(reason.what_to_do.empty());
    }
    CHECK(api::describe_error("a class of tomorrow").word == "unknown");
    CHECK(api::error_reasons().size() == 10);
}

TEST_CASE("reasons: every word of the proxy has a sentence") {
    // The words stand where they are used; a new one has to come here too.
    const auto source = test::read_text(test::source_root() / "src/proxy/intercept.cpp");
    for (const auto& reason : api::passthrough_reasons()) {
        INFO(reason.word);
        CHECK(source.find("\"" + std::string(reason.word) + "\"") != std::string::npos);
        CHECK(api::describe_passthrough(reason.word).meaning == reason.meaning);
    }
    for (const char* call :
         {"decline(\"", "redial_and_pass_raw(\"", "return \"", "reason = \"", "count(\""})
        for (auto at = source.find(call); at != std::string::npos; at = source.find(call, at + 1)) {
            const auto begin = at + std::string_view(call).size();
            const auto word = source.substr(begin, source.find('"', begin) - begin);
            INFO(word);
            CHECK(api::describe_passthrough(word).meaning != word);
        }
    CHECK(api::describe_passthrough("of tomorrow").meaning == "of tomorrow");
}
