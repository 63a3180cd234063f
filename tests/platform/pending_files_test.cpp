#include "platform/pending_files.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/limits.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using platform::MappedFile;

TEST_CASE("mapped file: what was written is there for the next, and only the owner may read it") {
    const test::TempDirectory directory;
    const auto path = directory / "rows";
    {
        const auto file = MappedFile::open(path, 8192);
        REQUIRE(file);
        CHECK(file->memory().size() == 8192);
        CHECK(std::all_of(file->memory().begin(), file->memory().end(),
                          [](std::byte b) { return b == std::byte{0}; }));
        file->memory()[8191] = std::byte{7};
        const auto second = MappedFile::open(path, 8192);
        REQUIRE_FALSE(second);
        CHECK(second.error().kind == ErrorKind::busy);
    }
    const auto again = MappedFile::open(path, 8192);
    REQUIRE(again);
    CHECK(again->memory()[8191] == std::byte{7});
    struct ::stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    CHECK(found.st_blocks * 512 >= 8192);
    again->remove();
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("mapped file: another size, a directory, a link and no place") {
    const test::TempDirectory directory;
    for (const std::size_t size : {100, 20'000}) {
        std::filesystem::remove(directory / "rows");
        std::ofstream(directory / "rows") << std::string(size, 'x');
        const auto file = MappedFile::open(directory / "rows", 8192);
        REQUIRE(file);
        CHECK(file->memory()[99] == std::byte{'x'});
        CHECK(std::filesystem::file_size(directory / "rows") == 8192);
    }
    CHECK_FALSE(MappedFile::open(directory.path(), 8192));
    std::filesystem::create_symlink(directory / "rows", directory / "link");
    CHECK_FALSE(MappedFile::open(directory / "link", 8192));
    CHECK(MappedFile::open(directory / "no" / "rows", 8192).error().kind == ErrorKind::not_found);
}

TEST_CASE("mapped file: without room for the whole of it there is nothing of it") {
    const test::TempDirectory directory;
    std::ofstream(directory / "old") << std::string(100, 'x');
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit room{4096, 4096};
        bool is_good = ::setrlimit(RLIMIT_FSIZE, &room) == 0;
        is_good = is_good && !MappedFile::open(directory / "new", 8192);
        is_good = is_good && !std::filesystem::exists(directory / "new");
        is_good = is_good && !MappedFile::open(directory / "old", 8192);
        is_good = is_good && std::filesystem::file_size(directory / "old") == 100;
        ::_exit(is_good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("pending files: each daemon has its own, and takes over what dead ones left") {
    const test::TempDirectory directory;
    const platform::Home home{directory.path()};
    auto first = std::make_optional(platform::open_pending_files(home));
    REQUIRE(first->taken.size() == 1);
    auto second = std::make_optional(platform::open_pending_files(home));
    REQUIRE(second->taken.size() == 1);
    CHECK(std::filesystem::exists(directory / "pending-rows.1"));
    first.reset();
    {
        const auto third = platform::open_pending_files(home);
        CHECK(third.taken.size() == 1);  // the second still holds its own
    }
    second.reset();
    const auto last = platform::open_pending_files(home);
    CHECK(last.taken.size() == 2);
    std::vector<platform::PendingFiles> others;
    for (std::size_t i = 2; i < limits::pending_file_count_max; ++i)
        others.push_back(platform::open_pending_files(home));
    const auto none = platform::open_pending_files(home);
    CHECK(none.taken.empty());
    CHECK_FALSE(none.error.empty());
}
