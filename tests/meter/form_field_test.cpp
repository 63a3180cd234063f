#include "meter/form_field.h"

#include <string>

#include "support/catch.h"
#include "support/feed.h"

using namespace halton;

namespace {

std::string read(const std::string& body) {
    return test::feed_all_ways(body, [](const test::Chunks& chunks) {
        meter::FormField field("model", 16);
        for (const std::string_view chunk : chunks) field.feed(chunk);
        return std::string(field.value()) + (field.is_done() ? "." : "");
    });
}

std::string part(const std::string& headers, const std::string& value) {
    return "--edge\r\nContent-Disposition: form-data;" + headers + "\r\n\r\n" + value + "\r\n";
}

}  // namespace

TEST_CASE("a field is found among files and other fields") {
    const std::string file =
        part(" name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg",
             std::string("ID3\0  name=\"mo name=\"modem\" \r\n\r \n\r\n", 36));
    CHECK(read(file + part(" name=\"model\"", "whisper-1") + "--edge--\r\n") == "whisper-1.");
    CHECK(read(part(" name=\"model\"\r\nContent-Type: text/plain", "tts") + file) == "tts.");
    CHECK(read(part("  name=\"model\"", "m") + file) == "m.");
}

TEST_CASE("what is not there is empty") {
    CHECK(read("") == "");
    CHECK(read(part(" name=\"models\"", "x") + part(" filename=\"model\"", "y")) == "");
    CHECK(read("--edge\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhis") == "");
}

TEST_CASE("a value is bounded") {
    CHECK(read(part(" name=\"model\"", std::string(100, 'm'))) == std::string(16, 'm') + ".");
}
