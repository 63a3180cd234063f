#include "store/pending_rows.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace halton::store {
namespace {

constexpr std::uint64_t magic = 0x31776f722d6d68ULL;  // "hm-row1"

struct RecordHead {
    std::uint32_t size = 0;
    std::uint32_t check = 0;
};

// FNV-1a: tells a record from garbage; nobody attacks a file that only its owner can write.
std::uint32_t check_of(std::string_view bytes) {
    std::uint32_t hash = 2166136261u;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

}  // namespace

// Positions only grow; their place in the ring is the remainder.
struct PendingRows::Header {
    std::uint64_t magic;
    std::uint64_t ring_bytes;
    std::uint64_t begin;
    std::uint64_t end;
};

PendingRows::PendingRows(std::span<std::byte> memory) {
    if (memory.size() < sizeof(Header) + 1024) return;
    memory_ = memory;
    ring_ = memory.subspan(sizeof(Header));
    Header& head = header();
    if (head.magic != magic || head.ring_bytes != ring_.size() || head.begin > head.end ||
        head.end - head.begin > ring_.size())
        head = {magic, ring_.size(), 0, 0};
}

PendingRows::Header& PendingRows::header() const {
    return *reinterpret_cast<Header*>(memory_.data());
}

void PendingRows::copy_in(std::uint64_t position, const void* from, std::size_t size) {
    const std::size_t at = position % ring_.size();
    const std::size_t first = std::min(size, ring_.size() - at);
    std::memcpy(ring_.data() + at, from, first);
    std::memcpy(ring_.data(), static_cast<const char*>(from) + first, size - first);
}

void PendingRows::copy_out(std::uint64_t position, void* to, std::size_t size) const {
    const std::size_t at = position % ring_.size();
    const std::size_t first = std::min(size, ring_.size() - at);
    std::memcpy(to, ring_.data() + at, first);
    std::memcpy(static_cast<char*>(to) + first, ring_.data(), size - first);
}

PendingRows::Left PendingRows::read_left() {
    Left left;
    if (ring_.empty()) return left;
    Header& head = header();
    std::uint64_t position = head.begin;
    while (position < head.end) {
        RecordHead record;
        std::string row;
        const std::uint64_t available = head.end - position;
        if (available >= sizeof record) copy_out(position, &record, sizeof record);
        if (available < sizeof record || record.size > available - sizeof record) break;
        row.resize(record.size);
        copy_out(position + sizeof record, row.data(), row.size());
        if (check_of(row) != record.check) break;
        position += sizeof record + row.size();
        left.rows.push_back(std::move(row));
    }
    left.is_damaged = position != head.end;
    head.end = position;
    return left;
}

bool PendingRows::keep(std::string_view row) {
    if (ring_.empty()) return false;
    Header& head = header();
    const RecordHead record{static_cast<std::uint32_t>(row.size()), check_of(row)};
    const std::size_t size = sizeof record + row.size();
    if (size > ring_.size() - (head.end - head.begin)) return false;
    copy_in(head.end, &record, sizeof record);
    copy_in(head.end + sizeof record, row.data(), row.size());
    // The record is there before the header says so, also when the process dies in between.
    std::atomic_ref(head.end).store(head.end + size, std::memory_order_release);
    return true;
}

void PendingRows::release_oldest() {
    if (is_empty()) return;
    Header& head = header();
    RecordHead record;
    copy_out(head.begin, &record, sizeof record);
    const std::uint64_t next = head.begin + sizeof record + record.size;
    std::atomic_ref(head.begin).store(std::min(next, head.end), std::memory_order_release);
}

void PendingRows::clear() {
    if (!ring_.empty()) header().begin = header().end;
}

bool PendingRows::is_empty() const {
    return ring_.empty() || header().begin == header().end;
}

}  // namespace halton::store
