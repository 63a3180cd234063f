#include "meter/plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {

namespace {

// A subdomain counts with its domain.
constexpr std::array<std::string_view, 4> plan_hosts{"chatgpt.com", "cloudcode-pa.googleapis.com",
                                                     "githubcopilot.com", "ollama.com"};

bool is_host_of(std::string_view host, std::string_view domain) {
    if (host == domain) return true;
    return host.size() > domain.size() && host.ends_with(domain) &&
           host[host.size() - domain.size() - 1] == '.';
}

// "0.42", "42", "42%"; nothing for anything else, also for what no window can be.
std::optional<double> parse_number(std::string_view text) {
    text = trim(text);
    if (text.ends_with('%')) text.remove_suffix(1);
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (!std::isfinite(value) || value < 0 || value > 1e6) return std::nullopt;
    return value;
}

// Seconds since 1970 that lie in this century.
std::optional<UtcTime> to_time(std::int64_t seconds) {
    if (seconds < 946'684'800 || seconds > 4'102'444'800) return std::nullopt;
    return UtcTime(std::chrono::seconds(seconds));
}

std::optional<UtcTime> parse_time(std::string_view text) {
    text = trim(text);
    if (const auto seconds = parse_decimal(text)) {
        return *seconds > 4'102'444'800u ? std::nullopt
                                         : to_time(static_cast<std::int64_t>(*seconds));
    }
    const auto time = parse_iso8601(text);
    if (!time) return std::nullopt;
    return to_time(
        std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count());
}

// The limit of that name; null when there are too many.
PlanLimit* entry_of(std::string_view name, std::vector<PlanLimit>& limits) {
    const std::string safe = to_safe_text(name, halton::limits::plan_word_bytes_max);
    for (PlanLimit& limit : limits) {
        if (limit.name == safe) return &limit;
    }
    if (limits.size() >= halton::limits::plan_limits_max) return nullptr;
    limits.emplace_back().name = safe;
    return &limits.back();
}

// "5h-utilization" behind the prefix of Anthropic's headers.
void read_unified(std::string_view rest, std::string_view value, std::vector<PlanLimit>& limits) {
    const std::size_t dash = rest.rfind('-');
    if (dash == std::string_view::npos || dash == 0) return;  // of the whole, without a window
    const std::string_view what = rest.substr(dash + 1);
    if (what != "utilization" && what != "reset" && what != "status") return;
    // "fallback-...", "slow-..." are no windows.
    const std::string_view name = rest.substr(0, dash);
    if (name.find('-') != std::string_view::npos) return;
    PlanLimit* limit = entry_of(name, limits);
    if (limit == nullptr) return;
    if (what == "utilization") limit->used_fraction = parse_number(value);
    if (what == "reset") limit->resets_at = parse_time(value);
    if (what == "status") limit->status = to_safe_text(value, halton::limits::plan_word_bytes_max);
}

// "codex-primary-used-percent", "codex-<model>-secondary-reset-at".
void read_codex(std::string_view rest, std::string_view value, UtcTime now,
                std::vector<PlanLimit>& limits) {
    static constexpr std::array<std::string_view, 4> ends{"-used-percent", "-window-minutes",
                                                          "-reset-at", "-reset-after-seconds"};
    for (std::size_t i = 0; i < ends.size(); ++i) {
        if (!rest.ends_with(ends[i])) continue;
        const std::string_view name = rest.substr(0, rest.size() - ends[i].size());
        if (!name.ends_with("-primary") && !name.ends_with("-secondary")) return;
        const auto number = parse_number(value);
        if (i != 2 && !number) return;
        PlanLimit* limit = entry_of(name, limits);
        if (limit == nullptr) return;
        if (i == 0) limit->used_fraction = *number / 100;
        if (i == 1) limit->window_minutes = static_cast<std::int64_t>(*number);
        if (i == 2) limit->resets_at = parse_time(value);
        // The moment itself is the better word where both are sent.
        if (i == 3 && !limit->resets_at) {
            limit->resets_at = now + std::chrono::seconds(static_cast<std::int64_t>(*number));
        }
        return;
    }
}

}  // namespace

bool is_plan_call(std::string_view host, const http::HeaderList& request) {
    for (const std::string_view domain : plan_hosts) {
        if (is_host_of(host, domain)) return true;
    }
    if (host != "api.anthropic.com") return false;
    const std::string* credential = request.find("authorization");
    if (credential == nullptr || request.find("x-api-key") != nullptr) return false;
    static constexpr std::string_view scheme = "Bearer ";
    const std::string_view text = *credential;
    if (!is_equal_ignoring_case(text.substr(0, scheme.size()), scheme)) return false;
    // A key that somebody sends as a bearer stays a key.
    return !trim(text.substr(scheme.size())).starts_with("sk-ant-api");
}

bool is_paid_overage(const http::HeaderList& response) {
    static constexpr std::string_view unified = "anthropic-ratelimit-unified-";
    const auto value_of = [&](std::string_view name) {
        const std::string* value = response.find(std::string(unified) + std::string(name));
        return value == nullptr ? std::string_view{} : trim(*value);
    };
    if (value_of("overage-in-use") == "true") return true;
    // The plan says no and the paid extra says yes.
    return value_of("status") == "rejected" && value_of("overage-status").starts_with("allowed");
}

std::vector<PlanLimit> read_plan_limits(const http::HeaderList& response, UtcTime now) {
    std::vector<PlanLimit> limits;
    static constexpr std::string_view unified = "anthropic-ratelimit-unified-";
    static constexpr std::string_view codex = "x-codex-";
    const std::string* plan = nullptr;
    for (const http::Header& header : response.all()) {
        const std::string_view name = header.name;
        if (name.size() > halton::limits::plan_header_bytes_max) continue;
        if (is_equal_ignoring_case(name.substr(0, unified.size()), unified)) {
            read_unified(to_lower(name.substr(unified.size())), header.value, limits);
        } else if (is_equal_ignoring_case(name.substr(0, codex.size()), codex)) {
            if (plan == nullptr) plan = response.find("x-codex-plan-type");
            read_codex(to_lower(name.substr(2)), header.value, now, limits);
        }
    }
    if (plan != nullptr) {
        for (PlanLimit& limit : limits) {
            limit.plan = to_safe_text(trim(*plan), halton::limits::plan_word_bytes_max);
        }
    }
    // A name without any number or word says nothing.
    std::erase_if(limits, [](const PlanLimit& limit) {
        return !limit.used_fraction && !limit.resets_at && limit.status.empty();
    });
    return limits;
}

void read_codex_limits(JsonView windows, std::string family, std::string_view plan,
                       std::vector<PlanLimit>& limits) {
    if (family.empty()) family = "codex";
    std::replace(family.begin(), family.end(), '_', '-');
    for (const std::string_view window : {"primary", "secondary"}) {
        const JsonView view = windows[window];
        const auto percent = view["used_percent"].as_number();
        if (!percent || *percent < 0 || *percent > 1e6) continue;
        PlanLimit* limit = entry_of(family + '-' + std::string(window), limits);
        if (limit == nullptr) return;
        limit->plan = to_safe_text(plan, halton::limits::plan_word_bytes_max);
        limit->used_fraction = *percent / 100;
        const std::int64_t minutes = view["window_minutes"].as_integer().value_or(0);
        limit->window_minutes = std::clamp<std::int64_t>(minutes, 0, 1'000'000);
        limit->resets_at = to_time(view["reset_at"].as_integer().value_or(0));
    }
}

}  // namespace halton::meter
