#include "platform/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::platform;

TEST_CASE("files: reading is bounded and for regular files only") {
    const test::TempDirectory directory;
    test::write_text(directory / "a", "12345");
    CHECK(read_file(directory / "a", 5).value() == "12345");
    CHECK(read_file(directory / "a", 4).error().kind == ErrorKind::too_large);
    CHECK(read_file(directory / "none", 5).error().kind == ErrorKind::not_found);
    CHECK(read_file(directory / "a/b", 5).error().kind == ErrorKind::not_found);
    CHECK(read_file(directory.path(), 5).error().kind == ErrorKind::io);
    REQUIRE(::mkfifo((directory / "pipe").c_str(), 0600) == 0);
    CHECK(read_file(directory / "pipe", 5).error().kind == ErrorKind::io);
    test::write_text(directory / "empty", "");
    CHECK(read_file(directory / "empty", 0).value().empty());
    CHECK(platform::is_regular_file(directory / "a"));
    CHECK_FALSE(platform::is_regular_file(directory.path()));
    CHECK_FALSE(platform::is_regular_file(directory / "none"));
}

TEST_CASE("files: a large file comes whole") {
    const test::TempDirectory directory;
    const std::string text(300'000, 'x');
    test::write_text(directory / "a", text);
    CHECK(read_file(directory / "a", text.size()).value() == text);
    CHECK(read_file("/proc/self/stat", 4096).value().size() > 10);  // says it is 0 bytes long
}

TEST_CASE("files: writing replaces as a whole, with the mode asked for, and leaves nothing") {
    const test::TempDirectory directory;
    const auto file = directory / "f";
    const auto old_mask = ::umask(077);
    REQUIRE(write_file_atomically(file, "one", 0644));
    ::umask(old_mask);
    struct stat facts {};
    REQUIRE(::stat(file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0644);
    REQUIRE(write_file_atomically(file, "two", 0600));
    CHECK(test::read_text(file) == "two");
    REQUIRE(::stat(file.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
    CHECK(write_file_atomically(directory / "no/f", "x", 0600).error().kind ==
          ErrorKind::not_found);
    // A folder in its place is not replaced, and the temporary file is gone.
    std::filesystem::create_directory(directory / "d");
    CHECK_FALSE(write_file_atomically(directory / "d", "x", 0600));
    CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 2);
}

TEST_CASE("files: a private directory loses only others' write permission") {
    const test::TempDirectory directory;
    const auto made = directory / "made";
    REQUIRE(make_private_directory(made));
    struct stat facts {};
    REQUIRE(::stat(made.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0700);
    REQUIRE(::chmod(made.c_str(), 0777) == 0);
    REQUIRE(make_private_directory(made));
    REQUIRE(::stat(made.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0755);
    test::write_text(directory / "file", "");
    CHECK_FALSE(make_private_directory(directory / "file"));
    CHECK_FALSE(make_private_directory(directory / "a/b"));
}

TEST_CASE("files: a lock excludes others until it is gone") {
    const test::TempDirectory directory;
    const auto file = directory / "lock";
    {
        const auto held = FileLock::take(file, std::chrono::milliseconds(0));
        REQUIRE(held);
        CHECK(FileLock::take(file, std::chrono::milliseconds(5)).error().kind ==
              ErrorKind::timeout);
    }
    CHECK(FileLock::take(file, std::chrono::milliseconds(0)));
    CHECK(FileLock::take(directory / "no/lock", std::chrono::milliseconds(0)).error().kind ==
          ErrorKind::not_found);
}
