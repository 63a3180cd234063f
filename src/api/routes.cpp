#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "api/handlers.h"
#include "api/routes.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "base/text.h"

namespace halton::api {
namespace {

using namespace std::string_view_literals;

// clang-format off
constexpr Parameter since{"since", "date", "from this day or time on (UTC)"};
constexpr Parameter until{"until", "date", "up to this day or time, which is excluded"};
constexpr Parameter zone{"zone", "utc|local", "days of UTC, or of the machine's time zone"};
constexpr Parameter cursor{"cursor", "text", "next_cursor of the page before"};
constexpr Parameter limit{"limit", "int", "items of a page; 50 when it is not said", 1, limits::api_page_rows_max};
constexpr Parameter project_name{"project", "text", "slug"};
constexpr Parameter provider{"provider", "text", "exact name"};
constexpr Parameter model{"model", "text", "exact id"};
constexpr Parameter tool{"tool", "text", "client_tool"};
constexpr Parameter session{"session", "text", "session_id"};
constexpr Parameter status{"status", "success|error|aborted|blocked", ""};
constexpr Parameter error_class{"error_class", "text", "one of the ten classes"};

constexpr std::array of_time{since, until};
constexpr std::array of_stats{since, until, zone};
constexpr std::array of_calls{limit, cursor, provider, model, tool, session, status, error_class, since, until};
constexpr std::array of_all_calls{limit, cursor, project_name, provider, model, tool, session, status, error_class, since, until};
constexpr std::array of_csv{project_name, provider, model, tool, session, status, error_class, since, until};
constexpr std::array of_usage{
    Parameter{"by", "text", "groupings with commas between: hour, day, week, month, project, provider, model, tool, billing"},
    since, until, zone, project_name, provider, model, tool,
    Parameter{"limit", "int", "groups; 1000 when it is not said", 1, limits::api_group_rows_max}};
constexpr std::array of_sessions{limit, cursor, project_name, tool, since, until};
constexpr std::array of_prices{
    Parameter{"used", "flag", "only models that were called in the last 90 days"},
    Parameter{"q", "text", "only where provider or model contains this"}};
constexpr std::array of_audit{limit, cursor, project_name, Parameter{"type", "text", "event_type, or its beginning up to a dot: policy."}, since};

constexpr std::array table{
    Route{"GET", "/health", Runs::io, &health, "Health", "Whether the daemon works. 503 while it starts or drains"},
    Route{"GET", "/v1/daemon/status", Runs::io, &daemon_status, "DaemonStatus", "The daemon and its counters"},
    Route{"GET", "/v1/projects", Runs::reader, &projects, "[Project]", "All projects, archived ones too"},
    Route{"GET", "/v1/projects/{slug}/stats", Runs::reader, &project_stats, "Stats", "Sums of one project", of_stats},
    Route{"GET", "/v1/projects/{slug}/requests", Runs::reader, &requests, "RequestPage", "Calls of one project", of_calls},
    Route{"GET", "/v1/projects/{slug}/requests.csv", Runs::reader, &requests_csv, "text/csv", "All calls of one project", of_csv},
    Route{"GET", "/v1/projects/{slug}", Runs::reader, &project, "Project", "One project; an old slug leads to it"},
    Route{"PATCH", "/v1/projects/{slug}", Runs::writer, &change_project, "Project", "Renames, archives, sets", {}, "ProjectChange", true},
    Route{"GET", "/v1/stats", Runs::reader, &stats, "Stats", "Sums over all projects", of_stats},
    Route{"GET", "/v1/usage", Runs::reader, &usage, "Usage", "Sums by any grouping", of_usage},
    Route{"GET", "/v1/requests", Runs::reader, &requests, "RequestPage", "Calls of all projects", of_all_calls},
    Route{"GET", "/v1/requests.csv", Runs::reader, &requests_csv, "text/csv", "All calls", of_csv},
    Route{"GET", "/v1/requests/{id}", Runs::reader, &request_detail, "RequestDetail", "One call, and how its cost came about"},
    Route{"GET", "/v1/sessions", Runs::reader, &sessions, "SessionPage", "Sessions of agents", of_sessions},
    Route{"GET", "/v1/sessions/{id}", Runs::reader, &session_detail, "SessionDetail", "One session with its calls", std::span(of_calls).first(2)},
    Route{"GET", "/v1/tools", Runs::reader, &tools, "Tools", "Which programs called", of_time},
    Route{"GET", "/v1/errors", Runs::reader, &errors, "Errors", "What failed, and what to do", of_time},
    Route{"GET", "/v1/passthrough", Runs::reader, &passthrough, "Passthrough", "What was not metered, and why", std::span(of_time).first(1)},
    Route{"GET", "/v1/limits", Runs::reader, &limits_of_plans, "Limits", "How full subscriptions are, as providers say"},
    Route{"GET", "/v1/prices", Runs::reader, &prices, "Prices", "The price list", of_prices},
    Route{"GET", "/v1/pricing-rates", Runs::reader, &prices, "Prices", "The same", of_prices},
    Route{"GET", "/v1/policies", Runs::reader, &policies, "Policies", ""},
    Route{"POST", "/v1/policies", Runs::writer, &add_policy, "Policy", "Adds one", {}, "NewPolicy", true},
    Route{"PATCH", "/v1/policies/{id}", Runs::writer, &change_policy, "Policy", "Switches one on or off", {}, "PolicyChange", true},
    Route{"DELETE", "/v1/policies/{id}", Runs::writer, &remove_policy, "Done", "Removes one", {}, {}, true},
    Route{"GET", "/v1/budgets", Runs::reader, &budgets, "Budgets", "Spent against allowed, and the forecast"},
    Route{"GET", "/v1/audit", Runs::reader, &audit, "Audit", "What policies did and people changed", of_audit},
    Route{"GET", "/v1/bodies/{id}", Runs::reader, &body, "Body", "A captured body; with the token, for it holds prompts", {}, {}, true},
    Route{"GET", "/v1/doctor", Runs::slow, &doctor, "Doctor", "What is wrong, the root cause first"},
    Route{"GET", "/v1/cloud/state", Runs::io, &cloud_state, "CloudState", "That there is none"},
    Route{"POST", "/v1/cloud/connect", Runs::io, &cloud_connect, "Problem", "Begins nothing: there is no cloud part to pair with"},
    Route{"GET", "/v1/live", Runs::live, nullptr, "text/event-stream", "Server-sent events: hello (LiveHello), state (LiveState) when the running calls change, call (Request, with its id) when one ends, lost (LiveLost)"},
    Route{"GET", "/metrics", Runs::io, &metrics, "text/plain", "Prometheus text"},
    Route{"GET", "/v1/openapi.json", Runs::io, &openapi, "application/json", "This description"},
};
// clang-format on

// How many parts of the path the pattern's placeholder stands for; the others have to be equal.
bool matches(std::string_view pattern, const std::vector<PathPart>& path, std::string& name) {
    std::vector<std::string_view> wanted;
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        const auto end = std::min(pattern.find('/'), pattern.size());
        wanted.push_back(pattern.substr(0, end));
        pattern.remove_prefix(end);
    }
    const auto place = std::find_if(wanted.begin(), wanted.end(),
                                    [](std::string_view part) { return part.starts_with('{'); });
    const auto before = static_cast<std::size_t>(place - wanted.begin());
    const auto is_same = [&](std::size_t at, std::string_view part) {
        return path[at].raw == part;
    };
    if (place == wanted.end()) {
        if (path.size() != wanted.size()) return false;
        for (std::size_t i = 0; i < wanted.size(); ++i)
            if (!is_same(i, wanted[i])) return false;
        return true;
    }
    if (path.size() < wanted.size()) return false;
    const std::size_t after = wanted.size() - before - 1;
    const std::size_t count = path.size() - before - after;
    if (count > 1 && *place != "{slug}") return false;
    for (std::size_t i = 0; i < before; ++i)
        if (!is_same(i, wanted[i])) return false;
    for (std::size_t i = 0; i < after; ++i)
        if (!is_same(path.size() - after + i, wanted[before + 1 + i])) return false;
    name.clear();
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) name += '/';
        name += path[before + i].decoded;
    }
    return !name.empty();
}

