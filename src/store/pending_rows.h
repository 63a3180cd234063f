// PendingRows: the rows that are offered and not yet committed, in memory that a file backs, so
// that a killed process owes nobody a row. A ring of records; the kernel keeps its pages when
// the process dies at any instruction (not when the machine does).
// In:    bytes of one row each, oldest first. Out: those that a dead process left.
// Fails: never. What does not fit is not kept; what does not read is skipped and counted.
// Owner: the ledger. Thread: whoever holds its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halton::store {

class PendingRows {
public:
    // Keeps nothing.
    PendingRows() = default;
    // `memory` outlives the object: a header, then the ring. All zeros are an empty one; anything
    // that is no ring of ours becomes one.
    explicit PendingRows(std::span<std::byte> memory);

    struct Left {
        std::vector<std::string> rows;  // oldest first; they stay in the ring
        bool is_damaged = false;        // there was more, unreadable; it was thrown away
    };
    // What is in the ring. To be called once, before anything else.
    Left read_left();

    // False when it has no room for this row.
    bool keep(std::string_view row);
    // The oldest row is safe elsewhere.
    void release_oldest();
    void clear();

    bool is_empty() const;

private:
    struct Header;
    Header& header() const;
    void copy_in(std::uint64_t position, const void* from, std::size_t size);
    void copy_out(std::uint64_t position, void* to, std::size_t size) const;

    std::span<std::byte> memory_;
    std::span<std::byte> ring_;
};

}  // namespace halton::store
