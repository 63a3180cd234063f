#include "store/reader.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include <SQLiteCpp/Transaction.h>

#include "store/calls.h"
#include "store/row_writer.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using store::Reader;
using test::make_call;

namespace {

void write(const std::filesystem::path& file, std::uint64_t from, std::uint64_t count) {
    store::RowWriter writer(file);
    writer.begin();
    for (std::uint64_t i = 0; i < count; ++i) writer.write(make_call(from + i));
    writer.commit();
}

Result<std::int64_t> count_rows(Reader& reader) {
    return reader.read<std::int64_t>([](SQLite::Database& database) -> Result<std::int64_t> {
        return database.execAndGet("SELECT count(*) FROM requests").getInt64();
    });
}

// Counts to a number that takes minutes.
Result<std::int64_t> count_for_long(Reader& reader, std::atomic<bool>* has_begun = nullptr) {
    return reader.read<std::int64_t>([&](SQLite::Database& database) -> Result<std::int64_t> {
        if (has_begun) *has_begun = true;
        return database
            .execAndGet(
                "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n "
                "WHERE i < 100000000000) SELECT count(*) FROM n")
            .getInt64();
    });
}

}  // namespace

TEST_CASE("reader: no file yet, then one, then another in its place") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Reader reader(file);
    CHECK(count_rows(reader).error().kind == ErrorKind::not_found);
    write(file, 1, 3);
    CHECK(count_rows(reader).value() == 3);
    write(file, 10, 2);
    CHECK(count_rows(reader).value() == 5);
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + suffix);
    CHECK(count_rows(reader).error().kind == ErrorKind::not_found);
    write(file, 1, 1);
    CHECK(count_rows(reader).value() == 1);
}

TEST_CASE("reader: a file that is none is an error, and the next try may find one") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    test::write_text(file, std::string(5000, 'x'));
    Reader reader(file);
    const auto failed = count_rows(reader);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == ErrorKind::io);
    CHECK(failed.error().context.find(file.string()) != std::string::npos);
    std::filesystem::remove(file);
    write(file, 1, 1);
    CHECK(count_rows(reader).value() == 1);
}

TEST_CASE("reader: cannot write, and what it reads is of one moment") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write(file, 1, 2);
    Reader reader(file);
    const auto written = reader.read<int>([](SQLite::Database& database) -> Result<int> {
        return database.exec("DELETE FROM requests");
    });
    CHECK_FALSE(written);
    const auto same = reader.read<bool>([&](SQLite::Database& database) -> Result<bool> {
        const auto count = [&] {
            return database.execAndGet("SELECT count(*) FROM requests").getInt64();
        };
        const auto before = count();
        write(file, 100, 5);
        return count() == before;
    });
    CHECK(same.value());
    CHECK(count_rows(reader).value() == 7);
}

TEST_CASE("reader: a query that takes too long ends, and the connection lives on") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write(file, 1, 2);
    Reader reader(file, std::chrono::milliseconds(20));
    CHECK(count_for_long(reader).error().kind == ErrorKind::timeout);
    reader.set_time_max(std::chrono::minutes(5));
    CHECK(count_rows(reader).value() == 2);
}

TEST_CASE("reader: a query is interrupted from another thread, the next one is not") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write(file, 1, 2);
    Reader reader(file, std::chrono::minutes(5));
    reader.interrupt();
    CHECK(count_rows(reader).value() == 2);
    std::atomic<bool> has_begun = false;
    std::thread other([&] {
        while (!has_begun) std::this_thread::yield();
        reader.interrupt();
    });
    CHECK(count_for_long(reader, &has_begun).error().kind == ErrorKind::cancelled);
    other.join();
    CHECK(count_rows(reader).value() == 2);
}

TEST_CASE("reader: an error of the query's own is its answer") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write(file, 1, 2);
    Reader reader(file);
    const auto failed = reader.read<int>(
        [](SQLite::Database&) -> Result<int> { return fail(ErrorKind::malformed, "no cursor"); });
    CHECK(failed.error().kind == ErrorKind::malformed);
    CHECK(count_rows(reader).value() == 2);
    reader.close();
    CHECK(count_rows(reader).value() == 2);
}

TEST_CASE("reader: a writer at work does not disturb it") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    write(file, 1, 2);
    store::RowWriter writer(file);
    writer.begin();
    writer.write(make_call(50));
    Reader reader(file);
    CHECK(count_rows(reader).value() == 2);
    writer.commit();
    CHECK(count_rows(reader).value() == 3);
}

TEST_CASE("reader: a copy is read where nothing may be written") {
    const test::TempDirectory directory;
    const auto folder = directory / "has ? and % in it";
    std::filesystem::create_directory(folder);
    const auto file = folder / "db.sqlite";
    write(file, 1, 1);
    REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
    REQUIRE(::chmod(folder.c_str(), 0555) == 0);
    REQUIRE(::chmod(file.c_str(), 0444) == 0);
    const int child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // Permissions do not bind root, so the reader becomes somebody else.
        if (::getuid() == 0 && ::setuid(65'534) != 0) ::_exit(1);
        Reader reader(file);
        const auto count = count_rows(reader);
        ::_exit(count && *count == 1 ? 0 : 2);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    REQUIRE(::chmod(folder.c_str(), 0755) == 0);
}
