#include "store/ledger.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include <SQLiteCpp/Transaction.h>

#include "base/limits.h"
#include "meter/call_bytes.h"
#include "store/calls.h"
#include "store/captures.h"
#include "store/pending_rows.h"
#include "store/reports.h"
#include "store/rollups.h"
#include "store/row_writer.h"
#include "store/schema.h"
#include "store/usage.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using std::chrono::seconds;
using store::Ledger;
using store::LedgerCounters;
using test::make_call;
using test::query_number;
using test::query_text;

namespace {

constexpr seconds generous{30};

// Waits until the ledger's counters satisfy the condition; the last ones are the result.
LedgerCounters wait_for(const Ledger& ledger,
                        const std::function<bool(const LedgerCounters&)>& is_met) {
    const auto deadline = std::chrono::steady_clock::now() + generous;
    for (;;) {
        const auto counters = ledger.counters();
        if (is_met(counters) || std::chrono::steady_clock::now() >= deadline) return counters;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

LedgerCounters wait_written(const Ledger& ledger, std::uint64_t count) {
    return wait_for(ledger, [count](const LedgerCounters& c) { return c.rows_written >= count; });
}

LedgerCounters wait_state(const Ledger& ledger, const std::string& state) {
    return wait_for(ledger, [&](const LedgerCounters& c) { return c.state == state; });
}

std::vector<std::filesystem::path> files_with(const std::filesystem::path& directory,
                                              const std::string& part) {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        if (entry.path().filename().string().find(part) != std::string::npos)
            found.push_back(entry.path());
    return found;
}

// Runs `body` in a child process; its result is the exit code.
int run_in_child(const std::function<int()>& body) {
    const int child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("ledger: a lone row is written without waiting for more") {
    const test::TempDirectory directory;
    Ledger ledger(directory / "db.sqlite");
    ledger.offer(make_call(1));
    const auto counters = wait_written(ledger, 1);
    CHECK(counters.rows_written == 1);
    CHECK(counters.rows_waiting == 0);
    CHECK(counters.state == "ok");
    CHECK(counters.last_error.empty());
    CHECK(counters.last_row_at_us == make_call(1).requested_at.time_since_epoch().count());
    CHECK(query_number(directory / "db.sqlite", "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("ledger: many rows of many projects, and none is lost at a stop with time") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    constexpr int row_count = 3'000;
    {
        Ledger ledger(file);
        for (int i = 0; i < row_count; ++i) {
            auto call = make_call(static_cast<std::uint64_t>(i));
            call.project_slug = fmt::format("project-{}", i % 7);
            ledger.offer(std::move(call));
        }
        ledger.stop(generous);
        const auto counters = ledger.counters();
        CHECK(counters.rows_written == row_count);
        CHECK(counters.rows_dropped_error + counters.rows_dropped_queue_full == 0);
        CHECK(counters.state == "stopped");
        // Closed properly: no log stays behind.
        CHECK(files_with(directory.path(), "-wal").empty());
        ledger.offer(make_call(99'999));
        CHECK(ledger.counters().rows_dropped_error == 1);
    }
    CHECK(query_number(file, "SELECT count(*) FROM requests") == row_count);
    CHECK(query_number(file, "SELECT count(*) FROM projects") == 7);
    CHECK(query_text(file, "PRAGMA integrity_check") == "ok");
}

TEST_CASE("ledger: a second start knows the newest row") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        Ledger ledger(file);
        ledger.offer(make_call(5));
        ledger.stop(generous);
    }
    Ledger ledger(file);
    const auto newest = make_call(5).requested_at.time_since_epoch().count();
    CHECK(wait_state(ledger, "ok").last_row_at_us == newest);
}

TEST_CASE("ledger: a locked file makes rows wait, a full queue drops and counts, nothing blocks") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        Ledger first(file);
        wait_state(first, "ok");
    }
    SQLite::Database other(file.string(), SQLite::OPEN_READWRITE);
    std::optional<SQLite::Transaction> lock;
    lock.emplace(other, SQLite::TransactionBehavior::EXCLUSIVE);

    Ledger ledger(file);
    constexpr std::uint64_t extra_count = 10;
    for (std::uint64_t i = 0; i < limits::record_queue_max + extra_count; ++i)
        ledger.offer(make_call(i));
    auto counters = wait_state(ledger, "retrying");
    CHECK(counters.state == "retrying");
    CHECK_FALSE(counters.last_error.empty());
    CHECK(counters.rows_waiting == limits::record_queue_max);
    CHECK(counters.rows_dropped_queue_full == extra_count);
    CHECK(counters.rows_written == 0);

    lock.reset();
    counters = wait_written(ledger, limits::record_queue_max);
    CHECK(counters.rows_written == limits::record_queue_max);
    CHECK(counters.state == "ok");
    CHECK(counters.rows_dropped_error == 0);
}

TEST_CASE("ledger: a stop while the file is locked ends in time and counts what is lost") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        Ledger first(file);
        wait_state(first, "ok");
    }
    SQLite::Database other(file.string(), SQLite::OPEN_READWRITE);
    const SQLite::Transaction lock(other, SQLite::TransactionBehavior::EXCLUSIVE);
    Ledger ledger(file);
    ledger.offer(make_call(1));
    ledger.offer(make_call(2));
    wait_state(ledger, "retrying");
    ledger.stop(std::chrono::milliseconds(300));
    CHECK(ledger.counters().rows_dropped_error == 2);
    CHECK(ledger.counters().rows_waiting == 0);
}

TEST_CASE("ledger: a file that is no database is set aside with all it holds") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const std::string garbage = std::string(10'000, 'x') + "precious";
    test::write_text(file, garbage);
    test::write_text(file.string() + "-wal", "log");
    Ledger ledger(file);
    ledger.offer(make_call(1));
    const auto counters = wait_written(ledger, 1);
    CHECK(counters.rows_written == 1);
    CHECK(counters.state == "ok");
    const auto aside = files_with(directory.path(), "db.sqlite.corrupt-");
    REQUIRE_FALSE(aside.empty());
    bool has_garbage = false;
    for (const auto& each : aside) has_garbage = has_garbage || test::read_text(each) == garbage;
    CHECK(has_garbage);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("ledger: damage found while running costs no waiting row") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Ledger ledger(file);
    for (std::uint64_t i = 0; i < 500; ++i) ledger.offer(make_call(i));
    REQUIRE(wait_written(ledger, 500).rows_written == 500);
    {
        SQLite::Database other(file.string(), SQLite::OPEN_READWRITE, 5000);
        other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        const auto size = std::filesystem::file_size(file);
        REQUIRE(size > 8192);
        {
            std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
            bytes.seekp(4096);
            bytes << std::string(size - 4096, '\x5a');
        }
        // Touches page 1 only, and makes the ledger's connection read its pages again.
        other.exec("PRAGMA user_version = 7");
    }
    ledger.offer(make_call(1'000));
    const auto counters = wait_written(ledger, 501);
    CHECK(counters.rows_written == 501);
    CHECK(counters.state == "ok");
    CHECK(counters.last_error.find("malformed") != std::string::npos);
    CHECK_FALSE(files_with(directory.path(), "db.sqlite.corrupt-").empty());
    CHECK(query_text(file, "PRAGMA integrity_check") == "ok");
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("ledger: a deleted file is made again") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Ledger ledger(file);
    ledger.offer(make_call(1));
    REQUIRE(wait_written(ledger, 1).rows_written == 1);
    for (const auto& each : files_with(directory.path(), "db.sqlite"))
        std::filesystem::remove(each);
    ledger.offer(make_call(2));
    REQUIRE(wait_written(ledger, 2).rows_written == 2);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("ledger: a missing folder is waited for") {
    const test::TempDirectory directory;
    Ledger ledger(directory / "later/db.sqlite");
    ledger.offer(make_call(1));
    CHECK(wait_state(ledger, "retrying").state == "retrying");
    std::filesystem::create_directory(directory / "later");
    CHECK(wait_written(ledger, 1).rows_written == 1);
    CHECK(ledger.counters().state == "ok");
}

TEST_CASE("ledger: a table that does not take our rows is told, and its rows are counted") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        SQLite::Database other(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        other.exec("CREATE TABLE _migrations (number INTEGER PRIMARY KEY, name, applied_at)");
        other.exec("INSERT INTO _migrations VALUES (99, 'another world', '')");
        other.exec("CREATE TABLE requests (requested_at TEXT, other TEXT)");
    }
    Ledger ledger(file);
    CHECK(wait_state(ledger, "incompatible_schema").state == "incompatible_schema");
    ledger.offer(make_call(1));
    const auto counters =
        wait_for(ledger, [](const LedgerCounters& c) { return c.rows_dropped_error > 0; });
    CHECK(counters.rows_dropped_error == 1);
    CHECK(counters.rows_written == 0);
    CHECK(files_with(directory.path(), "corrupt").empty());
}

TEST_CASE("ledger: a disk that takes no more makes rows wait until it does") {
    // A limit on the size of files stands for the full disk: writes fail in the same place.
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    const int code = run_in_child([&file] {
        ::signal(SIGXFSZ, SIG_IGN);
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const auto before = limit.rlim_cur;
        Ledger ledger(file);
        ledger.offer(make_call(0));
        if (wait_written(ledger, 1).rows_written != 1) return 1;
        limit.rlim_cur = 300'000;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        constexpr std::uint64_t row_count = 2'000;
        for (std::uint64_t i = 1; i < row_count; ++i) ledger.offer(make_call(i));
        if (wait_state(ledger, "retrying").state != "retrying") return 2;
        if (ledger.counters().last_error.empty()) return 3;
        limit.rlim_cur = before;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const auto counters = wait_written(ledger, row_count);
        if (counters.rows_written != row_count || counters.rows_dropped_error != 0) return 4;
        ledger.stop(generous);
        return 0;
    });
    CHECK(code == 0);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 2'000);
    CHECK(query_text(file, "PRAGMA integrity_check") == "ok");
}

TEST_CASE("ledger: a read-only file makes rows wait until it is writable") {
    const test::TempDirectory directory;
    const auto folder = directory / "data";
    const auto file = folder / "db.sqlite";
    std::filesystem::create_directory(folder);
    {
        Ledger first(file);
        wait_state(first, "ok");
    }
    constexpr uid_t nobody = 65'534;
    const bool is_root = ::getuid() == 0;
    if (is_root) {
        // Permissions do not bind root, so the writer becomes somebody else.
        REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
        REQUIRE(::chown(folder.c_str(), nobody, nobody) == 0);
        REQUIRE(::chown(file.c_str(), nobody, nobody) == 0);
    }
    const int code = run_in_child([&] {
        if (is_root && (::setgid(nobody) != 0 || ::setuid(nobody) != 0)) return 1;
        ::chmod(file.c_str(), 0400);
        ::chmod(folder.c_str(), 0500);
        Ledger ledger(file);
        ledger.offer(make_call(1));
        if (wait_state(ledger, "retrying").state != "retrying") return 2;
        if (ledger.counters().rows_written != 0) return 3;
        ::chmod(folder.c_str(), 0700);
        ::chmod(file.c_str(), 0600);
        return wait_written(ledger, 1).rows_written == 1 ? 0 : 4;
    });
    CHECK(code == 0);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("ledger: kill -9 at any moment leaves a sound file with every row that was counted") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::uint64_t number = 0;
    for (int round = 0; round < 8; ++round) {
        int told[2];
        REQUIRE(::pipe(told) == 0);
        const int child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            Ledger ledger(file);
            for (std::uint64_t i = number;; ++i) {
                ledger.offer(make_call(i));
                const std::uint64_t written = ledger.counters().rows_written;
                if (i % 8 == 0 && ::write(told[1], &written, sizeof written) < 0) ::_exit(1);
            }
        }
        ::close(told[1]);
        // At least one row each round, then a different moment each time.
        std::uint64_t written = 0;
        const std::uint64_t least = 1 + static_cast<std::uint64_t>(round) * 173;
        while (written < least && ::read(told[0], &written, sizeof written) == sizeof written) {
        }
        ::kill(child, SIGKILL);
        while (::read(told[0], &written, sizeof written) == sizeof written) {
        }
        ::waitpid(child, nullptr, 0);
        ::close(told[0]);
        CHECK(written >= least);
        CHECK(query_text(file, "PRAGMA integrity_check") == "ok");
        const auto row_count = query_number(
            file,
            fmt::format("SELECT count(*) FROM requests WHERE id >= '{}'", make_call(number).id));
        CHECK(static_cast<std::uint64_t>(row_count) >= written);
        number += 10'000'000;
    }
}

TEST_CASE("ledger: random calls add up to the nano-dollar") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::mt19937_64 random(20261121);
    const auto pick = [&random](std::uint64_t below) { return random() % below; };
    std::int64_t input = 0, output = 0, cost = 0, unpriced = 0, incomplete = 0, errors = 0;
    constexpr std::uint64_t row_count = 2'000;
    {
        Ledger ledger(file);
        for (std::uint64_t i = 0; i < row_count; ++i) {
            auto call = make_call(i);
            call.usage.input = static_cast<std::int64_t>(pick(1'000'000));
            call.usage.output = static_cast<std::int64_t>(pick(100'000));
            call.model = fmt::format("model-{}", pick(5));
            call.project_slug = fmt::format("p{}", pick(4));
            call.tokens_complete = pick(10) != 0;
            call.cost = NanoUsd{static_cast<std::int64_t>(pick(9'000'000'000))};
            if (pick(8) == 0) call.cost.reset();
            if (pick(9) == 0) call.status = "error";
            input += call.usage.input;
            output += call.usage.output;
            cost += call.cost ? call.cost->value : 0;
            unpriced += !call.cost;
            incomplete += !call.tokens_complete;
            errors += call.status == "error";
            ledger.offer(std::move(call));
        }
        ledger.stop(generous);
    }
    store::Reader reader(file);
    store::UsageQuery query;
    query.from = make_call(0).requested_at;
    query.to = make_call(row_count).requested_at;
    using Group = store::UsageGroup;
    for (const auto& group_by :
         {std::vector<Group>{}, {Group::project}, {Group::provider, Group::model}}) {
        query.group_by = group_by;
        const auto rows = store::read_usage(reader, query);
        REQUIRE(rows);
        store::UsageSums sum;
        for (const auto& row : *rows) sum.add(row.sums);
        CHECK(sum.requests == row_count);
        CHECK(sum.input_tokens == input);
        CHECK(sum.output_tokens == output);
        CHECK(sum.cost.value == cost);
        CHECK(sum.unpriced_requests == unpriced);
        CHECK(sum.incomplete_requests == incomplete);
        CHECK(sum.error_requests == errors);
    }
}

TEST_CASE("ledger: rows that a killed process offered are written by the next one") {
    const test::TempDirectory directory;
    std::vector<std::byte> memory(1 << 16);
    {
        // As a kill leaves it: rows kept, none released.
        store::PendingRows rows(memory);
        for (std::uint64_t i = 1; i <= 3; ++i) rows.keep(meter::to_bytes(make_call(i)));
    }
    {
        // One of them had been committed.
        Ledger earlier(directory / "db.sqlite");
        earlier.offer(make_call(2));
        wait_written(earlier, 1);
    }
    Ledger ledger(directory / "db.sqlite", {memory});
    const auto counters = wait_written(ledger, 3);
    CHECK(counters.rows_recovered == 3);
    CHECK(counters.is_kill_safe);
    CHECK(counters.rows_dropped_error == 0);
    ledger.stop(generous);
    CHECK(query_number(directory / "db.sqlite", "SELECT count(*) FROM requests") == 3);
    CHECK(store::PendingRows(memory).is_empty());
}

TEST_CASE("ledger: rows of other dead processes come along, unreadable ones are counted") {
    const test::TempDirectory directory;
    std::vector<std::byte> own(1 << 16);
    std::vector<std::byte> other(1 << 16);
    {
        store::PendingRows rows(own);
        rows.keep(meter::to_bytes(make_call(1)));
        rows.keep("no call");
        rows.keep(meter::to_bytes(make_call(2)));
        store::PendingRows others(other);
        others.keep(meter::to_bytes(make_call(3)));
    }
    Ledger ledger(directory / "db.sqlite", {own, other});
    ledger.offer(make_call(4));
    const auto counters = wait_written(ledger, 4);
    CHECK(counters.rows_recovered == 3);
    CHECK(counters.rows_dropped_error == 1);
    ledger.stop(generous);
    CHECK(query_number(directory / "db.sqlite", "SELECT count(*) FROM requests") == 4);
    CHECK(store::PendingRows(own).is_empty());
}

TEST_CASE("ledger: what cannot be written before the end waits for the next start") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<std::byte> memory(1 << 16);
    std::filesystem::create_directory(file);  // no database can be opened here
    {
        Ledger ledger(file, {memory});
        for (std::uint64_t i = 1; i <= 5; ++i) ledger.offer(make_call(i));
        ledger.stop(std::chrono::milliseconds(0));
        CHECK(ledger.counters().rows_dropped_error == 0);
    }
    std::filesystem::remove(file);
    Ledger next(file, {memory});
    CHECK(wait_written(next, 5).rows_recovered == 5);
}

TEST_CASE("ledger: a process killed while it offers owes nobody a row") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    // Memory that the child shares, as a mapped file would be.
    constexpr std::size_t size = 1 << 18;
    void* shared = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    const std::span<std::byte> memory(static_cast<std::byte*>(shared), size);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const int child = ::fork();
    if (child == 0) {
        Ledger ledger(file, {memory});
        for (std::uint64_t i = 1;; ++i) {
            ledger.offer(make_call(i));
            if (::write(ready[1], "x", 1) != 1) ::_exit(1);
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    }
    std::uint64_t offered = 0;
    char byte = 0;
    while (offered < 500 && ::read(ready[0], &byte, 1) == 1) ++offered;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    Ledger next(file, {memory});
    wait_for(next, [](const LedgerCounters& c) { return c.rows_waiting == 0 && c.state == "ok"; });
    next.stop(generous);
    CHECK(static_cast<std::uint64_t>(
              query_number(file, "SELECT count(*) FROM requests")) >= offered);
    CHECK(query_text(file, "PRAGMA integrity_check") == "ok");
    ::munmap(shared, size);
}

TEST_CASE("ledger: what was not metered is added to the file's counts, also over restarts") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    for (int start = 0; start < 2; ++start) {
        Ledger ledger(file);
        ledger.note_unmetered("client-refused", "node", "api.example.com");
        ledger.note_unmetered("client-refused", "node", "api.example.com");
        ledger.note_unmetered("not-metered", "", "");
        ledger.stop(generous);
    }
    const auto rows = store::read_unmetered(file, UtcTime{});
    REQUIRE(rows);
    REQUIRE(rows->size() == 2);
    CHECK((*rows)[0].reason == "client-refused");
    CHECK((*rows)[0].program == "node");
    CHECK((*rows)[0].host == "api.example.com");
    CHECK((*rows)[0].count == 4);
    CHECK((*rows)[0].first_at <= (*rows)[0].last_at);
    CHECK((*rows)[1].count == 2);
    CHECK(store::read_unmetered(file, system_clock().now_utc() + std::chrono::hours(48))
              .value()
              .empty());
}

TEST_CASE("ledger: counts are written while no row comes, and rows go beside them") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Ledger ledger(file);
    ledger.note_unmetered("not-tls", "", "");
    const auto deadline = std::chrono::steady_clock::now() + generous;
    while (store::read_unmetered(file, UtcTime{}).value_or(std::vector<store::UnmeteredRow>{})
               .empty() &&
           std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(store::read_unmetered(file, UtcTime{}).value().size() == 1);
    ledger.offer(make_call(1));
    CHECK(wait_written(ledger, 1).rows_written == 1);
}

TEST_CASE("ledger: old counts leave the file") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    store::RowWriter writer(file);
    const auto add = [&](const char* day, UtcTime at) {
        writer.begin();
        writer.add_unmetered({{day, "no-sni", "", "", 1, at, at}});
        writer.commit();
    };
    const auto at = [](int day) { return UtcTime{std::chrono::hours(24 * day)}; };
    add("2024-10-04", at(20'000));
    add("2024-10-05", at(20'001));
    CHECK(store::read_unmetered(file, UtcTime{}).value().front().count == 2);
    add("2026-10-04", at(20'730));
    CHECK(store::read_unmetered(file, UtcTime{}).value().front().count == 1);
}

TEST_CASE("ledger: begun anew after a stop, with the rows that a lock left waiting") {
    const test::TempDirectory directory;
    std::vector<std::byte> memory(64 * 1024);
    Ledger ledger(directory / "db.sqlite", {memory});
    ledger.offer(make_call(1));
    wait_written(ledger, 1);
    {
        SQLite::Database other((directory / "db.sqlite").string(), SQLite::OPEN_READWRITE);
        SQLite::Transaction lock(other, SQLite::TransactionBehavior::IMMEDIATE);
        ledger.offer(make_call(2));
        ledger.stop(std::chrono::milliseconds(0));
        CHECK(ledger.counters().rows_dropped_error == 0);
    }
    ledger.restart();
    ledger.offer(make_call(3));
    wait_written(ledger, 2);
    ledger.stop(generous);
    CHECK(query_number(directory / "db.sqlite", "select count(*) from requests") == 3);
}

TEST_CASE("ledger: fills the roll-ups of what an older program left, while rows come") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
        const auto steps = store::migrations();
        std::size_t count = 0;
        while (steps[count].number < store::rollup_schema_number) ++count;
        store::migrate(database, steps.first(count));
        database.exec("INSERT INTO projects (slug, name, created_at) VALUES ('a', 'a', '')");
        // More than two steps.
        database.exec(fmt::format(
            "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {}) "
            "INSERT INTO requests (id, project_id, provider, model, requested_at, status) "
            "SELECT i, 1, 'p', 'm', strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1700000000 + i * 60, "
            "'unixepoch'), 'success' FROM n",
            limits::rollup_fill_rows * 5 / 2));
    }
    Ledger ledger(file);
    for (std::uint64_t i = 1; i <= 20; ++i) ledger.offer(make_call(i));
    CHECK(wait_written(ledger, 20).rows_written == 20);
    const auto is_filled = [&] {
        return query_text(file, "SELECT covered_from FROM usage_cover").empty();
    };
    const auto deadline = std::chrono::steady_clock::now() + generous;
    while (!is_filled() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(is_filled());
    CHECK(query_number(file, "SELECT sum(requests) FROM usage_half_hours") ==
          query_number(file, "SELECT count(*) FROM requests"));
    ledger.stop(seconds(5));
    CHECK(ledger.counters().rows_written == 20);
}

TEST_CASE("ledger: bodies are written behind their rows, in no file before that") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<std::byte> memory(1 << 16);
    const auto key = std::string("sk-") + "ant-A1b2C3d4E5f6G7h8";
    {
        Ledger ledger(file, {std::span(memory)});
        for (std::uint64_t i = 0; i < 50; ++i) {
            auto call = make_call(i);
            if (i % 2 == 0)
                ledger.offer_with_bodies(std::move(call),
                                         test::make_bodies("UNIQUE " + key, "fine"));
            else
                ledger.offer(std::move(call));
        }
        const std::string_view bytes(reinterpret_cast<const char*>(memory.data()), memory.size());
        CHECK(bytes.find("UNIQUE") == std::string_view::npos);
        ledger.stop(generous);
        const auto counters = ledger.counters();
        CHECK(counters.rows_written == 50);
        CHECK(counters.bodies_written == 25);
        CHECK(counters.bodies_dropped == 0);
        CHECK(counters.bodies_waiting == 0);
    }
    CHECK(query_number(file, "SELECT count(*) FROM request_bodies WHERE redaction_count = 1") == 25);
}

TEST_CASE("ledger: a body that is no text is counted, and its row is there") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    Ledger ledger(file);
    ledger.offer_with_bodies(make_call(1), test::make_bodies(std::string("\0\1", 2), "fine"));
    const auto counters =
        wait_for(ledger, [](const LedgerCounters& c) { return c.bodies_dropped > 0; });
    CHECK(counters.bodies_dropped == 1);
    CHECK(counters.rows_written == 1);
    ledger.stop(generous);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 1);
}

TEST_CASE("ledger: bodies that have no time left at the end are dropped, not their rows") {
    const test::TempDirectory directory;
    const auto file = directory / "db.sqlite";
    std::vector<std::byte> memory(1 << 20);
    std::uint64_t written = 0;
    {
        Ledger ledger(file, {std::span(memory)});
        for (std::uint64_t i = 0; i < 40; ++i)
            ledger.offer_with_bodies(make_call(i),
                                     test::make_bodies(std::string(200'000, 'x'), "fine"));
        ledger.stop(std::chrono::milliseconds(0));
        const auto counters = ledger.counters();
        written = counters.bodies_written;
        CHECK(counters.bodies_written + counters.bodies_dropped == 40);
    }
    Ledger next(file, {std::span(memory)});
    next.stop(generous);
    CHECK(query_number(file, "SELECT count(*) FROM requests") == 40);
    CHECK(query_number(file, "SELECT count(*) FROM request_bodies") ==
          static_cast<std::int64_t>(written));
}
