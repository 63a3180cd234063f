#include "support/provider/options.h"

#include <algorithm>
#include <charconv>
#include <functional>

namespace provider {

namespace {

bool read_number(std::string_view text, int most, int& number) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() && number >= 0 &&
           number <= most;
}

// Can stand in JSON as it is.
bool is_plain(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == ' ' || c == '.' || c == ',' || c == '-';
    });
}

struct Row {
    std::string_view flag;
    std::string_view value;  // name of the value in the help text
    std::string_view help;
    bool (*set)(Options&, std::string_view);
};

bool set_port(std::uint16_t& port, std::string_view text) {
    int number = 0;
    if (!read_number(text, 65535, number)) return false;
    port = static_cast<std::uint16_t>(number);
    return true;
}

constexpr Row rows[] = {
    {"--port", "PORT", "TLS port (default 0: any free one)",
     [](Options& o, std::string_view v) { return set_port(o.port, v); }},
    {"--listen", "ADDRESS", "where both ports are bound (default 127.0.0.1)",
     [](Options& o, std::string_view v) { o.address = v; return !v.empty(); }},
    {"--http-port", "PORT", "serve plain HTTP too",
     [](Options& o, std::string_view v) { o.has_http = true; return set_port(o.http_port, v); }},
    {"--name", "HOST", "one more name with a good certificate",
     [](Options& o, std::string_view v) { o.names.emplace_back(v); return true; }},
    {"--expired", "HOST", "name with an expired certificate",
     [](Options& o, std::string_view v) { o.expired_names.emplace_back(v); return true; }},
    {"--wrong-host", "HOST", "name that gets another name's certificate",
     [](Options& o, std::string_view v) { o.wrong_host_names.emplace_back(v); return true; }},
    {"--self-signed", "HOST", "name with a self-signed certificate",
     [](Options& o, std::string_view v) { o.self_signed_names.emplace_back(v); return true; }},
    {"--client-certificate", "HOST", "name for which a client certificate is required",
     [](Options& o, std::string_view v) {
         o.client_certificate_names.emplace_back(v);
         return true;
     }},
    {"--tls-max", "12|13", "highest TLS version (default 13)",
     [](Options& o, std::string_view v) {
         return read_number(v, 13, o.tls_version_max) && o.tls_version_max >= 12;
     }},
    {"--alpn", "NAMES", "protocols to choose from, in order (default h2,http/1.1)",
     [](Options& o, std::string_view v) {
         o.protocols.clear();
         for (std::size_t at = 0; at <= v.size();) {
             const auto end = std::min(v.find(',', at), v.size());
             if (end == at || end - at > 255) return false;
             o.protocols.emplace_back(v.substr(at, end - at));
             at = end + 1;
         }
         return true;
     }},
    {"--ca-out", "FILE", "where to write the throw-away root (PEM)",
     [](Options& o, std::string_view v) { o.ca_out = v; return true; }},
    {"--client-cert-out", "FILE", "where to write a client certificate with its key (PEM)",
     [](Options& o, std::string_view v) { o.client_cert_out = v; return true; }},
    {"--ready-file", "FILE", "JSON with ports and pid, written once both ports are bound",
     [](Options& o, std::string_view v) { o.ready_file = v; return true; }},
    {"--ledger", "FILE", "one JSON line a connection, a request and a WebSocket",
     [](Options& o, std::string_view v) { o.ledger_file = v; return true; }},
    {"--record-raw", "DIR", "keep the plaintext of each connection as DIR/<n>.in and <n>.out",
     [](Options& o, std::string_view v) { o.raw_directory = v; return true; }},
    {"--answer", "TEXT", "what canned answers say (letters, digits, blanks and .,-)",
     [](Options& o, std::string_view v) { o.canned.text = v; return is_plain(v); }},
    {"--stream-pause-ms", "N", "wait between the events of canned streams",
     [](Options& o, std::string_view v) {
         int number = 0;
         const bool is_good = read_number(v, 60000, number);
         o.canned.pause = std::chrono::milliseconds(number);
         return is_good;
     }},
    {"--count-from", "IN,OUT", "usage of the first canned answer; each further one has one more, and its own id",
     [](Options& o, std::string_view v) {
         int in = 0, out = 0;
         const auto comma = std::min(v.find(','), v.size() - 1);
         const bool is_good = read_number(v.substr(0, comma), 1'000'000, in) &&
                              read_number(v.substr(comma + 1), 1'000'000, out);
         o.canned.input_tokens = in;
         o.canned.output_tokens = out;
         o.counts_up = true;
         return is_good;
     }},
    {"--script", "FILE", "JSON lines of answers, chosen by the header x-test-item",
     [](Options& o, std::string_view v) { o.script_files.emplace_back(v); return true; }},
};

