#include "support/provider/answer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include <brotli/encode.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

namespace provider {

namespace {

std::string_view reason_of(int status) {
    switch (status) {
        case 100: return "Continue";
        case 101: return "Switching Protocols";
        case 103: return "Early Hints";
        case 200: return "OK";
        case 204: return "No Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 404: return "Not Found";
        case 413: return "Payload Too Large";
        case 429: return "Too Many Requests";
        case 500: return "Internal Server Error";
        case 503: return "Service Unavailable";
        case 529: return "Overloaded";
        default: return "Status";
    }
}

// Content codings -------------------------------------------------------------------------
// Each codes the pieces one after the other into one coded stream, flushed at each piece, so that
// a stream of events can be decoded as it arrives.

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "test_provider: %s failed\n", what);
    std::abort();
}

void code_zlib(std::vector<Piece>& pieces, bool with_gzip_head) {
    z_stream z{};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, with_gzip_head ? 31 : 15, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        give_up("deflate");
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto& bytes = pieces[i].bytes;
        std::string out;
        char buffer[16384];
        z.next_in = reinterpret_cast<Bytef*>(bytes.data());
        z.avail_in = static_cast<uInt>(bytes.size());
        do {
            z.next_out = reinterpret_cast<Bytef*>(buffer);
            z.avail_out = sizeof buffer;
            deflate(&z, i + 1 == pieces.size() ? Z_FINISH : Z_SYNC_FLUSH);
            out.append(buffer, sizeof buffer - z.avail_out);
        } while (z.avail_out == 0);
        bytes = std::move(out);
    }
    deflateEnd(&z);
}

void code_brotli(std::vector<Piece>& pieces) {
    auto* state = BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
    if (!state) give_up("brotli");
    BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, 5);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto& bytes = pieces[i].bytes;
        std::string out;
        auto in_left = bytes.size();
        auto* in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        auto operation =
            i + 1 == pieces.size() ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH;
        do {
            std::uint8_t buffer[16384];
            std::size_t room = sizeof buffer;
            std::uint8_t* to = buffer;
            if (!BrotliEncoderCompressStream(state, operation, &in_left, &in, &room, &to, nullptr))
                give_up("brotli");
            out.append(reinterpret_cast<char*>(buffer), sizeof buffer - room);
        } while (in_left > 0 || BrotliEncoderHasMoreOutput(state));
        bytes = std::move(out);
    }
    BrotliEncoderDestroyInstance(state);
}

void code_zstd(std::vector<Piece>& pieces) {
    auto* state = ZSTD_createCCtx();
    if (!state) give_up("zstd");
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        auto& bytes = pieces[i].bytes;
        std::string out;
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        std::size_t left = 0;
        do {
            char buffer[16384];
            ZSTD_outBuffer to{buffer, sizeof buffer, 0};
            left = ZSTD_compressStream2(state, &to, &in,
                                        i + 1 == pieces.size() ? ZSTD_e_end : ZSTD_e_flush);
            if (ZSTD_isError(left)) give_up("zstd");
            out.append(buffer, to.pos);
        } while (left > 0 || in.pos < in.size);
        bytes = std::move(out);
    }
    ZSTD_freeCCtx(state);
}

bool code(std::vector<Piece>& pieces, std::string_view coding) {
    if (coding == "gzip") code_zlib(pieces, true);
    else if (coding == "deflate") code_zlib(pieces, false);
    else if (coding == "br") code_brotli(pieces);
    else if (coding == "zstd") code_zstd(pieces);
    else return false;
    return true;
}

// Framing ---------------------------------------------------------------------------------

std::string to_chunk(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

// Cuts one piece into HTTP chunks.
std::string to_chunks(std::string_view bytes, std::string_view how, std::mt19937& random) {
    if (bytes.empty()) return {};
    if (how.empty() || how == "whole") return to_chunk(bytes);
    std::string out;
    auto fixed = static_cast<std::size_t>(std::atoll(std::string(how).c_str()));
    while (!bytes.empty()) {
        auto size = how == "random" ? 1 + random() % 1500 : std::max<std::size_t>(fixed, 1);
        out += to_chunk(bytes.substr(0, size));
        bytes.remove_prefix(std::min<std::size_t>(size, bytes.size()));
    }
    return out;
}

std::string to_head(int status, std::string_view reason, const HeaderList& headers) {
    auto head = fmt::format("HTTP/1.1 {} {}\r\n", status,
                            reason.empty() ? reason_of(status) : reason);
    for (const auto& [name, value] : headers) head += fmt::format("{}: {}\r\n", name, value);
    return head + "\r\n";
}

void read_numbers(std::string_view text, std::vector<int>& numbers) {
    if (text.empty()) return;
    numbers.clear();
    while (!text.empty()) {
        auto comma = text.find(',');
        numbers.push_back(std::atoi(std::string(text.substr(0, comma)).c_str()));
        text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    }
}

}  // namespace

namespace {

HeaderList headers_of_interim(int status) {
    return status == 103 ? HeaderList{{"link", "</style.css>; rel=preload"}} : HeaderList{};
}

Cut cut_of(const Request& request) {
    const auto how = request.header("x-test-cut-how");
    return how == "reset" ? Cut::reset : how == "shutdown" ? Cut::shutdown : Cut::close;
}

std::optional<std::size_t> size_of(const Request& request, std::string_view knob) {
    const auto number = request.number(knob, -1);
    return number < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(number));
}

bool has_body_of(const Request& request, const Content& content) {
    return request.method != "HEAD" && content.status != 204 && content.status != 304;
}

