#include "roles/error_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "meter/call.h"
#include "roles/count_text.h"
#include "roles/local_time.h"
#include "roles/table.h"

namespace halton::roles {
namespace {

struct Advice {
    std::string_view error_class;
    std::string_view text;
};
constexpr std::array all_advice{
    Advice{"rate_limit", "throttled by the provider: fewer calls at once, or wait and retry"},
    Advice{"server_error", "the provider's fault: wait and retry, look at its status page"},
    Advice{"bad_request", "the request itself was refused: mend the caller, a retry cannot help"},
    Advice{"context_length_exceeded", "the prompt is too long for the model: shorten it"},
    Advice{"auth", "the key is missing, wrong or revoked: set a good one"},
    Advice{"permission", "the key may not use this model or endpoint: ask for access"},
    Advice{"quota_exceeded", "no credit is left: no waiting helps, look at the account's billing"},
    Advice{"timeout", "the provider ran out of time: send less at once, or retry"},
    Advice{"network", "the provider was not reached: look at DNS, proxy and firewall"},
    // Not an error of a provider.
    Advice{"aborted", "the client went away before the end of the answer"},
    Advice{"unknown", "no rule fits: the code and the HTTP status say more"},
};

std::string_view class_of(const store::ErrorGroup& group) {
    return group.error_class.empty() ? "aborted" : std::string_view(group.error_class);
}

}  // namespace

std::string_view advice_of(std::string_view error_class) {
    const auto found = std::find_if(all_advice.begin(), all_advice.end(), [&](const Advice& each) {
        return each.error_class == error_class;
    });
    return found == all_advice.end() ? all_advice.back().text : found->text;
}

std::string to_errors_text(const std::vector<store::ErrorGroup>& groups, const store::DayZone& zone,
                           int width) {
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string_view> classes;
    for (const auto& group : groups) {
        const auto last = parse_iso8601(group.last_at);
        rows.push_back(
            {to_safe_text(class_of(group), 40), group.provider,
             group.provider_error_code.empty() ? "-" : to_safe_text(group.provider_error_code, 60),
             group.http_status ? fmt::format("{}", *group.http_status) : "-",
             with_separators(group.requests),
             group.retryable ? (*group.retryable ? "yes" : "no") : "-",
             last ? to_local_text(*last, zone).substr(0, 16) : "-"});
        if (std::find(classes.begin(), classes.end(), class_of(group)) == classes.end())
            classes.push_back(class_of(group));
    }
    auto text = render_table({{"class", false, 0},
                              {"provider", false, 2},
                              {"code", false, 0, true},
                              {"HTTP", true, 1},
                              {"calls", true, 0},
                              {"retry helps", false, 4},
                              {"last", false, 3}},
                             std::move(rows), width);
    std::string advice = "\n";
    for (const auto error_class : classes)
        advice += fmt::format("  {}: {}\n", to_safe_text(error_class, 40), advice_of(error_class));
    return text + wrap_text(advice, width);
}

std::string to_errors_json(const std::vector<store::ErrorGroup>& groups) {
    JsonWriter json;
    json.begin_object().begin_array("errors");
    for (const auto& group : groups) {
        json.begin_object().text("provider", group.provider);
        json.text("error_class", class_of(group));
        json.text("wire_class", meter::to_wire_class(class_of(group)));
        group.provider_error_code.empty()
            ? json.null("provider_error_code")
            : json.text("provider_error_code", group.provider_error_code);
        group.http_status ? json.number("http_status", *group.http_status)
                          : json.null("http_status");
        group.retryable ? json.flag("retryable", *group.retryable) : json.null("retryable");
        json.number("requests", group.requests);
        json.text("first_at", group.first_at).text("last_at", group.last_at);
        json.text("advice", advice_of(class_of(group))).end();
    }
    json.end().end();
    return json.finish();
}

}  // namespace halton::roles
