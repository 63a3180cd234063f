// Metrics: what the daemon counts since its start, as Prometheus text.
// In:    finished calls. Out: counters and gauges, named and typed as Prometheus wants them.
// Limits: metric_label_values_max values for each label, the first that come; every other one is
// counted as "other", for each would be a series that is kept for ever. A value is cut at
// metric_label_bytes_max. No session, path, folder or key becomes a label.
// Owner: the role. Thread: the I/O thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "api/facts.h"
#include "base/limits.h"
#include "meter/call.h"

namespace halton::api {

// A label value between quotes of the text format.
std::string to_label(std::string_view value);

class Metrics {
public:
    explicit Metrics(std::size_t values_max = limits::metric_label_values_max)
        : values_max_(values_max) {}

    void count(const meter::CallRecord& call);

    std::string to_text(const DaemonFacts& facts, std::size_t live_reader_count) const;

private:
    // Of one label: a value that is known, or "other".
    class Label {
    public:
        const std::string& find(std::string_view value, std::size_t values_max);

    private:
        std::set<std::string, std::less<>> values_;
    };

    struct Counts {
        std::int64_t nanousd = 0;
        std::int64_t plan_nanousd = 0;
        std::int64_t unpriced = 0;
        std::array<std::int64_t, 5> tokens{};
        std::array<std::int64_t, 10> latency{};  // of the buckets, not yet summed up
        std::int64_t latency_count = 0;
        double latency_s = 0;
    };
    using Key = std::tuple<std::string, std::string>;  // provider, model

    std::size_t values_max_;
    Label providers_, models_, projects_, tools_, classes_;
    std::map<Key, Counts> by_model_;
    std::map<std::tuple<std::string, std::string, std::string>, std::int64_t> requests_;
    std::map<std::string, std::tuple<std::int64_t, std::int64_t>> by_project_;  // calls, nanousd
    std::map<std::string, std::int64_t> by_tool_;
    std::map<std::tuple<std::string, std::string>, std::int64_t> errors_;
    std::map<std::tuple<std::string, std::string>, double> limits_;
};

}  // namespace halton::api
