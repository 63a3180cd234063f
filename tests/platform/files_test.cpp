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

TEST_CASE("files: folders are made with their parents, and removed when empty") {
    const test::TempDirectory directory;
    const auto deep = directory / "a" / "b" / "c";
    const auto made = platform::make_folders(deep, 0750);
    REQUIRE(made);
    REQUIRE(made->size() == 3);
    CHECK(made->front() == directory / "a");
    CHECK(std::filesystem::status(deep).permissions() == std::filesystem::perms(0750));
    CHECK(platform::make_folders(deep, 0700)->empty());
    test::write_text(directory / "file", "x");
    CHECK(platform::make_folders(directory / "file" / "below", 0700).error().kind ==
          ErrorKind::not_found);
    CHECK(platform::remove_empty_folder(directory / "a").value() == false);
    CHECK(platform::remove_empty_folder(deep).value());
    CHECK(platform::remove_empty_folder(deep).value() == false);
    CHECK(platform::remove_file(directory / "file").value());
    CHECK(platform::remove_file(directory / "file").value() == false);
}

TEST_CASE("files: links are made and followed, also to what is not there yet") {
    const test::TempDirectory directory;
    const auto link = directory / "link";
    REQUIRE(platform::make_link_atomically(link, "target"));
    CHECK(std::filesystem::read_symlink(link) == "target");
    CHECK(platform::follow_links(link) == directory / "target");
    REQUIRE(platform::make_link_atomically(link, "/elsewhere"));
    CHECK(platform::follow_links(link) == "/elsewhere");
    REQUIRE(platform::make_link_atomically(directory / "round", "round"));
    CHECK_FALSE(platform::follow_links(directory / "round").empty());
    CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 2);
}

TEST_CASE("files: temporary files are made where it is said, and swept when nobody writes them") {
    const test::TempDirectory directory;
    std::filesystem::create_directory(directory / "here");
    std::filesystem::create_directory(directory / "data");
    REQUIRE(platform::write_file_atomically(directory / "here" / "f", "x", 0600,
                                            directory / "data"));
    CHECK(test::read_text(directory / "here" / "f") == "x");
    const auto data = directory / "data";
    // No process has so large a number.
    test::write_text(data / ".left.1073741823-0123abcd", "x");
    test::write_text(data / (".mine." + std::to_string(::getpid()) + "-0123abcd"), "x");
    for (const char* name : {".bashrc", ".a.b-c", "file.1073741823-0123abcd", ".x.12-short"})
        test::write_text(data / name, "x");
    platform::sweep_temporaries(data);
    CHECK_FALSE(std::filesystem::exists(data / ".left.1073741823-0123abcd"));
    CHECK(std::distance(std::filesystem::directory_iterator(data), {}) == 5);
    platform::sweep_temporaries(data / "nowhere");
}
