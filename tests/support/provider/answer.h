// Answer: what goes back for one request, as pieces of exact wire bytes with pauses between.
// Made from a scripted item or from the canned provider answers, then bent by the knobs of the
// request (options.cpp lists them). Pure: bytes in, bytes out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/provider/request.h"

namespace provider {

struct Piece {
    std::chrono::milliseconds delay{0};  // before the bytes
    std::string bytes;
};

// What an answer says that it used: of which model, how many tokens.
struct Usage {
    std::string model;
    long long input_tokens = 0;
    long long output_tokens = 0;
};

// How an answer that is cut ends its connection.
enum class Cut { close, reset, shutdown };

struct Answer {
    int status = 200;
    std::optional<Usage> usage;
    std::vector<Piece> wire;
    std::optional<std::size_t> cut_after;  // bytes of `wire` that are sent before the end
    Cut cut_how = Cut::close;
    std::size_t write_bytes = 0;  // bytes per write; 0: as large as possible
    bool closes = false;          // the connection ends after it
    bool is_upgrade = false;      // every later byte is echoed
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// One message of a scripted WebSocket session; a sent one is the client's.
struct ScriptFrame {
    bool is_sent = false;
    std::string text;
};

// What all canned answers are like, unless their request asks for something else.
struct Canned {
    std::string text = "The quick meter counts every token it sees.";
    std::chrono::milliseconds pause{0};  // before each event of a stream but the first
    long long input_tokens = 25;
    long long output_tokens = 12;
    std::string request_id = "req_test0001";
};

// An answer before framing.
struct Content {
    int status = 200;
    std::string reason;
    HeaderList headers;        // without framing headers
    std::vector<Piece> body;   // the pieces of a stream, or one
    std::string framing;       // "length", "chunked", "close" or empty: the obvious one
    std::string chunks;        // "whole", "random", a number, or empty: a chunk a piece
    std::vector<int> interim;  // 1xx heads sent before
    HeaderList trailers;
    std::string raw;           // not empty: the exact bytes of everything, then close
    std::vector<ScriptFrame> frames;  // what is said on a WebSocket, once it is open
    std::optional<Usage> usage;       // what a canned answer reports
};

// The canned answer of the provider that the request's path belongs to.
Content make_canned_content(const Request& request, const Canned& canned);

// Framing, content coding, chunking and cuts, as content and knobs ask.
Answer make_answer(const Request& request, Content content);

// An answer on a stream of HTTP/2, where framing is the session's affair.
struct StreamAnswer {
    int status = 200;
    std::chrono::milliseconds head_delay{0};
    HeaderList headers;
    std::vector<int> interim;
    bool has_body = true;
    std::vector<Piece> body;
    HeaderList trailers;
    std::string chunks;         // DATA frames: "whole", "random", a number, or empty: a piece each
    unsigned seed = 1;          // of another random
    std::size_t padding_bytes = 0;
    std::size_t write_bytes = 0;  // bytes per write of the connection; 0: as large as possible
    // After so many bytes of the body: the connection ends, the stream is reset, or a GOAWAY that
    // names this stream as the last one.
    std::optional<std::size_t> cut_after;
    std::optional<std::size_t> reset_after;
    std::optional<std::size_t> go_away_after;
    Cut cut_how = Cut::close;
    std::uint32_t reset_code = 2;
};
StreamAnswer make_stream_answer(const Request& request, Content content);

// For a request that cannot be read.
Answer make_bad_request_answer(const std::string& problem);

}  // namespace provider
