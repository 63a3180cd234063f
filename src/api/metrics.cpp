#include "api/metrics.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace halton::api {
namespace {

constexpr std::array<std::string_view, 5> token_kinds{"input", "output", "thinking", "cache_read",
                                                      "cache_write"};
// Seconds: a model answers in one, and thinks for minutes.
constexpr std::array<double, 9> latency_bounds{0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};

void describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

// Exact, as a decimal number of dollars.
std::string to_dollars(std::int64_t nanousd) {
    return fmt::format("{}.{:09}", nanousd / 1'000'000'000, nanousd % 1'000'000'000);
}

}  // namespace

std::string to_label(std::string_view value) {
    std::string text;
    for (const char c : to_safe_text(value, limits::metric_label_bytes_max)) {
        if (c == '\\' || c == '"') text += '\\';
        text += c;
    }
    return text;
}

const std::string& Metrics::Label::find(std::string_view value, std::size_t values_max) {
    static const std::string other = "other";
    // Mostly it is one that is known; what has to be escaped is never its own label.
    if (value.find_first_of("\\\"") == std::string_view::npos)
        if (const auto known = values_.find(value); known != values_.end()) return *known;
    const auto label = value.empty() ? std::string("unknown") : to_label(value);
    if (const auto known = values_.find(label); known != values_.end()) return *known;
    if (values_.size() >= values_max) return other;
    return *values_.insert(label).first;
}

void Metrics::count(const meter::CallRecord& call) {
    const auto& provider = providers_.find(call.provider, values_max_);
    const auto& model = models_.find(call.model, values_max_);
    Counts& counts = by_model_[{provider, model}];
    const bool is_plan = call.billing == meter::BillingMode::plan;
    if (!call.cost)
        counts.unpriced += is_plan ? 0 : 1;
    else
        (is_plan ? counts.plan_nanousd : counts.nanousd) += call.cost->value;
    const std::array tokens{call.usage.input, call.usage.output, call.usage.reasoning,
                            call.usage.cache_read, call.usage.cache_write};
    for (std::size_t i = 0; i < tokens.size(); ++i) counts.tokens[i] += tokens[i];
    const double seconds = call.latency_ms / 1000;
    const auto bucket = std::find_if(latency_bounds.begin(), latency_bounds.end(),
                                     [seconds](double bound) { return seconds <= bound; });
    ++counts.latency[static_cast<std::size_t>(bucket - latency_bounds.begin())];
    ++counts.latency_count;
    counts.latency_s += seconds;
    ++requests_[{provider, model, call.status}];
    auto& [project_calls, project_nanousd] =
        by_project_[projects_.find(call.project_slug, values_max_)];
    ++project_calls;
    if (call.cost && !is_plan) project_nanousd += call.cost->value;
    ++by_tool_[tools_.find(call.client.tool, values_max_)];
    if (call.error)
        ++errors_[{provider, classes_.find(meter::name_of(call.error->error_class), values_max_)}];
    for (const auto& limit : call.plan_limits)
        if (limit.used_fraction)
            // Names of windows are of the provider, a handful.
            if (const std::tuple key{provider, to_label(limit.name)};
                limits_.size() < values_max_ || limits_.count(key) > 0)
                limits_[key] = *limit.used_fraction;
}

