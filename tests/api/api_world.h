// A database with calls, and routes that are asked as the server asks them: by method and target,
// with every answer held against the shape that its route promises.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/routes.h"
#include "api/schema.h"
#include "base/json.h"
#include "meter/pricing.h"
#include "store/calls.h"
#include "store/reader.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/fake_clock.h"
#include "support/temp_directory.h"

namespace halton::test {

// What of `value` is not of that type, as the path to it; empty: all is well.
inline std::string find_misfit(JsonView value, std::string_view type, const std::string& at);

inline std::string find_field_misfit(JsonView value, const api::Schema& schema,
                                     std::vector<std::string>& known, const std::string& at) {
    for (const auto& field : schema.fields) {
        if (field.name == "*") {
            const auto misfit =
                find_field_misfit(value, *api::find_schema(field.type.substr(1)), known, at);
            if (!misfit.empty()) return misfit;
            continue;
        }
        known.emplace_back(field.name);
        const auto path = at + "." + std::string(field.name);
        if (!value[field.name].is_present()) return path + " is missing";
        const auto misfit = find_misfit(value[field.name], field.type, path);
        if (!misfit.empty()) return misfit;
    }
    return {};
}

inline std::string find_misfit(JsonView value, std::string_view type, const std::string& at) {
    if (type.ends_with('?')) {
        if (value.is_null()) return {};
        type.remove_suffix(1);
    }
    const auto expect = [&](bool is_right) {
        return is_right ? std::string() : at + " is no " + std::string(type);
    };
    if (type == "any") return {};
    if (type == "int") return expect(value.as_integer() && !value.is_string());
    if (type == "num") return expect(value.as_number().has_value());
    if (type == "bool") return expect(value.as_bool().has_value());
    if (type == "text") return expect(value.is_string());
    if (type == "date")
        return expect(value.is_string() && api::parse_day(*value.as_string()).has_value());
    if (type == "time")
        return expect(value.is_string() && value.as_string()->size() == 27 &&
                      parse_iso8601(*value.as_string()).has_value());
    std::string misfit;
    if (type.starts_with('[')) {
        if (!value.is_array()) return at + " is no list";
        value.for_each_element([&](JsonView element) {
            if (misfit.empty())
                misfit = find_misfit(element, type.substr(1, type.size() - 2), at + "[]");
        });
        return misfit;
    }
    if (!value.is_object()) return at + " is no object";
    if (type.starts_with('{')) {
        value.for_each_member([&](std::string_view name, JsonView member) {
            if (misfit.empty())
                misfit = find_misfit(member, type.substr(1, type.size() - 2),
                                     at + "." + std::string(name));
        });
        return misfit;
    }
    const auto* schema = api::find_schema(type.substr(1));
    if (schema == nullptr) return "no shape " + std::string(type);
    std::vector<std::string> known;
    misfit = find_field_misfit(value, *schema, known, at);
    if (!misfit.empty()) return misfit;
    value.for_each_member([&](std::string_view name, JsonView) {
        if (std::find(known.begin(), known.end(), name) == known.end())
            misfit = at + "." + std::string(name) + " is nowhere described";
    });
    return misfit;
}

class ApiWorld {
public:
    // Nobody has called yet: 2026-11-21T01:02:03Z.
    ApiWorld() {
        sources.clock = &clock;
        sources.database = (folder / "db.sqlite").string();
        sources.prices = &meter::PriceBook::bundled();
        sources.local_zone = [](UtcTime, UtcTime) {
            return store::DayZone{{{UtcTime{}, std::chrono::minutes(60)}}};
        };
        sources.local_zone_name = [](UtcTime) { return std::string("CET"); };
        sources.metrics = [] { return std::string("# metrics\n"); };
        sources.doctor = [] { return std::string("{}"); };
        facts.state = api::DaemonFacts::State::ok;
        facts.version = "1.2.3";
        facts.ledger.state = "ok";
        write({});
    }

    void write(const std::vector<meter::CallRecord>& calls) {
        write_calls(sources.database, calls);
    }

    // Like make_call(), but begun at that time.
    meter::CallRecord call(std::uint64_t number, const char* at) {
        auto made = make_call(number);
        made.requested_at = *parse_iso8601(at);
        return made;
    }

    api::Answer ask(std::string_view method, std::string_view target, std::string body = {}) {
        auto request = api::parse_request(method, target);
        REQUIRE(request);
        request->body = std::move(body);
        api::resolve_alias(*request);
        std::string allowed;
        const auto* route = api::find_route(*request, allowed);
        if (route == nullptr) return api::make_problem(allowed.empty() ? 404 : 405, "no route");
        if (auto wrong = api::check_query(*route, *request)) return std::move(*wrong);
        REQUIRE(route->answer != nullptr);
        auto answer = route->answer({*request, facts, sources, &reader});
        if (answer.status == 200) check_shape(answer, route->gives);
        return answer;
    }

    // The body of a good answer.
    JsonView get(std::string_view target) {
        last = ask("GET", target);
        INFO(target << ": " << last.status << ' ' << last.body);
        REQUIRE(last.status == 200);
        auto json = parser.parse(last.body);
        REQUIRE(json);
        return *json;
    }

    int status(std::string_view target) {
        last = ask("GET", target);
        if (last.status >= 400) {
            auto json = parser.parse(last.body);
            REQUIRE(json);
            CHECK((*json)["detail"].is_present());
        }
        return last.status;
    }

    // All pieces of a long answer, its first included.
    std::string read_all(api::Answer answer) {
        std::string text = answer.body;
        while (answer.more) {
            const auto piece = answer.more(reader);
            REQUIRE(piece);
            if (piece->empty()) break;
            text += *piece;
        }
        return text;
    }

    TempDirectory folder;
    FakeClock clock;
    api::Sources sources;
    api::DaemonFacts facts;
    store::Reader reader{folder / "db.sqlite"};
    JsonParser parser;
    api::Answer last;

private:
    static void check_shape(const api::Answer& answer, std::string_view gives) {
        if (gives.find('/') != std::string_view::npos) return;
        JsonParser own;
        const auto json = own.parse(answer.body);
        INFO(answer.body.substr(0, 2000));
        REQUIRE(json);
        if (gives.starts_with('['))
            CHECK(find_misfit(*json, "[#" + std::string(gives.substr(1)), "") == "");
        else
            CHECK(find_misfit(*json, "#" + std::string(gives), "") == "");
    }
};

inline std::string text_at(JsonView value) {
    return std::string(value.as_string().value_or(value.is_null() ? "null" : "absent"));
}
inline std::int64_t number_at(JsonView value) { return value.as_integer().value_or(-999); }
inline std::vector<std::string> texts_of(JsonView list, std::string_view member) {
    std::vector<std::string> texts;
    list.for_each_element([&](JsonView element) {
        texts.push_back(text_at(member.empty() ? element : element[member]));
    });
    return texts;
}
inline JsonView element(JsonView list, std::size_t index) {
    JsonView found;
    std::size_t at = 0;
    list.for_each_element([&](JsonView value) {
        if (at++ == index) found = value;
    });
    return found;
}

}  // namespace halton::test
