#include "http/content_decode.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"
#include "base/text.h"

namespace halton::http {
namespace {

constexpr std::size_t coding_count_max = 3;
constexpr std::size_t piece_bytes = 16 * 1024;
// RFC 9659: a zstd window on the web is at most 8 MiB.
constexpr int zstd_window_log_max = 23;
// Small bodies of one repeated byte are legitimate; from here on the ratio counts.
constexpr std::uint64_t ratio_free_bytes = 1024 * 1024;

enum class Coding { gzip, deflate, brotli, zstd };

std::optional<Coding> coding_of(std::string_view name) {
    if (is_equal_ignoring_case(name, "gzip") || is_equal_ignoring_case(name, "x-gzip"))
        return Coding::gzip;
    if (is_equal_ignoring_case(name, "deflate")) return Coding::deflate;
    if (is_equal_ignoring_case(name, "br")) return Coding::brotli;
    if (is_equal_ignoring_case(name, "zstd")) return Coding::zstd;
    return std::nullopt;
}

struct EndZlib {
    void operator()(z_stream* stream) const {
        inflateEnd(stream);
        delete stream;
    }
};
struct EndBrotli {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
};
struct EndZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

using Piece = std::array<char, piece_bytes>;

// One coding of the list. Its library state lives from the first byte to the end mark.
class Stage {
public:
    explicit Stage(Coding coding) : coding_(coding) {}

    // Decodes from `in` into `out`, as far as one of them goes; returns the bytes written. They
    // are good even if is_bad() afterwards.
    std::size_t step(std::string_view& in, Piece& out);

    bool is_bad() const { return is_bad_; }

    bool is_finished() const { return is_finished_; }
    // Counts decoded bytes; false when `bytes_in` at the start of the list cannot explain them.
    bool count(std::size_t size, std::uint64_t bytes_in);

private:
    std::size_t step_zlib(std::string_view& in, Piece& out);
    std::size_t step_brotli(std::string_view& in, Piece& out);
    std::size_t step_zstd(std::string_view& in, Piece& out);
    void start_zlib(std::string_view in);
    std::size_t turn_bad(std::size_t written) {
        is_bad_ = true;
        return written;
    }

    Coding coding_;
    bool is_finished_ = false;
    bool is_bad_ = false;
    bool is_in_padding_ = false;
    std::uint64_t bytes_out_ = 0;
    std::optional<char> held_;  // the first byte of a deflate stream, which tells nothing alone
    std::unique_ptr<z_stream, EndZlib> zlib_;
    std::unique_ptr<BrotliDecoderState, EndBrotli> brotli_;
    std::unique_ptr<ZSTD_DCtx, EndZstd> zstd_;
};

std::size_t Stage::step(std::string_view& in, Piece& out) {
    switch (coding_) {
        case Coding::gzip:
        case Coding::deflate: return step_zlib(in, out);
        case Coding::brotli: return step_brotli(in, out);
        case Coding::zstd: return step_zstd(in, out);
    }
    return turn_bad(0);
}

bool Stage::count(std::size_t size, std::uint64_t bytes_in) {
    bytes_out_ += size;
    if (bytes_out_ > limits::decoded_bytes_max) return false;
    return bytes_out_ <= ratio_free_bytes || bytes_out_ <= bytes_in * limits::decoded_ratio_max;
}

// "deflate" means the zlib format, but some servers send the raw one; two bytes tell.
void Stage::start_zlib(std::string_view in) {
    constexpr int gzip_bits = 15 + 16, zlib_bits = 15, raw_bits = -15;
    int bits = gzip_bits;
    if (coding_ == Coding::deflate) {
        const auto first = static_cast<unsigned char>(held_.value_or(in.front()));
        const auto second = static_cast<unsigned char>(held_ ? in.front() : in[1]);
        const bool is_zlib =
            (first & 15) == 8 && (first >> 4) <= 7 && (first * 256 + second) % 31 == 0;
        bits = is_zlib ? zlib_bits : raw_bits;
    }
    zlib_.reset(new z_stream{});
    is_bad_ = inflateInit2(zlib_.get(), bits) != Z_OK;
}

std::size_t Stage::step_zlib(std::string_view& in, Piece& out) {
    if (is_finished_) {
        // A gzip file may be several in a row. Anything else behind the end is padding, and so is
        // what follows it.
        if (in.empty()) return 0;
        is_in_padding_ = is_in_padding_ || coding_ == Coding::deflate || in.front() != '\x1f';
        if (is_in_padding_) {
            in = {};
            return 0;
        }
        is_finished_ = false;
    }
    if (!zlib_) {
        if (in.empty()) return 0;
        if (coding_ == Coding::deflate && !held_ && in.size() == 1) {
            held_ = in.front();
            in = {};
            return 0;
        }
        start_zlib(in);
        if (is_bad_) return 0;
    }
    zlib_->next_out = reinterpret_cast<Bytef*>(out.data());
    zlib_->avail_out = static_cast<uInt>(out.size());
    int result = Z_OK;
    const auto inflate_from = [&](std::string_view& bytes) {
        const auto size = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
        zlib_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        zlib_->avail_in = static_cast<uInt>(size);
        result = inflate(zlib_.get(), Z_NO_FLUSH);
        bytes.remove_prefix(size - zlib_->avail_in);
    };
    if (held_) {
        const char first = *held_;
        held_.reset();
        std::string_view bytes(&first, 1);
        inflate_from(bytes);
    }
    if (result == Z_OK) inflate_from(in);
    const std::size_t written = out.size() - zlib_->avail_out;
    if (result == Z_STREAM_END) {
        zlib_.reset();
        is_finished_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return turn_bad(written);
    }
    return written;
}

std::size_t Stage::step_brotli(std::string_view& in, Piece& out) {
    if (is_finished_) {
        in = {};
        return 0;
    }
    if (!brotli_) {
        if (in.empty()) return 0;
        brotli_.reset(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr));
        if (!brotli_) return turn_bad(0);
    }
    std::size_t in_size = in.size(), out_size = out.size();
    auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const auto result = BrotliDecoderDecompressStream(brotli_.get(), &in_size, &next_in, &out_size,
                                                      &next_out, nullptr);
    if (result == BROTLI_DECODER_RESULT_ERROR) return turn_bad(out.size() - out_size);
    in.remove_prefix(in.size() - in_size);
    if (result == BROTLI_DECODER_RESULT_SUCCESS) {
        brotli_.reset();
        is_finished_ = true;
    }
    return out.size() - out_size;
}

std::size_t Stage::step_zstd(std::string_view& in, Piece& out) {
    if (!zstd_) {
        if (in.empty()) return 0;
        zstd_.reset(ZSTD_createDCtx());
        if (!zstd_) return turn_bad(0);
        ZSTD_DCtx_setParameter(zstd_.get(), ZSTD_d_windowLogMax, zstd_window_log_max);
    }
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t result = ZSTD_decompressStream(zstd_.get(), &output, &input);
    if (ZSTD_isError(result)) return turn_bad(output.pos);
    in.remove_prefix(input.pos);
    // Frames may follow each other; the next byte, if any, starts a new one.
    is_finished_ = result == 0;
    if (is_finished_) zstd_.reset();
    return output.pos;
}

}  // namespace

