#include "api/metrics.h"

#include <map>
#include <set>
#include <sstream>

#include "store/calls.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::test;

namespace {

std::string text_of(const api::Metrics& metrics, const api::DaemonFacts& facts = {}) {
    return metrics.to_text(facts, 2);
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

}  // namespace

TEST_CASE("metrics: calls are counted by what they are") {
    api::Metrics metrics;
    auto call = make_call(1);
    call.client.tool = "claude-code";
    call.latency_ms = 700;
    metrics.count(call);
    call.usage.cache_read = 5;
    metrics.count(call);
    call.billing = meter::BillingMode::plan;
    metrics.count(call);
    call.billing = meter::BillingMode::metered;
    call.cost.reset();
    call.status = "error";
    call.error = meter::CallError{meter::ErrorClass::rate_limit, "x", true, {}};
    call.plan_limits = {{"5h", "max", "allowed", 0.25, {}, 300}};
    metrics.count(call);
    const auto text = text_of(metrics);
    const std::string model = "provider=\"anthropic\",model=\"claude-test-1\"";
    CHECK(has_line(text, "halton_meter_requests_total{" + model + ",status=\"success\"} 3"));
    CHECK(has_line(text, "halton_meter_requests_total{" + model + ",status=\"error\"} 1"));
    CHECK(has_line(text, "halton_meter_cost_usd_total{" + model + "} 0.002469134"));
    CHECK(has_line(text, "halton_meter_plan_cost_usd_total{" + model + "} 0.001234567"));
    CHECK(has_line(text, "halton_meter_unpriced_requests_total{" + model + "} 1"));
    CHECK(has_line(text, "halton_meter_tokens_total{" + model + ",kind=\"input\"} 400"));
    CHECK(has_line(text, "halton_meter_tokens_total{" + model + ",kind=\"cache_read\"} 15"));
    CHECK(has_line(
        text, "halton_meter_errors_total{provider=\"anthropic\",error_class=\"rate_limit\"} 1"));
    CHECK(has_line(text, "halton_meter_project_cost_usd_total{project=\"shop\"} 0.002469134"));
    CHECK(has_line(text, "halton_meter_tool_requests_total{tool=\"claude-code\"} 4"));
    CHECK(has_line(
        text, "halton_meter_plan_limit_used_ratio{provider=\"anthropic\",window=\"5h\"} 0.25"));
    const std::string bucket = "halton_meter_request_duration_seconds_bucket{" + model;
    CHECK(has_line(text, bucket + ",le=\"0.5\"} 0"));
    CHECK(has_line(text, bucket + ",le=\"1\"} 4"));
    CHECK(has_line(text, bucket + ",le=\"+Inf\"} 4"));
    CHECK(has_line(text, "halton_meter_request_duration_seconds_sum{" + model + "} 2.800000"));
    CHECK(has_line(text, "halton_meter_request_duration_seconds_count{" + model + "} 4"));
    CHECK(has_line(text, "halton_meter_live_readers 2"));
}

TEST_CASE("metrics: labels are bounded, whatever models are called") {
    api::Metrics metrics(3);
    for (int i = 0; i < 50; ++i) {
        auto call = make_call(static_cast<std::uint64_t>(i));
        call.model = "model-" + std::to_string(i);
        call.project_slug = "project-" + std::to_string(i);
        call.client.tool = "tool-" + std::to_string(i);
        call.plan_limits = {{"window-" + std::to_string(i), {}, {}, 0.5, {}, 0}};
        metrics.count(call);
    }
    const auto text = text_of(metrics);
    CHECK(count_of(text, "halton_meter_cost_usd_total{") == 4);
    CHECK(count_of(text, "halton_meter_project_requests_total{") == 4);
    CHECK(count_of(text, "halton_meter_tool_requests_total{") == 4);
    CHECK(count_of(text, "halton_meter_plan_limit_used_ratio{") == 3);
    CHECK(has_line(text, "halton_meter_project_requests_total{project=\"other\"} 47"));
    CHECK(has_line(text, "halton_meter_project_requests_total{project=\"project-0\"} 1"));
}

TEST_CASE("metrics: hostile names stay inside their quotes") {
    CHECK(api::to_label("a\"b\\c") == "a\\\"b\\\\c");
    CHECK(api::to_label("a\nb") == "a?b");
    CHECK(api::to_label(std::string(1000, 'x')).size() == limits::metric_label_bytes_max);
    api::Metrics metrics;
    auto call = make_call(1);
    call.model = "x\"} 1\nevil_metric{a=\"";
    call.project_slug.clear();
    metrics.count(call);
    const auto text = text_of(metrics);
    CHECK(count_of(text, "\nevil_metric") == 0);
    CHECK(has_line(text, "halton_meter_project_requests_total{project=\"unknown\"} 1"));
}

TEST_CASE("metrics: each name is described once, before its samples") {
    api::Metrics metrics;
    metrics.count(make_call(1));
    api::DaemonFacts facts;
    facts.state = api::DaemonFacts::State::ok;
    facts.passthrough = {{"client-refuses", 3}};
    facts.ledger.rows_dropped_queue_full = 2;
    std::istringstream lines(text_of(metrics, facts));
    std::set<std::string> described;
    std::string current;
    for (std::string line; std::getline(lines, line);) {
        INFO(line);
        if (line.starts_with("# TYPE ")) {
            current = line.substr(7, line.find(' ', 7) - 7);
            CHECK(described.insert(current).second);
            const bool is_counter = line.ends_with(" counter");
            CHECK(is_counter == current.ends_with("_total"));
        } else if (!line.starts_with("#")) {
            CHECK(line.starts_with(current));
        }
    }
    const auto text = text_of(metrics, facts);
    CHECK(has_line(text, "halton_meter_healthy 1"));
    CHECK(
        has_line(text, "halton_meter_passthrough_connections_total{reason=\"client-refuses\"} 3"));
    CHECK(has_line(text, "halton_meter_rows_dropped_total{reason=\"queue_full\"} 2"));
}
