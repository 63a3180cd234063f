// Requests: calls as rows, newest or oldest first, page by page; one call; what failed.
// In:    a Reader, what to look for, and a cursor of the page before. Out: rows as values.
// Cursors name a place (time and id), not a count: they stay good while rows come in.
// Filters by project, provider, model and tool are led by the roll-ups to the hours that hold
// such calls, so that a rare model is found as fast as a common one; failures have their own index.
// Fails: as Reader; malformed (a cursor that is none of ours).
// Thread: that of the Reader. Limits: request_page_max, error_groups_max.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "store/reader.h"

namespace halton::store {

struct RequestFilter {
    // [from, to). Nothing: no bound.
    std::optional<UtcTime> from;
    std::optional<UtcTime> to;
    std::optional<std::string> project;  // its slug
    std::optional<std::string> provider;
    std::optional<std::string> model;
    std::optional<std::string> tool;  // "": nobody knows it
    std::optional<std::string> session_id;
    std::optional<std::string> status;
    std::optional<std::string> error_class;
    bool only_errors = false;  // any status but success
};

struct RequestQuery {
    RequestFilter filter;
    std::size_t limit = 50;  // at most request_page_max
    std::string cursor;      // of the page before; empty: the first page
    bool is_oldest_first = false;
    bool has_total = true;  // wanted beside the rows
};

struct RequestRow {
    std::string id;
    std::string project;       // slug
    std::string requested_at;  // as stored: UTC, microseconds, "Z"
    std::string provider;
    std::string model;
    std::string requested_model;
    std::string mode;
    std::string request_kind;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t thinking_tokens = 0;
    std::int64_t cache_read_tokens = 0;
    std::int64_t cache_write_tokens = 0;
    std::int64_t cache_write_1h_tokens = 0;
    std::optional<NanoUsd> cost;
    std::string cost_state;
    std::string rates_source;
    std::string price_id;
    std::string price_date;
    std::string billing;  // name_of(meter::BillingMode)
    std::string service_tier;
    std::optional<double> latency_ms;
    std::optional<double> time_to_first_byte_ms;
    bool tokens_complete = true;
    std::string status;
    std::string error_class;
    std::string provider_error_code;
    std::optional<int> http_status;
    std::optional<bool> retryable;
    std::optional<int> retry_count;
    std::string method;
    std::string host;
    std::string path;
    std::string provider_request_id;
    std::string user_agent;
    std::string client_tool;
    std::string client_version;
    std::string session_id;
    std::string thread_id;
    std::string turn_id;
    std::string agent_name;
    std::string git_branch;
    std::string attribution_layer;
    std::string source_workdir;
};

struct RequestPage {
    std::vector<RequestRow> items;
    std::string next_cursor;  // empty: this was the last page
    std::int64_t total = 0;   // all rows that the filter lets through
};

Result<RequestPage> read_requests(Reader& reader, const RequestQuery& query);

// One call by its id, or nothing.
Result<std::optional<RequestRow>> read_request(Reader& reader, const std::string& id);

struct ErrorGroup {
    std::string provider;
    std::string error_class;
    std::string provider_error_code;
    std::optional<int> http_status;
    std::optional<bool> retryable;
    std::int64_t requests = 0;
    std::string first_at;  // as stored
    std::string last_at;
};

// What failed, most calls first, then the newest; of the filter's time, project, provider, model, tool and error_class.
Result<std::vector<ErrorGroup>> read_error_groups(Reader& reader, const RequestFilter& filter);

}  // namespace halton::store
