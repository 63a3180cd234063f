// Calls of every kind, by dice: the same ones for the same seed.
#pragma once

#include <array>
#include <random>
#include <string>
#include <vector>

#include "store/calls.h"

namespace halton::test {

class Dice {
public:
    explicit Dice(std::uint32_t seed) : random_(seed) {}
    std::int64_t below(std::int64_t end) {
        return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random_);
    }
    bool chance(int percent) { return below(100) < percent; }
    template <std::size_t size>
    std::string one_of(const std::array<const char*, size>& words) {
        return words[static_cast<std::size_t>(below(size))];
    }

private:
    std::mt19937 random_;
};

inline constexpr std::array random_projects{"shop", "api/v2", "infra:prod", "x"};
inline constexpr std::array random_models{"claude-test-1", "claude-test-2", "gpt-test", ""};
inline constexpr std::array random_providers{"anthropic", "openai"};
inline constexpr std::array random_tools{"", "codex", "claude-code"};

inline meter::CallRecord random_call(Dice& dice, std::uint64_t number) {
    auto call = make_call(number);
    // Over four days, in any order: rows that waited through a restart come late.
    call.requested_at = UtcTime(std::chrono::seconds(1'800'000'000 + dice.below(4 * 86'400))) +
                        std::chrono::microseconds(dice.below(1'000'000));
    // A clock that was wrong.
    if (dice.chance(2)) call.requested_at = UtcTime(std::chrono::seconds(dice.below(100)));
    if (dice.chance(2)) call.requested_at += std::chrono::hours(24 * 365 * 70);
    call.project_slug = dice.one_of(random_projects);
    call.provider = dice.one_of(random_providers);
    call.model = dice.one_of(random_models);
    call.client.tool = dice.one_of(random_tools);
    if (dice.chance(70)) call.client.session_id = fmt::format("s-{}", dice.below(12));
    call.usage.input = dice.below(200'000);
    call.usage.output = dice.below(9'000);
    call.usage.reasoning = dice.below(900);
    call.usage.cache_read = dice.below(150'000);
    call.usage.cache_write = dice.below(5'000);
    call.tokens_complete = !dice.chance(5);
    call.status = dice.chance(8) ? "error" : dice.chance(3) ? "aborted" : "success";
    call.latency_ms = static_cast<double>(dice.below(90'000'000)) / 997.0;
    call.billing = dice.chance(25) ? meter::BillingMode::plan : meter::BillingMode::metered;
    call.cost_state = dice.chance(10) ? meter::CostState::estimated : meter::CostState::exact;
    call.cost = NanoUsd{dice.below(4'000'000'000)};
    if (dice.chance(10)) {
        call.cost.reset();
        call.cost_state = meter::CostState::unknown;
    }
    return call;
}

inline std::vector<meter::CallRecord> random_calls(Dice& dice, std::uint64_t from,
                                                   std::uint64_t count) {
    std::vector<meter::CallRecord> calls;
    for (std::uint64_t i = 0; i < count; ++i) calls.push_back(random_call(dice, from + i));
    return calls;
}

}  // namespace halton::test
