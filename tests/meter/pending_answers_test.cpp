#include "meter/pending_answers.h"

#include <string>

#include "support/catch.h"

using halton::meter::PendingAnswers;

TEST_CASE("an answer that was expected is taken once") {
    PendingAnswers pending;
    CHECK_FALSE(pending.take("openai", "resp_1"));
    pending.expect("openai", "resp_1");
    pending.expect("openai", "resp_1");
    CHECK_FALSE(pending.take("azure", "resp_1"));
    CHECK(pending.take("openai", "resp_1"));
    CHECK_FALSE(pending.take("openai", "resp_1"));
    CHECK(pending.size() == 0);
    pending.expect("openai", "");
    CHECK(pending.size() == 0);
}

TEST_CASE("the oldest expectations are forgotten") {
    PendingAnswers pending(3);
    for (int i = 0; i < 5; ++i) pending.expect("p", std::to_string(i));
    CHECK(pending.size() == 3);
    CHECK_FALSE(pending.take("p", "1"));
    CHECK(pending.take("p", "2"));
    // A place that became free is used, and an id may come again as the newest.
    pending.expect("p", "2");
    pending.expect("p", "5");
    CHECK_FALSE(pending.take("p", "3"));
    CHECK(pending.take("p", "2"));
    CHECK(pending.take("p", "4"));
    CHECK(pending.take("p", "5"));

    PendingAnswers none(0);
    none.expect("p", "1");
    CHECK_FALSE(none.take("p", "1"));
}
