#include "roles/prices.h"

#include "platform/files.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using roles::read_prices;

namespace {

const UtcTime now = *parse_iso8601("2026-11-21T12:00:00Z");

std::int64_t cost_of(const meter::PriceBook& book, std::string_view model) {
    meter::TokenUsage usage;
    usage.input = 1000;
    const auto priced = book.price({"openai", model, meter::RequestKind::chat, "", now}, usage);
    return priced ? priced->cost.value : -1;
}

}  // namespace

TEST_CASE("prices: config over the local set over the bundle") {
    const test::TempDirectory directory;
    const platform::Home home{directory / "home"};
    REQUIRE(platform::make_home(home));
    const config::Config none;
    CHECK(cost_of(read_prices(home, none, now).book, "gpt-4o") == 2'500'000);
    REQUIRE(platform::write_file_atomically(
        home.local_prices_file(),
        "{\"format\":1,\"date\":\"2026-11-20\"}\n"
        "{\"provider\":\"openai\",\"model\":\"gpt-4o\",\"rates\":{\"input\":7000000}}\n"
        "{\"provider\":\"openai\",\"model\":\"gpt-mine\",\"rates\":{\"input\":8000000}}\n",
        0600));
    const auto with_set = read_prices(home, none, now);
    CHECK(with_set.warnings.empty());
    CHECK(cost_of(with_set.book, "gpt-4o") == 7'000'000);
    CHECK(cost_of(with_set.book, "gpt-mine") == 8'000'000);
    CHECK(cost_of(with_set.book, "gpt-5") == 1'250'000);
    const auto parsed = config::parse_config(
        "[[pricing.override]]\nprovider = \"openai\"\nmodel = \"gpt-4o\"\ninput = 9\n");
    CHECK(cost_of(read_prices(home, parsed.config, now).book, "gpt-4o") == 9'000'000);
    CHECK(cost_of(read_prices(home, parsed.config, now).book, "gpt-mine") == 8'000'000);
}

TEST_CASE("prices: a local set that cannot be read is left out and told") {
    const test::TempDirectory directory;
    const platform::Home home{directory / "home"};
    REQUIRE(platform::make_home(home));
    REQUIRE(platform::write_file_atomically(home.local_prices_file(), "{broken", 0600));
    auto prices = read_prices(home, {}, now);
    REQUIRE(prices.warnings.size() == 1);
    CHECK(prices.warnings[0].find("pricing import --clear") != std::string::npos);
    CHECK(cost_of(prices.book, "gpt-4o") == 2'500'000);
    std::filesystem::remove(home.local_prices_file());
    std::filesystem::create_directory(home.local_prices_file());
    prices = read_prices(home, {}, now);
    CHECK(prices.warnings.size() == 1);
}
