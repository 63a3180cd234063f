#include "store/stored_call.h"

#include "store/calls.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::make_call;

TEST_CASE("stored call: found by the beginning of its id, of the provider's, and as the last") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        store::RowWriter writer(file);
        writer.begin();
        for (std::uint64_t i = 0; i < 20; ++i) {
            auto call = make_call(i);
            call.provider_request_id = fmt::format("req_{:02}", i);
            call.client.tool = "codex";
            call.kind = meter::RequestKind::realtime;
            if (i == 3) {
                call.error = meter::CallError{meter::ErrorClass::rate_limit, "slow_down", true, ""};
                call.status = "error";
                call.http_status = 429;
            }
            writer.write(call);
        }
        writer.commit();
    }
    store::Reader reader(file);
    const auto find = [&](const std::string& prefix, std::size_t count_max = 5) {
        auto found = store::find_stored_calls(reader, prefix, count_max);
        REQUIRE(found);
        return std::move(*found);
    };
    auto found = find(make_call(3).id);
    REQUIRE(found.calls.size() == 1);
    CHECK_FALSE(found.has_more);
    const auto& call = found.calls[0].call;
    CHECK(call.id == make_call(3).id);
    CHECK(call.project_slug == "shop");
    CHECK(call.usage == make_call(3).usage);
    CHECK(call.error->error_class == meter::ErrorClass::rate_limit);
    CHECK(call.error->provider_code == "slow_down");
    CHECK(call.client.tool == "codex");
    CHECK(call.kind == meter::RequestKind::realtime);
    CHECK(call.path == "/v1/messages");
    CHECK(found.calls[0].cost == 1'234'567);
    CHECK(found.calls[0].has_numbers);
    CHECK(find("req_07").calls.at(0).call.id == make_call(7).id);
    CHECK(find("last").calls.at(0).call.id == make_call(19).id);
    found = find("00000000");
    CHECK(found.calls.size() == 5);
    CHECK(found.has_more);
    CHECK(found.calls[0].call.id == make_call(19).id);
    CHECK(find("nothing").calls.empty());
    CHECK(find("%").calls.empty());
    store::Reader none(directory / "none.sqlite");
    CHECK(store::find_stored_calls(none, "last", 1).error().kind == ErrorKind::not_found);
}