bool is_of_type(const Parameter& parameter, std::string_view value) {
    if (parameter.type == "date") return parse_day_or_time(value).has_value();
    if (parameter.type == "flag") return value == "0" || value == "1";
    if (parameter.type == "int") {
        const auto number = parse_decimal(value);
        return number && *number <= static_cast<std::uint64_t>(parameter.max) &&
               *number >= static_cast<std::uint64_t>(parameter.min);
    }
    if (parameter.type == "text") return true;
    for (std::string_view words = parameter.type; !words.empty();) {
        const auto end = std::min(words.find('|'), words.size());
        if (words.substr(0, end) == value) return true;
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return false;
}

std::string describe_type(const Parameter& parameter) {
    if (parameter.type == "date") return "a day as 2026-11-21, or a time as 2026-11-21T01:02:03Z";
    if (parameter.type == "flag") return "0 or 1";
    if (parameter.type == "int")
        return fmt::format("a whole number from {} to {}", parameter.min, parameter.max);
    return fmt::format("one of {}", parameter.type);
}

}  // namespace

std::span<const Route> routes() { return table; }

void resolve_alias(Request& request) {
    if (request.path.size() < 2 || request.path[0].raw != "api") return;
    request.path[0] = {"v1", "v1"};
    std::string& word = request.path[1].raw;
    if (word == "calls") word = "requests";
    if (word == "pricing") word = "prices";
    request.path[1].decoded = word;
}

