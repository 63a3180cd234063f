#include "base/error.h"

#include <set>
#include <string>

#include "base/result.h"
#include "support/catch.h"

using namespace halton;

TEST_CASE("error: every kind has a name of its own") {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(ErrorKind::busy); ++i) {
        const auto name = name_of(static_cast<ErrorKind>(i));
        CHECK(name != "unknown");
        CHECK(names.insert(name).second);
    }
    CHECK(name_of(ErrorKind::tls_verify) == "tls_verify");
    CHECK(name_of(ErrorKind::timeout) == "timeout");
}

TEST_CASE("error: every leg has a name of its own") {
    std::set<std::string_view> names;
    for (const Leg leg : {Leg::local, Leg::client, Leg::upstream, Leg::daemon})
        CHECK(names.insert(name_of(leg)).second);
    CHECK(name_of(Leg::upstream) == "upstream");
}

TEST_CASE("error: the text names leg, kind and context") {
    CHECK(to_text(Error{ErrorKind::timeout, Leg::upstream, "connect to api.example.com:443"}) ==
          "upstream timeout: connect to api.example.com:443");
    CHECK(to_text(Error{ErrorKind::io, Leg::local, ""}) == "local io");
}

TEST_CASE("error: a result is a value or an error") {
    const auto half = [](int number) -> Result<int> {
        if (number % 2 != 0) return fail(ErrorKind::malformed, "odd", Leg::client);
        return number / 2;
    };
    REQUIRE(half(4));
    CHECK(*half(4) == 2);
    REQUIRE_FALSE(half(3));
    CHECK(half(3).error().kind == ErrorKind::malformed);
    CHECK(half(3).error().leg == Leg::client);
    CHECK(half(3).error().context == "odd");

    const auto passed_on = [&](int number) -> Result<std::string> {
        const auto result = half(number);
        if (!result) return fail(result.error());
        return std::to_string(*result);
    };
    CHECK(*passed_on(4) == "2");
    CHECK(passed_on(3).error().context == "odd");
    CHECK(fail(ErrorKind::busy).value().leg == Leg::local);
}
