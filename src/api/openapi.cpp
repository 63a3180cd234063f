#include "api/openapi.h"

#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "api/routes.h"
#include "api/schema.h"
#include "base/json_writer.h"
#include "base/version.h"

namespace halton::api {
namespace {

std::string reference(std::string_view name) {
    return fmt::format("#/components/schemas/{}", name);
}

std::string_view json_type(std::string_view type) {
    if (type == "int") return "integer";
    if (type == "num") return "number";
    if (type == "bool") return "boolean";
    return "string";
}

// The members of a schema for the short form of a type.
void write_type(JsonWriter& json, std::string_view type) {
    const bool may_be_null = type.ends_with('?');
    if (may_be_null) type.remove_suffix(1);
    if (type == "any") return;
    if (type.starts_with('#')) {
        if (!may_be_null) {
            json.text("$ref", reference(type.substr(1)));
            return;
        }
        json.begin_array("anyOf");
        json.begin_object().text("$ref", reference(type.substr(1))).end();
        json.begin_object().text("type", "null").end();
        json.end();
        return;
    }
    if (type.starts_with('[') || type.starts_with('{')) {
        const bool is_list = type.starts_with('[');
        json.text("type", is_list ? "array" : "object");
        json.begin_object(is_list ? "items" : "additionalProperties");
        write_type(json, type.substr(1, type.size() - 2));
        json.end();
        return;
    }
    if (may_be_null)
        json.begin_array("type").text({}, json_type(type)).text({}, "null").end();
    else
        json.text("type", json_type(type));
    if (type == "time") json.text("format", "date-time");
    if (type == "date") json.text("format", "date");
}

void write_fields(JsonWriter& json, const Schema& schema) {
    for (const Field& field : schema.fields) {
        if (field.name == "*") {
            if (const auto* more = find_schema(field.type.substr(1))) write_fields(json, *more);
            continue;
        }
        json.begin_object(field.name);
        write_type(json, field.type);
        if (!field.text.empty()) json.text("description", field.text);
        json.end();
    }
}

void write_names(JsonWriter& json, const Schema& schema) {
    for (const Field& field : schema.fields) {
        if (field.name != "*")
            json.text({}, field.name);
        else if (const auto* more = find_schema(field.type.substr(1)))
            write_names(json, *more);
    }
}

void write_schema(JsonWriter& json, const Schema& schema) {
    json.begin_object(schema.name).text("type", "object");
    if (!schema.text.empty()) json.text("description", schema.text);
    json.begin_object("properties");
    write_fields(json, schema);
    json.end();
    if (!schema.is_input) {
        json.begin_array("required");
        write_names(json, schema);
        json.end();
    }
    json.end();
}

void write_content(JsonWriter& json, std::string_view gives) {
    json.begin_object("content");
    const bool is_media = gives.find('/') != std::string_view::npos;
    json.begin_object(is_media ? gives : "application/json").begin_object("schema");
    if (gives.starts_with('[')) {
        json.text("type", "array").begin_object("items");
        json.text("$ref", reference(gives.substr(1, gives.size() - 2))).end();
    } else if (!is_media) {
        json.text("$ref", reference(gives));
    } else {
        json.text("type", gives == "application/json" ? "object" : "string");
    }
    json.end().end().end();
}

void write_parameter(JsonWriter& json, const Parameter& parameter) {
    json.begin_object().text("name", parameter.name).text("in", "query");
    if (!parameter.text.empty()) json.text("description", parameter.text);
    json.begin_object("schema");
    if (parameter.type == "int") {
        json.text("type", "integer").number("minimum", parameter.min);
        json.number("maximum", parameter.max);
    } else {
        json.text("type", "string");
    }
    if (parameter.type == "flag") json.begin_array("enum").text({}, "0").text({}, "1").end();
    if (parameter.type.find('|') != std::string_view::npos) {
        json.begin_array("enum");
        for (std::string_view words = parameter.type; !words.empty();) {
            const auto end = std::min(words.find('|'), words.size());
            json.text({}, words.substr(0, end));
            words.remove_prefix(std::min(end + 1, words.size()));
        }
        json.end();
    }
    json.end().end();
}

std::string to_lower_word(std::string_view method) {
    std::string word;
    for (const char c : method) word += static_cast<char>(c + ('a' - 'A'));
    return word;
}

void write_problem(JsonWriter& json, std::string_view status, std::string_view text) {
    json.begin_object(status).text("description", text);
    write_content(json, "Problem");
    json.end();
}

void write_operation(JsonWriter& json, const Route& route) {
    json.begin_object(to_lower_word(route.method));
    if (!route.text.empty()) json.text("summary", route.text);
    const auto open = route.path.find('{');
    if (open != std::string_view::npos || !route.query.empty()) {
        json.begin_array("parameters");
        if (open != std::string_view::npos) {
            const auto name = route.path.substr(open + 1, route.path.find('}') - open - 1);
            json.begin_object().text("name", name).text("in", "path").flag("required", true);
            if (name == "slug")
                json.text("description", "percent-encoded, or as it is with its slashes");
            json.begin_object("schema").text("type", "string").end().end();
        }
        for (const Parameter& parameter : route.query) write_parameter(json, parameter);
        json.end();
    }
    if (!route.takes.empty()) {
        json.begin_object("requestBody").flag("required", true);
        write_content(json, route.takes);
        json.end();
    }
    if (route.needs_token) {
        json.begin_array("security").begin_object().begin_array("token").end().end().end();
    }
    json.begin_object("responses");
    if (route.gives == "Problem") {
        write_problem(json, "501", "not a part of this version");
    } else {
        json.begin_object("200").text("description", route.gives);
        write_content(json, route.gives);
        json.end();
    }
    if (route.path == "/health") {
        json.begin_object("503").text("description", "it starts, or drains");
        write_content(json, route.gives);
        json.end();
    }
    if (route.needs_token) write_problem(json, "401", "without the token, or with a wrong one");
    if (open != std::string_view::npos) write_problem(json, "404", "there is none of that name");
    if (!route.query.empty() || !route.takes.empty())
        write_problem(json, "422", "a value that is not of its type");
    if (route.runs != Runs::io)
        write_problem(json, "503", "busy, or the query took too long, or no database can be read");
    json.end().end();
}

}  // namespace

std::string to_openapi() {
    JsonWriter json;
    json.begin_object().text("openapi", "3.1.0");
    json.begin_object("info").text("title", "halton-meter").text("version", version());
    json.text(
        "description",
        "The local API of halton-meter on 127.0.0.1. Money is whole millicents (1 USD = 100000) in "
        "*_minor_units and whole nano-dollars in *_nanousd; an unknown price is null, never 0. "
        "Times are UTC with six digits and a Z, so that text order is time order. "
        "Each path of /v1 is served below /api too.");
    json.end();
    json.begin_object("paths");
    std::set<std::string_view> done;
    for (const Route& route : routes()) {
        if (!done.insert(route.path).second) continue;
        json.begin_object(route.path);
        for (const Route& same : routes())
            if (same.path == route.path) write_operation(json, same);
        json.end();
    }
    json.end();
    json.begin_object("components");
    json.begin_object("securitySchemes").begin_object("token");
    json.text("type", "apiKey").text("in", "header").text("name", "X-Halton-Token");
    json.text("description", "from the file api-token in the data directory, mode 0600")
        .end()
        .end();
    json.begin_object("schemas");
    for (const Schema& schema : schemas()) write_schema(json, schema);
    json.end().end().end();
    return json.finish();
}

}  // namespace halton::api