constexpr std::string_view knobs_text = R"(
Answers to POST /v1/messages, /v1/messages/count_tokens, .../chat/completions, /v1/completions,
.../responses, /v1/embeddings and .../models/MODEL:generateContent, :streamGenerateContent,
:countTokens, :embedContent look like the provider's, as a stream when the request asks for one.
Anything else is answered with a small JSON object.

Knobs are request headers:
  x-test-item: ID                 the scripted answer ID
  x-test-status: N                status code (4xx and 5xx answer with the provider's error form)
  x-test-error: WORD              error type or code inside that error
  x-test-model: NAME              the model that answers
  x-test-tokens: IN,OUT           usage to report (default 25,12, or as --count-from says)
  x-test-request-id: WORD         the provider's id of the request, in its answer head
  x-test-delay-head-ms: N         wait before the first byte
  x-test-delay-event-ms: N        wait between events
  x-test-events: N                text deltas of a stream (default 5)
  x-test-body-bytes: N            text of at least that length in the answer
  x-test-encoding: gzip|deflate|br|zstd
  x-test-framing: length|chunked|close
  x-test-chunks: whole|1|N|random size of the HTTP chunks (x-test-seed: N for another random)
  x-test-write-bytes: N           bytes per write, that is per TLS record
  x-test-interim: N[,N]           1xx heads before the answer
  x-test-cut-after: N             end the connection after N bytes of the answer
  x-test-cut-how: close|reset|shutdown   without close_notify (default), with RST, orderly
  x-test-upgrade: 1               101, then every byte is echoed
  x-test-socket: WORDS            of an upgrade to a WebSocket: deflate no-context fragment ping
                                  (support/provider/websocket.h says how it answers)
  x-test-early: 1                 answer before the body was read, then close
  x-test-close: 1                 "connection: close" and close after the answer
  x-test-header-bytes: N          that much more of a head

Over HTTP/2 chunks are DATA frames, a cut is after N bytes of the body, and there are also:
  x-test-padding: N               bytes of padding in each frame of the answer
  x-test-trailers: 1              trailers behind the body
  x-test-reset-after: N           RST_STREAM after N bytes of the body (x-test-reset-code: N, default 2)
  x-test-goaway-after: N          GOAWAY after N bytes of the body, which names this stream the last
  x-test-echo: 1                  answer at once, then give back each piece of the body as it comes

A scripted answer is {"id":..,"status":200,"reason":"OK","headers":[["k","v"],..],"body":BASE64},
with optional "framing", "chunks", "interim":[103], "trailers":[["k","v"],..], or
{"id":..,"raw":BASE64} for the exact bytes of a whole answer, after which the connection closes, or
{"id":..,"frames":[{"direction":"sent"|"received","text":..},..]} for a WebSocket.
)";

}  // namespace

bool parse_options(int argc, char** argv, Options& options, std::string& problem) {
    for (int i = 1; i < argc; ++i) {
        std::string_view word = argv[i];
        if (word == "--help" || word == "-h") {
            options.wants_help = true;
            return true;
        }
        const Row* row = nullptr;
        for (const auto& candidate : rows)
            if (candidate.flag == word) row = &candidate;
        if (!row) {
            problem = "unknown option " + std::string(word);
            return false;
        }
        if (i + 1 == argc || !row->set(options, argv[++i])) {
            problem = std::string(word) + " wants " + std::string(row->value);
            return false;
        }
    }
    return true;
}

std::string_view help_text() {
    static const std::string text = [] {
        std::string out =
            "test_provider: a stand-in for the providers, with a ledger of what it served.\n\n";
        for (const auto& row : rows) {
            std::string left = "  " + std::string(row.flag) + " " + std::string(row.value);
            left.resize(left.size() < 30 ? 30 : left.size() + 1, ' ');
            out += left + std::string(row.help) + "\n";
        }
        return out + std::string(knobs_text);
    }();
    return text;
}

}  // namespace provider
