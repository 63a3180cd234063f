// Every machine must give the same result however its bytes are cut: whole, byte by byte, in
// small steps, and in two at every place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"

namespace halton::test {

using Chunks = std::vector<std::string_view>;

inline Chunks cut_every(std::string_view bytes, std::size_t size) {
    Chunks chunks;
    for (std::size_t at = 0; at < bytes.size(); at += size)
        chunks.push_back(bytes.substr(at, size));
    return chunks;
}

// The chunkings that are tried: all cuts for inputs of up to 4 KiB, about 500 of them above.
inline std::vector<Chunks> chunkings(std::string_view bytes) {
    std::vector<Chunks> all{{bytes}};
    for (const std::size_t size : {1, 2, 3, 7, 64}) all.push_back(cut_every(bytes, size));
    const std::size_t step = bytes.size() <= 4096 ? 1 : bytes.size() / 500;
    for (std::size_t at = 1; at < bytes.size(); at += step)
        all.push_back({bytes.substr(0, at), bytes.substr(at)});
    return all;
}

// Runs `run(chunks)` for every chunking and wants the result of the whole each time; returns it.
template <class Run>
auto feed_all_ways(std::string_view bytes, Run run) {
    const auto whole = run(Chunks{bytes});
    for (const Chunks& chunks : chunkings(bytes)) {
        const auto result = run(chunks);
        if (result == whole) continue;
        std::string cuts;
        for (const auto chunk : chunks) cuts += std::to_string(chunk.size()) + ' ';
        INFO("chunks of " << cuts.substr(0, 80));
        REQUIRE(result == whole);
    }
    return whole;
}

}  // namespace halton::test
