// Writes WebSocket frames, for tests: the bytes are put together by hand, and compressed by zlib.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

namespace halton::test {

enum class Op : int { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct FrameForm {
    bool is_final = true;
    bool is_compressed = false;  // sets the bit; see Deflater
    bool is_masked = false;
    int length_bytes = 0;  // of an extended length: 2, 8, or 0 for the shortest
    std::string key = "\x37\xfa\x21\x3d";
};

inline std::string frame(Op op, std::string_view payload, const FrameForm& form = {}) {
    std::string bytes;
    bytes += static_cast<char>((form.is_final ? 0x80 : 0) | (form.is_compressed ? 0x40 : 0) |
                               static_cast<int>(op));
    const char mask = form.is_masked ? '\x80' : '\0';
    int extra = form.length_bytes;
    if (extra == 0) extra = payload.size() > 65'535 ? 8 : payload.size() > 125 ? 2 : 0;
    if (extra == 0) {
        bytes += static_cast<char>(mask | static_cast<char>(payload.size()));
    } else {
        bytes += static_cast<char>(mask | (extra == 2 ? 126 : 127));
        for (int shift = (extra - 1) * 8; shift >= 0; shift -= 8)
            bytes += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> shift & 0xff);
    }
    if (!form.is_masked) return bytes.append(payload);
    bytes += form.key;
    for (std::size_t i = 0; i < payload.size(); ++i)
        bytes += static_cast<char>(payload[i] ^ form.key[i % 4]);
    return bytes;
}

inline std::string sent(std::string_view text) {
    return frame(Op::text, text, {.is_masked = true});
}
inline std::string received(std::string_view text) { return frame(Op::text, text); }

// One sender's compressor. Without context take-over each message begins anew.
class Deflater {
public:
    explicit Deflater(bool keeps_context = true, int window_bits = 15)
        : keeps_context_(keeps_context) {
        deflateInit2(&stream_, Z_BEST_COMPRESSION, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY);
    }
    ~Deflater() { deflateEnd(&stream_); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    // The payload of one message; `is_ended`: as one whole deflate stream, which is allowed too.
    std::string compress(std::string_view text, bool is_ended = false) {
        std::string out(text.size() + 1024, '\0');
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(text.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        deflate(&stream_, is_ended ? Z_FINISH : Z_SYNC_FLUSH);
        out.resize(out.size() - stream_.avail_out);
        if (is_ended)
            out += '\0';
        else
            out.resize(out.size() - 4);
        if (!keeps_context_ || is_ended) deflateReset(&stream_);
        return out;
    }

private:
    z_stream stream_{};
    bool keeps_context_;
};

}  // namespace halton::test