struct ContentDecoder::State {
    std::vector<Stage> stages;  // in the order of decoding: the last coding named comes first
    std::uint64_t bytes_in = 0;
    std::optional<Error> error;

    Result<void> fail_for_good(ErrorKind kind, const char* why) {
        stages.clear();
        error = Error{kind, Leg::local, why};
        return fail(*error);
    }
    Result<void> decode(std::size_t index, std::string_view bytes, std::string& out);
};

Result<void> ContentDecoder::State::decode(std::size_t index, std::string_view bytes,
                                           std::string& out) {
    if (index == stages.size()) {
        out += bytes;
        return {};
    }
    Stage& stage = stages[index];
    Piece piece;
    for (;;) {
        const std::size_t written = stage.step(bytes, piece);
        if (written > 0) {
            if (!stage.count(written, bytes_in))
                return fail_for_good(ErrorKind::too_large, "decoded body");
            auto passed_on = decode(index + 1, {piece.data(), written}, out);
            if (!passed_on) return passed_on;
        }
        if (stage.is_bad()) return fail_for_good(ErrorKind::malformed, "bad content coding");
        // A full piece may mean that there is more inside the library.
        if (bytes.empty() && written < piece.size()) return {};
    }
}

ContentDecoder::ContentDecoder(std::string_view content_encoding) {
    while (!content_encoding.empty()) {
        const auto comma = std::min(content_encoding.find(','), content_encoding.size());
        const auto name = trim(content_encoding.substr(0, comma));
        content_encoding.remove_prefix(std::min(comma + 1, content_encoding.size()));
        if (name.empty() || is_equal_ignoring_case(name, "identity")) continue;
        if (!state_) state_ = std::make_unique<State>();
        if (state_->error) continue;
        const auto coding = coding_of(name);
        if (!coding || state_->stages.size() == coding_count_max) {
            (void)state_->fail_for_good(ErrorKind::unsupported, "content coding");
            continue;
        }
        state_->stages.insert(state_->stages.begin(), Stage(*coding));
    }
}

ContentDecoder::~ContentDecoder() = default;
ContentDecoder::ContentDecoder(ContentDecoder&&) noexcept = default;
ContentDecoder& ContentDecoder::operator=(ContentDecoder&&) noexcept = default;

bool ContentDecoder::is_identity() const { return !state_; }

Result<void> ContentDecoder::feed(std::string_view bytes, std::string& out) {
    if (!state_) {
        out += bytes;
        return {};
    }
    if (state_->error) return fail(*state_->error);
    if (bytes.empty()) return {};
    state_->bytes_in += bytes.size();
    return state_->decode(0, bytes, out);
}

bool ContentDecoder::is_finished() const {
    if (!state_) return true;
    return !state_->error && state_->stages.back().is_finished();
}

}  // namespace halton::http