const Route* find_route(Request& request, std::string& allowed) {
    allowed.clear();
    const std::string_view method = request.method == "HEAD" ? "GET"sv : request.method;
    std::string_view path;  // of the first match: a later pattern may match the same words
    for (const Route& route : table) {
        if ((!path.empty() && route.path != path) ||
            !matches(route.path, request.path, request.name))
            continue;
        path = route.path;
        if (route.method == method) return &route;
        if (!allowed.empty()) allowed += ", ";
        allowed += route.method;
        if (route.method == "GET"sv) allowed += ", HEAD";
    }
    return nullptr;
}

std::optional<Answer> check_query(const Route& route, const Request& request) {
    JsonWriter json;
    json.begin_object().begin_array("detail");
    bool is_wrong = false;
    for (const Parameter& parameter : route.query) {
        const auto* value = request.find(parameter.name);
        if (value == nullptr || is_of_type(parameter, *value)) continue;
        is_wrong = true;
        json.begin_object().begin_array("loc").text({}, "query").text({}, parameter.name).end();
        json.text("msg", "wanted: " + describe_type(parameter)).text("type", "value_error").end();
    }
    if (!is_wrong) return std::nullopt;
    json.end().end();
    return Answer{422, json.finish()};
}

Answer make_problem(int status, std::string_view detail) {
    JsonWriter json;
    json.begin_object().text("detail", detail).end();
    return {status, json.finish()};
}

Answer make_problem(const Error& error) {
    switch (error.kind) {
        case ErrorKind::not_found: return make_problem(404, error.context);
        case ErrorKind::malformed:
        case ErrorKind::unsupported:
        case ErrorKind::permission: return make_problem(409, error.context);
        case ErrorKind::timeout:
        case ErrorKind::cancelled:
            return make_problem(503, "the query took too long and was given up; ask for less");
        case ErrorKind::too_large: return make_problem(422, error.context + "; ask for less");
        default: return make_problem(503, "the database cannot be read: " + error.context);
    }
}

Answer make_read_problem(const Error& error) {
    if (error.kind == ErrorKind::not_found) return make_problem(503, "there is no database yet");
    return make_problem(error);
}

}  // namespace halton::api
