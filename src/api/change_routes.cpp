// Routes that change something. The token and the origin were looked at before (guard.h); every
// change is made by the functions that the verbs use.
#include <fmt/format.h>

#include "api/handlers.h"
#include "api/policy_json.h"
#include "api/rows_json.h"
#include "base/json.h"
#include "config/slug.h"
#include "store/policies.h"
#include "store/projects.h"

namespace halton::api {
namespace {

constexpr std::string_view actor = "api";

// One wrong member of the body.
Answer make_wrong_member(std::string_view name, std::string_view wanted) {
    auto json = begin_json();
    json.begin_array("detail").begin_object();
    json.begin_array("loc").text({}, "body");
    if (!name.empty()) json.text({}, name);
    json.end().text("msg", fmt::format("wanted: {}", wanted)).text("type", "value_error");
    json.end().end().end();
    return {422, json.finish()};
}

// A text member; absent and null leave `value` alone. False: it is something else.
bool take_text(JsonView body, std::string_view name, std::string& value) {
    const auto member = body[name];
    if (!member.is_present() || member.is_null()) return true;
    const auto text = member.as_string();
    if (!text) return false;
    value = *text;
    return true;
}

Answer answer_project(const Context& context, const std::string& slug) {
    Request request = context.request;
    request.name = slug;
    return project({request, context.facts, context.sources, context.reader});
}

Answer answer_policy(const Result<meter::Policy>& policy) {
    if (!policy) return make_problem(policy.error());
    JsonWriter json(JsonWriter::Layout::compact);
    write_policy(json, *policy);
    return {200, json.finish()};
}

}  // namespace

Answer change_project(const Context& context) {
    const auto& database = context.sources.database;
    JsonParser parser;
    const auto body = parser.parse(context.request.body);
    if (!body || !body->is_object()) return make_wrong_member({}, "an object of JSON");
    // All of it is looked at before any of it is done.
    std::string name;
    std::string new_slug;
    if (!take_text(*body, "name", name) || name.size() > 200)
        return make_wrong_member("name", "a text of at most 200 bytes");
    if (!take_text(*body, "slug", new_slug) || (!new_slug.empty() && !config::is_slug(new_slug)))
        return make_wrong_member("slug", "lower-case letters, digits, - _ : /");
    const auto archived = (*body)["archived"];
    if (archived.is_present() && !archived.as_bool())
        return make_wrong_member("archived", "true or false");
    const auto capture = (*body)["body_capture"];
    if (capture.is_present() && !capture.is_null() && !capture.as_bool())
        return make_wrong_member("body_capture", "true, false or null");

    std::string slug = store::find_current_slug(database, context.request.name);
    const auto before = answer_project(context, slug);
    if (before.status != 200) return before;
    if (!new_slug.empty() && new_slug != slug) {
        if (const auto done = store::rename_project(database, slug, new_slug, actor); !done)
            return make_problem(done.error());
        slug = new_slug;
    }
    store::ProjectChange change;
    if (!name.empty()) change.name = name;
    if (capture.is_present()) change.body_capture = capture.as_bool();
    if (change.name || change.body_capture) {
        if (const auto done = store::change_project(database, slug, change, actor); !done)
            return make_problem(done.error());
    }
    if (archived.is_present()) {
        const bool is_archived = *archived.as_bool();
        if (const auto done = store::archive_project(database, slug, is_archived, actor); !done)
            return make_problem(done.error());
    }
    return answer_project(context, slug);
}

Answer change_policy(const Context& context) {
    JsonParser parser;
    const auto body = parser.parse(context.request.body);
    if (!body || !body->is_object()) return make_wrong_member({}, "an object of JSON");
    const auto enabled = (*body)["enabled"].as_bool();
    if (!enabled) return make_wrong_member("enabled", "true or false");
    return answer_policy(
        store::enable_policy(context.sources.database, context.request.name, *enabled, actor));
}

Answer add_policy(const Context& context) {
    JsonParser parser;
    const auto body = parser.parse(context.request.body);
    if (!body || !body->is_object()) return make_wrong_member({}, "an object of JSON");
    meter::Policy policy;
    std::string kind, action, limit, period;
    const std::array<std::pair<std::string_view, std::string*>, 9> texts{
        {{"name", &policy.name},
         {"kind", &kind},
         {"action", &action},
         {"project", &policy.project},
         {"provider", &policy.provider},
         {"model", &policy.model},
         {"tool", &policy.tool},
         {"limit_usd", &limit},
         {"period", &period}}};
    for (const auto& [name, value] : texts)
        if (!take_text(*body, name, *value) || value->size() > 200)
            return make_wrong_member(name, "a text of at most 200 bytes");
    if (policy.name.empty()) return make_wrong_member("name", "a text");
    const auto known_kind = meter::parse_policy_kind(kind);
    if (!known_kind) return make_wrong_member("kind", "model or budget");
    policy.kind = *known_kind;
    if (!action.empty()) {
        const auto known = meter::parse_policy_action(action);
        if (!known) return make_wrong_member("action", "log, warn or block");
        policy.action = *known;
    }
    if (const auto priority = (*body)["priority"]; priority.is_present()) {
        const auto number = priority.as_integer();
        if (!number || *number < 0 || *number > 1'000'000)
            return make_wrong_member("priority", "a whole number from 0 to 1000000");
        policy.priority = static_cast<int>(*number);
    }
    if (const auto counts = (*body)["counts_plan"]; counts.is_present()) {
        if (!counts.as_bool()) return make_wrong_member("counts_plan", "true or false");
        policy.counts_plan = *counts.as_bool();
    }
    if (policy.kind == meter::PolicyKind::budget) {
        const auto dollars = meter::parse_dollars(limit);
        if (!dollars) return make_wrong_member("limit_usd", "dollars, as 12.50");
        policy.limit = *dollars;
        const auto known = meter::parse_budget_period(period);
        if (!known) return make_wrong_member("period", "day, week or month");
        policy.period = *known;
    }
    return answer_policy(store::add_policy(context.sources.database, std::move(policy), actor));
}

Answer remove_policy(const Context& context) {
    const auto removed =
        store::remove_policy(context.sources.database, context.request.name, actor);
    if (!removed) return make_problem(removed.error());
    return {200, R"({"done":true})"};
}

}  // namespace halton::api