std::string Metrics::to_text(const DaemonFacts& facts, std::size_t live_reader_count) const {
    std::string text;
    describe(text, "halton_meter_build_info", "gauge", "Always 1; the version is the label.");
    text += fmt::format("halton_meter_build_info{{version=\"{}\"}} 1\n", to_label(facts.version));
    describe(text, "halton_meter_uptime_seconds", "gauge", "Since the daemon started.");
    text += fmt::format("halton_meter_uptime_seconds {}\n", facts.uptime.count());
    describe(text, "halton_meter_healthy", "gauge", "1 while /health says ok.");
    text += fmt::format("halton_meter_healthy {}\n", facts.state == DaemonFacts::State::ok ? 1 : 0);
    describe(text, "halton_meter_running_calls", "gauge", "Calls that have begun and not ended.");
    text += fmt::format("halton_meter_running_calls {}\n", facts.running_calls);
    describe(text, "halton_meter_live_readers", "gauge", "Connections to the live feed.");
    text += fmt::format("halton_meter_live_readers {}\n", live_reader_count);

    describe(text, "halton_meter_requests_total", "counter", "Metered calls that ended.");
    for (const auto& [key, count] : requests_)
        text += fmt::format(
            "halton_meter_requests_total{{provider=\"{}\",model=\"{}\",status=\"{}\"}} {}\n",
            std::get<0>(key), std::get<1>(key), std::get<2>(key), count);
    describe(text, "halton_meter_errors_total", "counter", "Calls that failed, by class.");
    for (const auto& [key, count] : errors_)
        text += fmt::format("halton_meter_errors_total{{provider=\"{}\",error_class=\"{}\"}} {}\n",
                            std::get<0>(key), std::get<1>(key), count);
    const auto by_model = [&](std::string_view name, std::string_view help, auto value) {
        describe(text, name, "counter", help);
        for (const auto& [key, counts] : by_model_)
            text += fmt::format("{}{{provider=\"{}\",model=\"{}\"}} {}\n", name, std::get<0>(key),
                                std::get<1>(key), value(counts));
    };
    describe(text, "halton_meter_tokens_total", "counter", "As the providers count them.");
    for (const auto& [key, counts] : by_model_)
        for (std::size_t i = 0; i < token_kinds.size(); ++i)
            text += fmt::format(
                "halton_meter_tokens_total{{provider=\"{}\",model=\"{}\",kind=\"{}\"}} {}\n",
                std::get<0>(key), std::get<1>(key), token_kinds[i], counts.tokens[i]);
    by_model("halton_meter_cost_usd_total",
             "What was paid by use, in US dollars; calls without a known price add nothing.",
             [](const Counts& counts) { return to_dollars(counts.nanousd); });
    by_model("halton_meter_plan_cost_usd_total",
             "What calls that a subscription covers would have cost by the list.",
             [](const Counts& counts) { return to_dollars(counts.plan_nanousd); });
    by_model("halton_meter_unpriced_requests_total", "Calls whose price is not known.",
             [](const Counts& counts) { return counts.unpriced; });
    describe(text, "halton_meter_request_duration_seconds", "histogram", "To the last byte.");
    for (const auto& [key, counts] : by_model_) {
        const auto labels =
            fmt::format("provider=\"{}\",model=\"{}\"", std::get<0>(key), std::get<1>(key));
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < latency_bounds.size(); ++i) {
            sum += counts.latency[i];
            text += fmt::format("halton_meter_request_duration_seconds_bucket{{{},le=\"{}\"}} {}\n",
                                labels, latency_bounds[i], sum);
        }
        text += fmt::format(
            "halton_meter_request_duration_seconds_bucket{{{0},le=\"+Inf\"}} {1}\n"
            "halton_meter_request_duration_seconds_sum{{{0}}} {2:.6f}\n"
            "halton_meter_request_duration_seconds_count{{{0}}} {1}\n",
            labels, counts.latency_count, counts.latency_s);
    }
    describe(text, "halton_meter_project_requests_total", "counter", "Metered calls by project.");
    for (const auto& [project, counts] : by_project_)
        text += fmt::format("halton_meter_project_requests_total{{project=\"{}\"}} {}\n", project,
                            std::get<0>(counts));
    describe(text, "halton_meter_project_cost_usd_total", "counter", "Paid by use, by project.");
    for (const auto& [project, counts] : by_project_)
        text += fmt::format("halton_meter_project_cost_usd_total{{project=\"{}\"}} {}\n", project,
                            to_dollars(std::get<1>(counts)));
    describe(text, "halton_meter_tool_requests_total", "counter", "Metered calls by client.");
    for (const auto& [tool, count] : by_tool_)
        text += fmt::format("halton_meter_tool_requests_total{{tool=\"{}\"}} {}\n", tool, count);
    describe(text, "halton_meter_plan_limit_used_ratio", "gauge",
             "How full a window of a subscription is, as its provider said last.");
    for (const auto& [key, fraction] : limits_)
        text +=
            fmt::format("halton_meter_plan_limit_used_ratio{{provider=\"{}\",window=\"{}\"}} {}\n",
                        std::get<0>(key), std::get<1>(key), fraction);

    describe(text, "halton_meter_passthrough_connections_total", "counter",
             "Connections that were not metered, by reason.");
    for (const auto& [reason, count] : facts.passthrough)
        text += fmt::format("halton_meter_passthrough_connections_total{{reason=\"{}\"}} {}\n",
                            to_label(reason), count);
    describe(text, "halton_meter_unseen_requests_total", "counter",
             "On metered connections, and in no form that is followed.");
    text += fmt::format("halton_meter_unseen_requests_total {}\n", facts.unseen_requests);
    describe(text, "halton_meter_rows_written_total", "counter", "Rows in the database.");
    text += fmt::format("halton_meter_rows_written_total {}\n", facts.ledger.rows_written);
    describe(text, "halton_meter_rows_dropped_total", "counter", "Calls that became no row.");
    text += fmt::format(
        "halton_meter_rows_dropped_total{{reason=\"queue_full\"}} {}\n"
        "halton_meter_rows_dropped_total{{reason=\"error\"}} {}\n",
        facts.ledger.rows_dropped_queue_full, facts.ledger.rows_dropped_error);
    describe(text, "halton_meter_rows_waiting", "gauge", "Calls that are not yet rows.");
    text += fmt::format("halton_meter_rows_waiting {}\n", facts.ledger.rows_waiting);
    return text;
}

}  // namespace halton::api
