#include "platform/own_log.h"

#include <fcntl.h>
#include <unistd.h>

#include "platform/files.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;

namespace {

struct Log {
    explicit Log(const std::filesystem::path& file)
        : path(file), descriptor(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)) {}
    ~Log() { ::close(descriptor); }
    void write(std::string_view text) const {
        REQUIRE(::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    bool rotate(std::uint64_t bytes_max) const {
        const auto done = platform::rotate_own_log(descriptor, path, bytes_max, 3);
        REQUIRE(done);
        return *done;
    }
    std::filesystem::path path;
    int descriptor;
};

std::string text_of(const std::filesystem::path& path) {
    return platform::read_file(path, 1000).value_or("none");
}

}  // namespace

TEST_CASE("own log: a large one begins anew, and the last ones are kept") {
    const test::TempDirectory directory;
    const Log log(directory / "edge.err.log");
    log.write("0123456789");
    CHECK_FALSE(log.rotate(10));
    for (const char* text : {"a", "b", "c", "d"}) {
        log.write(text);
        CHECK(log.rotate(0));
    }
    log.write("now");
    CHECK(text_of(log.path) == "now");
    CHECK(text_of(log.path.string() + ".1") == "d");
    CHECK(text_of(log.path.string() + ".2") == "c");
    CHECK(text_of(log.path.string() + ".3") == "b");
    CHECK(text_of(log.path.string() + ".4") == "none");
}

TEST_CASE("own log: what is no file, or another one, is left alone") {
    const test::TempDirectory directory;
    const Log log(directory / "edge.err.log");
    log.write("text");
    CHECK(platform::rotate_own_log(log.descriptor, directory / "other", 0, 3).value() == false);
    { const Log other(directory / "other"); }
    CHECK(platform::rotate_own_log(log.descriptor, directory / "other", 0, 3).value() == false);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    CHECK(platform::rotate_own_log(ends[1], log.path, 0, 3).value() == false);
    ::close(ends[0]);
    ::close(ends[1]);
    CHECK(text_of(log.path) == "text");
}

TEST_CASE("own log: where it cannot be renamed the descriptor goes on") {
    if (::geteuid() == 0) return;  // root may
    const test::TempDirectory directory;
    const Log log(directory / "edge.err.log");
    log.write("text");
    std::filesystem::permissions(
        directory / "", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    const auto done = platform::rotate_own_log(log.descriptor, log.path, 0, 3);
    std::filesystem::permissions(directory / "", std::filesystem::perms::owner_all);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::permission);
    log.write("more");
    CHECK(text_of(log.path) == "textmore");
}
