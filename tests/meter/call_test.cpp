#include "meter/call.h"

#include "support/catch.h"

using namespace halton::meter;

TEST_CASE("ten local classes collapse to seven on the wire") {
    CHECK(to_wire_class("permission") == "auth");
    CHECK(to_wire_class("quota_exceeded") == "auth");
    CHECK(to_wire_class("context_length_exceeded") == "bad_request");
    for (const ErrorClass same :
         {ErrorClass::rate_limit, ErrorClass::server_error, ErrorClass::bad_request,
          ErrorClass::auth, ErrorClass::timeout, ErrorClass::network, ErrorClass::unknown}) {
        CHECK(to_wire_class(name_of(same)) == name_of(same));
    }
    CHECK(to_wire_class("a_word_of_tomorrow") == "a_word_of_tomorrow");
}

TEST_CASE("who pays is a word of the ledger, and back") {
    for (const BillingMode mode :
         {BillingMode::metered, BillingMode::plan, BillingMode::free, BillingMode::deferred}) {
        CHECK(parse_billing_mode(name_of(mode)) == mode);
    }
    CHECK(name_of(BillingMode::plan) == "plan");
    CHECK_FALSE(parse_billing_mode(""));
    CHECK_FALSE(parse_billing_mode("Plan"));
}

TEST_CASE("names are the ones of the ledger") {
    CHECK(name_of(RequestKind::chat) == "chat");
    CHECK(name_of(RequestKind::embedding) == "embedding");
    CHECK(name_of(RequestKind::image) == "image");
    CHECK(name_of(RequestKind::audio) == "audio");
    CHECK(name_of(RequestKind::other) == "other");
    CHECK(name_of(CostState::exact) == "exact");
    CHECK(name_of(CostState::estimated) == "estimated");
    CHECK(name_of(CostState::unknown) == "unknown");
    CHECK(name_of(ErrorClass::permission) == "permission");
    CHECK(name_of(ErrorClass::quota_exceeded) == "quota_exceeded");
    CHECK(name_of(ErrorClass::context_length_exceeded) == "context_length_exceeded");
}
