// Golden rows: every folder of tests/fixtures/providers goes through tap and observer in several
// chunkings and must give the row beside it. HALTON_UPDATE_GOLDEN=1 rewrites the rows instead.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/json_writer.h"
#include "http/h1_tap.h"
#include "meter/providers/provider.h"
#include "support/catch.h"
#include "support/replay.h"

using namespace halton;
using namespace halton::meter;
using namespace halton::test;

namespace fs = std::filesystem;

namespace {

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Message {
    std::string bytes;  // as on the wire
    std::string host;
    bool is_cut = false;
};

// Head lines get CRLF; the length is filled in, or left out so that the end is the connection's.
Message read_message(const fs::path& path) {
    const std::string text = read_file(path);
    const std::size_t blank = text.find("\n\n");
    REQUIRE(blank != std::string::npos);
    const std::string body = text.substr(blank + 2);
    Message message;
    std::size_t at = 0;
    while (at < blank) {
        const std::size_t end = std::min(text.find('\n', at), blank);
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.starts_with("HALTON-CUT:")) {
            message.is_cut = true;
            continue;
        }
        if (line.starts_with("Host: ")) message.host = line.substr(6);
        message.bytes += line + "\r\n";
    }
    // A cut message promises one byte more than it has.
    const std::size_t length = body.size() + (message.is_cut ? 1 : 0);
    message.bytes += "Content-Length: " + std::to_string(length) + "\r\n\r\n" + body;
    return message;
}

std::string run(const Message& request, const Message& response, std::size_t piece_bytes) {
    FakeClock clock;
    CollectingSink sink;
    {
        CallObserver observer({request.host, "demo", "default", "/home/ada"},
                              PriceBook::bundled(), sink, clock);
        http::H1Tap tap;
        http::EventList events;
        const auto feed = [&](http::Direction direction, std::string_view bytes) {
            while (!bytes.empty()) {
                const std::string piece(bytes.substr(0, piece_bytes));
                bytes.remove_prefix(piece.size());
                events.clear();
                tap.feed(direction, piece, events);
                observer.on_events(events);
            }
        };
        feed(http::Direction::to_upstream, request.bytes);
        feed(http::Direction::to_client, response.bytes);
        if (response.is_cut) observer.on_failure(Error{ErrorKind::closed, Leg::upstream, ""});
    }
    if (sink.calls.empty()) return "{}\n";
    REQUIRE(sink.calls.size() == 1);
    const CallRecord& row = sink.calls.front();
    JsonWriter json;
    json.begin_object();
    json.text("provider", row.provider);
    json.text("model", row.model);
    json.text("requested_model", row.requested_model);
    json.text("mode", row.mode);
    json.text("request_kind", name_of(row.kind));
    json.text("path", row.path);
    json.number("input_tokens", row.usage.input);
    json.number("output_tokens", row.usage.output);
    json.number("thinking_tokens", row.usage.reasoning);
    json.number("cache_read_tokens", row.usage.cache_read);
    json.number("cache_write_tokens", row.usage.cache_write);
    json.number("cache_write_1h_tokens", row.usage.cache_write_1h);
    json.number("tool_input_tokens", row.usage.tool_input);
    json.number("web_searches", row.usage.web_search_count);
    json.flag("tokens_complete", row.tokens_complete);
    if (row.cost) json.number("cost_nanousd", row.cost->value);
    else json.null("cost_nanousd");
    json.text("cost_state", name_of(row.cost_state));
    json.text("rates_source", row.rates_source);
    json.text("service_tier", row.service_tier);
    json.text("status", row.status);
    json.number("http_status", row.http_status);
    if (row.error) {
        json.begin_object("error");
        json.text("class", name_of(row.error->error_class));
        json.text("code", row.error->provider_code);
        json.flag("retryable", row.error->is_retryable);
        json.text("message_hash", row.error->message_hash);
        json.end();
    }
    json.text("provider_request_id", row.provider_request_id);
    json.end();
    return json.finish();
}

}  // namespace

TEST_CASE("fixtures of the providers give their golden rows") {
    const char* root = std::getenv("HALTON_SOURCE_ROOT");
    const fs::path folder = fs::path(root != nullptr ? root : ".") / "tests/fixtures/providers";
    const bool is_update = std::getenv("HALTON_UPDATE_GOLDEN") != nullptr;
    std::set<std::string> providers;
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().filename() != "request.http") continue;
        const fs::path place = entry.path().parent_path();
        providers.insert(place.parent_path().filename().string());
        ++count;
        const Message request = read_message(place / "request.http");
        const Message response = read_message(place / "response.http");
        const std::string row = run(request, response, std::string::npos);
        CAPTURE(place.string());
        for (const std::size_t piece : {1, 2, 3, 7, 100, 1000}) {
            REQUIRE(run(request, response, piece) == row);
        }
        if (is_update) {
            std::ofstream(place / "expected.json", std::ios::binary) << row;
        } else {
            CHECK(row == read_file(place / "expected.json"));
        }
    }
    CHECK(count > 0);
    // A provider without a fixture is not finished.
    for (const Provider* provider : all_providers()) {
        CHECK(providers.count(std::string(provider->id)) == 1);
    }
}
