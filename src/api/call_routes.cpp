// Routes about single calls: pages of them, one of them, CSV, sessions, errors, tools, bodies.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "api/csv.h"
#include "api/handlers.h"
#include "api/reasons.h"
#include "api/rows_json.h"
#include "base/limits.h"
#include "base/text.h"
#include "meter/call.h"
#include "store/bodies.h"
#include "store/reader.h"
#include "store/requests.h"
#include "store/sessions.h"
#include "store/usage.h"

namespace halton::api {
namespace {

std::optional<std::string> read_text(const Request& request, std::string_view name) {
    const auto* text = request.find(name);
    return text ? std::optional(*text) : std::nullopt;
}

std::optional<UtcTime> read_time(const Request& request, std::string_view name) {
    const auto* text = request.find(name);
    return text ? parse_day_or_time(*text) : std::nullopt;
}

std::int64_t read_limit(const Request& request) {
    const auto* text = request.find("limit");
    return text ? static_cast<std::int64_t>(parse_decimal(*text).value_or(limits::api_page_rows))
                : limits::api_page_rows;
}

store::RequestFilter make_filter(const Request& request) {
    store::RequestFilter filter;
    filter.from = read_time(request, "since");
    filter.to = read_time(request, "until");
    filter.project = read_text(request, "project");
    filter.provider = read_text(request, "provider");
    filter.model = read_text(request, "model");
    filter.tool = read_text(request, "tool");
    filter.session_id = read_text(request, "session");
    filter.status = read_text(request, "status");
    filter.error_class = read_text(request, "error_class");
    return filter;
}

Answer make_page_problem(const Error& error) {
    return error.kind == ErrorKind::malformed ? make_wrong_cursor() : make_read_problem(error);
}

// The project of the path, by its slug of today; where the path names one and there is none, an
// answer that says so.
std::optional<Answer> take_project(const Context& context, store::RequestFilter& filter) {
    if (context.request.name.empty()) return std::nullopt;
    const auto rows = store::read_project_usage(
        context.database(), context.sources.clock->now_utc(), {}, context.request.name);
    if (!rows) return make_read_problem(rows.error());
    if (rows->empty()) return make_problem(404, "no project of that name");
    filter.project = rows->front().slug;
    return std::nullopt;
}

void write_page(JsonWriter& json, const store::RequestPage& page) {
    json.begin_array("items");
    for (const auto& row : page.items) {
        json.begin_object();
        write_call(json, row);
        json.end();
    }
    json.end();
    text_or_null(json, "next_cursor", page.next_cursor);
    json.number("total", page.total);
}

void write_session(JsonWriter& json, const store::SessionRow& row) {
    json.text("session_id", row.session_id);
    text_or_null(json, "client_tool", row.client_tool);
    text_or_null(json, "client_version", row.client_version);
    json.text("project", row.project);
    text_or_null(json, "git_branch", row.git_branch);
    json.text("started_at", row.started_at).text("last_at", row.last_at);
    json.begin_array("models");
    for (const auto& model : row.models) json.text({}, model);
    json.end().number("retry_count", row.retry_count);
    write_sums(json, row.sums);
}

// What was asked for, or the last 30 days.
struct Window {
    UtcTime from;
    UtcTime to;
};
Window read_window(const Context& context) {
    const UtcTime now = context.sources.clock->now_utc();
    return {read_time(context.request, "since").value_or(now - std::chrono::hours(24 * 30)),
            read_time(context.request, "until").value_or(now + std::chrono::microseconds(1))};
}

void write_window(JsonWriter& json, const Window& window) {
    json.text("since", to_iso8601(window.from)).text("until", to_iso8601(window.to));
}

}  // namespace

Answer make_wrong_cursor() {
    auto json = begin_json();
    json.begin_array("detail").begin_object();
    json.begin_array("loc").text({}, "query").text({}, "cursor").end();
    json.text("msg", "this is no cursor of ours").text("type", "value_error").end().end().end();
    return {422, json.finish()};
}

Answer requests(const Context& context) {
    store::RequestQuery query;
    query.filter = make_filter(context.request);
    query.limit = static_cast<std::size_t>(read_limit(context.request));
    if (auto refusal = take_project(context, query.filter)) return std::move(*refusal);
    query.cursor = read_text(context.request, "cursor").value_or("");
    const auto page = store::read_requests(context.database(), query);
    if (!page) return make_page_problem(page.error());
    auto json = begin_json();
    write_page(json, *page);
    json.end();
    return {200, json.finish()};
}

Answer requests_csv(const Context& context) {
    store::RequestQuery query;
    query.filter = make_filter(context.request);
    query.limit = limits::api_csv_rows_per_step;
    query.has_total = false;
    if (auto refusal = take_project(context, query.filter)) return std::move(*refusal);
    Answer answer{200, {}, "text/csv; charset=utf-8"};
    // Of the name only what no file system and no header minds.
    std::string name = context.request.name.empty() ? "all" : context.request.name;
    std::replace_if(
        name.begin(), name.end(),
        [](char c) {
            return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_');
        },
        '-');
    answer.headers.emplace_back(
        "Content-Disposition",
        fmt::format("attachment; filename=\"halton-meter-{}.csv\"", name.substr(0, 100)));
    enum class At { header, rows, end };
    answer.more =
        [query, at = std::make_shared<At>(At::header),
         cursor = std::make_shared<std::string>()](store::Reader& reader) -> Result<std::string> {
        if (*at == At::end) return std::string();
        auto step = query;
        step.cursor = *cursor;
        const auto page = store::read_requests(reader, step);
        if (!page) return fail(page.error());
        std::string text = *at == At::header ? csv_header() : std::string();
        for (const auto& row : page->items) text += to_csv_line(row);
        *cursor = page->next_cursor;
        *at = cursor->empty() ? At::end : At::rows;
        return text;
    };
    return answer;
}

Answer request_detail(const Context& context) {
    const auto row = store::read_request(context.database(), context.request.name);
    if (!row) return make_read_problem(row.error());
    if (!*row) return make_problem(404, "no call of that id");
    const auto& call = **row;
    auto json = begin_json();
    json.begin_object("request");
    write_call(json, call);
    json.end().begin_object("detail");
    json.number("cache_write_1h_tokens", call.cache_write_1h_tokens);
    text_or_null(json, "service_tier", call.service_tier);
    text_or_null(json, "method", call.method);
    text_or_null(json, "host", call.host);
    text_or_null(json, "path", call.path);
    text_or_null(json, "provider_request_id", call.provider_request_id);
    text_or_null(json, "user_agent", call.user_agent);
    text_or_null(json, "thread_id", call.thread_id);
    text_or_null(json, "turn_id", call.turn_id);
    text_or_null(json, "attribution_layer", call.attribution_layer);
    text_or_null(json, "source_workdir", call.source_workdir);
    json.end();
    const auto captured = store::read_body(context.sources.database, call.id);
    json.flag("has_body", captured && captured->entry.request_id == call.id);
    const auto story = context.sources.explain
                           ? context.sources.explain(context.database(), call.id)
                           : std::string();
    story.empty() ? json.null("explanation") : json.json("explanation", story);
    json.end();
    return {200, json.finish()};
}

Answer sessions(const Context& context) {
    store::SessionQuery query;
    query.from = read_time(context.request, "since");
    query.to = read_time(context.request, "until");
    query.project = read_text(context.request, "project");
    query.tool = read_text(context.request, "tool");
    query.limit = static_cast<std::size_t>(read_limit(context.request));
    query.cursor = read_text(context.request, "cursor").value_or("");
    const auto page = store::read_sessions(context.database(), query);
    if (!page) return make_page_problem(page.error());
    auto json = begin_json();
    json.begin_array("items");
    for (const auto& row : page->items) {
        json.begin_object();
        write_session(json, row);
        json.end();
    }
    json.end();
    text_or_null(json, "next_cursor", page->next_cursor);
    json.number("total", page->total).end();
    return {200, json.finish()};
}

Answer session_detail(const Context& context) {
    const auto session = store::read_session(context.database(), context.request.name);
    if (!session) return make_read_problem(session.error());
    if (!*session) return make_problem(404, "no session of that id");
    store::RequestQuery query;
    query.filter.session_id = context.request.name;
    query.is_oldest_first = true;
    query.limit = static_cast<std::size_t>(read_limit(context.request));
    query.cursor = read_text(context.request, "cursor").value_or("");
    const auto page = store::read_requests(context.database(), query);
    if (!page) return make_page_problem(page.error());
    auto json = begin_json();
    json.begin_object("session");
    write_session(json, **session);
    json.end().begin_object("requests");
    write_page(json, *page);
    json.end().end();
    return {200, json.finish()};
}

Answer body(const Context& context) {
    const auto found = store::read_body(context.sources.database, context.request.name);
    // Also a beginning of an id leads to a body; here it has to be the whole one.
    if (found && found->entry.request_id != context.request.name)
        return make_problem(404, "no body of that call");
    if (!found) return make_problem(found.error());
    const auto& entry = found->entry;
    auto json = begin_json();
    json.text("request_id", entry.request_id).text("captured_at", entry.captured_at);
    json.text("requested_at", entry.requested_at).text("project", entry.project_slug);
    json.text("provider", entry.provider).text("model", entry.model);
    json.number("redaction_count", entry.redaction_count);
    json.text("redaction_kinds", entry.redaction_kinds);
    for (const auto& [name, side] :
         {std::pair{"request", &found->request}, std::pair{"response", &found->response}}) {
        json.begin_object(name).text_or_null("text", side->text).number("bytes", side->bytes);
        json.flag("is_truncated", side->is_truncated);
        text_or_null(json, "content_type", side->content_type);
        json.end();
    }
    json.end();
    return {200, json.finish()};
}

Answer errors(const Context& context) {
    const auto window = read_window(context);
    store::UsageQuery all;
    all.from = window.from;
    all.to = window.to;
    const auto summary = store::read_usage_summary(context.database(), all);
    if (!summary) return make_read_problem(summary.error());
    store::RequestFilter filter;
    filter.from = window.from;
    filter.to = window.to;
    filter.only_errors = true;
    const auto groups = store::read_error_groups(context.database(), filter);
    if (!groups) return make_read_problem(groups.error());
    auto json = begin_json();
    write_window(json, window);
    json.number("total_requests", summary->sums.requests);
    json.number("error_requests", summary->sums.error_requests);
    json.begin_array("items");
    for (const auto& group : *groups) {
        // The client went away: nobody failed, and no class was found.
        const std::string_view error_class =
            group.error_class.empty() ? std::string_view("unknown") : group.error_class;
        json.begin_object().text("provider", group.provider).text("error_class", error_class);
        json.text("error_wire_class", meter::to_wire_class(error_class));
        text_or_null(json, "provider_error_code", group.provider_error_code);
        json.number_or_null("http_status", group.http_status);
        group.retryable ? json.flag("retryable", *group.retryable) : json.null("retryable");
        json.number("requests", group.requests);
        json.text("first_at", group.first_at).text("last_at", group.last_at);
        json.text("meaning", describe_error(error_class).meaning);
        json.text("what_to_do", describe_error(error_class).what_to_do).end();
    }
    json.end().end();
    return {200, json.finish()};
}

Answer tools(const Context& context) {
    const auto window = read_window(context);
    store::UsageQuery query;
    query.from = window.from;
    query.to = window.to;
    query.group_by = {store::UsageGroup::tool};
    query.has_last_at = true;
    auto rows = store::read_usage(context.database(), query);
    if (!rows) return make_read_problem(rows.error());
    const auto sessions_of = store::read_tool_sessions(context.database(), window.from, window.to);
    if (!sessions_of) return make_read_problem(sessions_of.error());
    std::stable_sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) {
        return a.sums.requests > b.sums.requests;
    });
    auto json = begin_json();
    write_window(json, window);
    json.begin_array("items");
    for (const auto& row : *rows) {
        const auto known = std::find_if(sessions_of->begin(), sessions_of->end(),
                                        [&row](const auto& tool) { return tool.tool == row.tool; });
        const bool is_known = known != sessions_of->end();
        json.begin_object();
        text_or_null(json, "tool", row.tool);
        text_or_null(json, "version", is_known ? std::string_view(known->version) : "");
        time_or_null(json, "last_at", row.last_at);
        json.number("sessions", is_known ? known->sessions : 0);
        write_sums(json, row.sums);
        json.end();
    }
    json.end().end();
    return {200, json.finish()};
}

}  // namespace halton::api
