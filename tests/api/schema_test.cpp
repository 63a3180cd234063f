#include "api/schema.h"

#include <set>
#include <string>

#include "support/catch.h"

using namespace halton;

namespace {

bool is_type(std::string_view type) {
    if (type.ends_with('?')) type.remove_suffix(1);
    if (type.starts_with('#')) return api::find_schema(type.substr(1)) != nullptr;
    if (type.starts_with('['))
        return type.ends_with(']') && is_type(type.substr(1, type.size() - 2));
    if (type.starts_with('{'))
        return type.ends_with('}') && is_type(type.substr(1, type.size() - 2));
    const std::set<std::string_view> words{"int", "num", "bool", "text", "time", "date", "any"};
    return words.count(type) > 0;
}

}  // namespace

TEST_CASE("schema: every type is one, every name comes once") {
    std::set<std::string_view> names;
    for (const auto& schema : api::schemas()) {
        INFO(schema.name);
        CHECK(names.insert(schema.name).second);
        CHECK(api::find_schema(schema.name) == &schema);
        CHECK_FALSE(schema.fields.empty());
        std::set<std::string_view> fields;
        for (const auto& field : schema.fields) {
            INFO(field.name << ' ' << field.type);
            CHECK(fields.insert(field.name).second);
            CHECK(is_type(field.type));
            if (field.name == "*") CHECK(field.type.starts_with('#'));
            // Units last: whole numbers of money, never a float.
            if (field.name.ends_with("_minor_units") || field.name.ends_with("_nanousd"))
                CHECK(field.type.starts_with("int"));
        }
    }
    CHECK(api::find_schema("Nothing") == nullptr);
}