// The coding that the request asks for, and more of a head than anybody needs.
void apply_knobs(const Request& request, Content& content) {
    auto coding = request.header("x-test-encoding");
    if (!coding.empty() && has_body_of(request, content) && code(content.body, coding))
        content.headers.emplace_back("content-encoding", coding);
    auto left = size_of(request, "x-test-header-bytes").value_or(0);
    for (int i = 0; left > 0; ++i) {
        const auto size = std::min<std::size_t>(left, 1000);
        content.headers.emplace_back(fmt::format("x-large-{}", i), std::string(size, 'h'));
        left -= size;
    }
}

std::size_t length_of(const Content& content) {
    std::size_t length = 0;
    for (const auto& piece : content.body) length += piece.bytes.size();
    return length;
}

}  // namespace

Answer make_answer(const Request& request, Content content) {
    Answer answer;
    answer.status = content.status;
    answer.usage = content.usage;
    answer.write_bytes = static_cast<std::size_t>(request.number("x-test-write-bytes", 0));
    answer.cut_after = size_of(request, "x-test-cut-after");
    answer.cut_how = cut_of(request);
    auto head_delay = std::chrono::milliseconds(request.number("x-test-delay-head-ms", 0));

    if (!content.raw.empty()) {
        answer.wire.push_back({head_delay, std::move(content.raw)});
        answer.closes = true;
        return answer;
    }
    if (request.header("x-test-upgrade") == "1") {
        answer.status = 101;
        answer.is_upgrade = true;
        answer.wire.push_back(
            {head_delay,
             to_head(101, "", {{"connection", "Upgrade"},
                               {"upgrade", std::string(request.header("upgrade", "echo"))}})});
        return answer;
    }

    read_numbers(request.header("x-test-interim"), content.interim);
    std::string before;
    for (int status : content.interim)
        before += to_head(status, "", headers_of_interim(status));

    bool has_body = has_body_of(request, content);
    apply_knobs(request, content);

    auto framing = std::string(request.header("x-test-framing", content.framing));
    auto chunks = std::string(request.header("x-test-chunks", content.chunks));
    if (framing.empty()) framing = chunks.empty() ? "length" : "chunked";
    const auto length = length_of(content);
    if (content.status != 204 && content.status != 304) {
        if (framing == "chunked") content.headers.emplace_back("transfer-encoding", "chunked");
        if (framing == "length")
            content.headers.emplace_back("content-length", std::to_string(length));
    }
    answer.closes = request.wants_close() || request.header("x-test-close") == "1" ||
                    (framing == "close" && has_body) || request.header("x-test-early") == "1";
    if (answer.closes) content.headers.emplace_back("connection", "close");

    answer.wire.push_back(
        {head_delay, before + to_head(content.status, content.reason, content.headers)});
    if (!has_body) return answer;

    std::mt19937 random(static_cast<unsigned>(request.number("x-test-seed", 1)));
    for (auto& piece : content.body) {
        auto bytes = framing == "chunked" ? to_chunks(piece.bytes, chunks, random)
                                          : std::move(piece.bytes);
        if (piece.delay.count() == 0) answer.wire.back().bytes += bytes;
        else answer.wire.push_back({piece.delay, std::move(bytes)});
    }
    if (framing == "chunked") {
        answer.wire.back().bytes += "0\r\n";
        for (const auto& [name, value] : content.trailers)
            answer.wire.back().bytes += fmt::format("{}: {}\r\n", name, value);
        answer.wire.back().bytes += "\r\n";
    }
    return answer;
}

StreamAnswer make_stream_answer(const Request& request, Content content) {
    StreamAnswer answer;
    if (!content.raw.empty()) {
        content = {};
        content.status = 500;  // exact bytes are bytes of HTTP/1.1
    }
    answer.status = content.status;
    answer.head_delay = std::chrono::milliseconds(request.number("x-test-delay-head-ms", 0));
    read_numbers(request.header("x-test-interim"), content.interim);
    answer.interim = content.interim;
    answer.has_body = has_body_of(request, content);
    apply_knobs(request, content);
    answer.chunks = request.header("x-test-chunks", content.chunks);
    auto framing = std::string(request.header("x-test-framing", content.framing));
    if (framing.empty()) framing = answer.chunks.empty() ? "length" : "chunked";
    if (framing == "length" && content.status != 204 && content.status != 304)
        content.headers.emplace_back("content-length", std::to_string(length_of(content)));
    answer.headers = std::move(content.headers);
    answer.body = std::move(content.body);
    answer.trailers = std::move(content.trailers);
    if (request.header("x-test-trailers") == "1") answer.trailers.emplace_back("grpc-status", "0");
    answer.seed = static_cast<unsigned>(request.number("x-test-seed", 1));
    answer.padding_bytes = size_of(request, "x-test-padding").value_or(0);
    answer.write_bytes = size_of(request, "x-test-write-bytes").value_or(0);
    answer.cut_after = size_of(request, "x-test-cut-after");
    answer.cut_how = cut_of(request);
    answer.reset_after = size_of(request, "x-test-reset-after");
    answer.reset_code = static_cast<std::uint32_t>(request.number("x-test-reset-code", 2));
    answer.go_away_after = size_of(request, "x-test-goaway-after");
    return answer;
}

Answer make_bad_request_answer(const std::string& problem) {
    auto text = fmt::format(R"({{"error":{{"message":"unreadable request: {}"}}}})", problem);
    Answer answer;
    answer.status = 400;
    answer.closes = true;
    answer.wire.push_back({{}, to_head(400, "", {{"content-type", "application/json"},
                                                 {"content-length", std::to_string(text.size())},
                                                 {"connection", "close"}}) +
                                   text});
    return answer;
}

}  // namespace provider
