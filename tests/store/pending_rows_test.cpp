#include "store/pending_rows.h"

#include <deque>
#include <random>

#include "support/catch.h"

using halton::store::PendingRows;

namespace {

std::vector<std::string> left_in(std::vector<std::byte>& memory) {
    return PendingRows(memory).read_left().rows;
}

}  // namespace

TEST_CASE("pending rows: what is kept and not released is found by the next owner") {
    std::vector<std::byte> memory(4096);
    PendingRows rows(memory);
    CHECK(rows.is_empty());
    CHECK(rows.keep("one"));
    CHECK(rows.keep(""));
    CHECK(rows.keep("three"));
    CHECK(left_in(memory) == std::vector<std::string>{"one", "", "three"});
    rows.release_oldest();
    CHECK(left_in(memory) == std::vector<std::string>{"", "three"});
    rows.clear();
    CHECK(left_in(memory).empty());
    rows.release_oldest();
    CHECK(rows.is_empty());
}

TEST_CASE("pending rows: the ring turns many times and keeps the order") {
    std::vector<std::byte> memory(2048);
    PendingRows rows(memory);
    std::deque<std::string> expected;
    std::mt19937 random(7);
    int refused_count = 0;
    for (int i = 0; i < 20'000; ++i) {
        if (random() % 2 == 0) {
            const std::string row(random() % 300, static_cast<char>('a' + i % 26));
            if (rows.keep(row)) expected.push_back(row);
            else ++refused_count;
        } else if (!expected.empty()) {
            rows.release_oldest();
            expected.pop_front();
        }
        if (i % 97 == 0)
            REQUIRE(left_in(memory) ==
                    std::vector<std::string>(expected.begin(), expected.end()));
    }
    CHECK(refused_count > 0);
}

TEST_CASE("pending rows: full means not kept, and no harm to the others") {
    std::vector<std::byte> memory(1024 + 64);
    PendingRows rows(memory);
    CHECK_FALSE(rows.keep(std::string(2000, 'x')));
    CHECK(rows.keep("small"));
    CHECK(left_in(memory) == std::vector<std::string>{"small"});
}

TEST_CASE("pending rows: without memory, or with too little, nothing is kept") {
    PendingRows none;
    CHECK_FALSE(none.keep("row"));
    CHECK(none.is_empty());
    CHECK(none.read_left().rows.empty());
    none.release_oldest();
    none.clear();
    std::vector<std::byte> little(100);
    CHECK_FALSE(PendingRows(little).keep("row"));
}

TEST_CASE("pending rows: damage costs the rows behind it and never more") {
    std::vector<std::byte> memory(4096);
    for (std::size_t at = 0; at < 200; ++at) {
        std::fill(memory.begin(), memory.end(), std::byte{0});
        PendingRows rows(memory);
        for (const char* row : {"first row", "second row", "third row"}) rows.keep(row);
        memory[at] ^= std::byte{0x55};
        PendingRows next(memory);
        const auto left = next.read_left();
        for (std::size_t i = 0; i < left.rows.size(); ++i)
            CHECK((left.rows[i] == "first row" || left.rows[i] == "second row" ||
                   left.rows[i] == "third row"));
        CHECK(next.keep("later"));
    }
    std::mt19937 random(11);
    for (int i = 0; i < 2000; ++i) {
        for (auto& byte : memory) byte = static_cast<std::byte>(random());
        // The front of a real header before noise.
        if (i % 2 == 0) {
            std::vector<std::byte> fresh(4096);
            const PendingRows made(fresh);
            std::copy_n(fresh.begin(), 16, memory.begin());
        }
        PendingRows rows(memory);
        rows.read_left();
        rows.keep("later");
    }
}
