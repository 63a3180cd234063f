#include "base/money.h"

#include <limits>

#include "support/catch.h"

using namespace halton;

TEST_CASE("money: millicents round half away from zero") {
    CHECK(to_millicents({0}) == 0);
    CHECK(to_millicents({4'999}) == 0);
    CHECK(to_millicents({5'000}) == 1);
    CHECK(to_millicents({10'000}) == 1);
    CHECK(to_millicents({14'999}) == 1);
    CHECK(to_millicents({15'000}) == 2);
    CHECK(to_millicents({1'000'000'000}) == 100'000);
    CHECK(to_millicents({-4'999}) == 0);
    CHECK(to_millicents({-5'000}) == -1);
    CHECK(to_millicents({-1'000'000'000}) == -100'000);
}

TEST_CASE("money: decimals are scaled by the digits they are written with") {
    CHECK(scale_decimal(0, 9) == 0);
    CHECK(scale_decimal(1, 9) == 1'000'000'000);
    CHECK(scale_decimal(0.1, 9) == 100'000'000);
    CHECK(scale_decimal(1.2345e-6, 9) == 1235);  // 1234.5, which no double is
    CHECK(scale_decimal(1.2344e-6, 9) == 1234);
    CHECK(scale_decimal(-1.2345e-6, 9) == -1235);
    CHECK(scale_decimal(0.0000000005, 9) == 1);
    CHECK(scale_decimal(0.00000000049, 9) == 0);
    CHECK(scale_decimal(3.0833e-05, 12) == 30'833'000);
    CHECK(scale_decimal(12.0, 0) == 12);
    CHECK(scale_decimal(1250, -2) == 13);
    CHECK(scale_decimal(1e-300, 9) == 0);
    CHECK_FALSE(scale_decimal(1e300, 9));
    CHECK_FALSE(scale_decimal(1e10, 9));
    CHECK_FALSE(scale_decimal(std::numeric_limits<double>::infinity(), 9));
    CHECK_FALSE(scale_decimal(std::numeric_limits<double>::quiet_NaN(), 9));
}

TEST_CASE("money: dollars are shown in cents, less in millionths") {
    CHECK(to_dollar_text({0}) == "$0.000000");
    CHECK(to_dollar_text({499}) == "$0.000000");
    CHECK(to_dollar_text({500}) == "$0.000001");
    CHECK(to_dollar_text({12'345'678}) == "$0.012346");
    CHECK(to_dollar_text({999'999'499}) == "$0.999999");
    CHECK(to_dollar_text({1'000'000'000}) == "$1.00");
    CHECK(to_dollar_text({1'234'999'999}) == "$1.23");
    CHECK(to_dollar_text({1'235'000'000}) == "$1.24");
    CHECK(to_dollar_text({12'345'000'000'000}) == "$12345.00");
    CHECK(to_dollar_text({-12'345'678}) == "-$0.012346");
    CHECK(to_dollar_text({-1'500'000'000}) == "-$1.50");
}

TEST_CASE("money: what rounds up to a dollar is shown as one") {
    CHECK(to_dollar_text({999'999'999}) == "$1.00");
    CHECK(to_dollar_text({-999'999'500}) == "-$1.00");
}

TEST_CASE("money: sums and order are exact") {
    CHECK(NanoUsd{1} + NanoUsd{2} == NanoUsd{3});
    CHECK(NanoUsd{-1} + NanoUsd{1} == NanoUsd{});
    CHECK(NanoUsd{1} < NanoUsd{2});
}

TEST_CASE("money: the largest amounts do not overflow") {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    CHECK(to_millicents({most}) == 922'337'203'685'478);
    CHECK(to_millicents({-most}) == -922'337'203'685'478);
    CHECK(to_dollar_text({most}) == "$9223372036.85");
    CHECK(to_dollar_text({std::numeric_limits<std::int64_t>::min()}) == "-$9223372036.85");
    CHECK(to_millicents({std::numeric_limits<std::int64_t>::min()}) == -922'337'203'685'478);
}
