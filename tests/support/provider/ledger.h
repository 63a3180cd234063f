// Ledger: what the provider saw and did, as JSON lines, one a connection, one a request
// and one a WebSocket.
// In:    finished entries. Out: lines, flushed one by one, so that a reader may poll the file.
// Owner: main. Thread: one.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/sha.h>

#include "support/provider/answer.h"

namespace provider {

// Counts and hashes bytes as they pass.
class Digest {
public:
    Digest() { SHA256_Init(&state_); }
    void add(std::string_view bytes) {
        SHA256_Update(&state_, bytes.data(), bytes.size());
        length_ += bytes.size();
    }
    std::uint64_t length() const { return length_; }
    std::string hex() const;

private:
    SHA256_CTX state_;
    std::uint64_t length_ = 0;
};

struct ConnectionEntry {
    std::uint64_t connection = 0;
    bool is_tls = false;
    bool has_handshake = false;
    std::string server_name;
    std::string alpn;
    std::string tls_version;
    bool is_resumed = false;
    bool has_client_certificate = false;
    std::string problem;  // why the handshake failed
};

struct RequestEntry {
    std::uint64_t connection = 0;
    std::string item;
    std::string method;
    std::string target;
    std::string host;
    int status = 0;
    std::optional<Usage> usage;  // what the answer reports
    Digest received;             // exact bytes, head and body
    Digest received_body;        // body without framing
    Digest sent;
    bool is_completed = false;  // the whole answer was written
};

// A WebSocket behind its upgrade.
struct SocketEntry {
    struct Turn {
        std::string id;
        long long input_tokens = 0;
        long long output_tokens = 0;
        std::string model;
    };
    std::uint64_t connection = 0;
    std::string item;
    std::string target;
    std::uint64_t received_count = 0;  // messages
    std::uint64_t sent_count = 0;
    Digest received;  // bytes behind the upgrade
    Digest sent;
    std::vector<Turn> turns;    // what was reported
    bool is_closed = false;     // the client said Close
    bool is_completed = false;  // the script came to its end
    std::string problem;
};

class Ledger {
public:
    // An empty name: no ledger.
    explicit Ledger(const std::string& file);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    bool is_open() const { return file_ != nullptr; }
    void write(const ConnectionEntry& entry);
    void write(const RequestEntry& entry);
    void write(const SocketEntry& entry);

private:
    void write_line(const std::string& fields);

    std::FILE* file_ = nullptr;
    std::uint64_t number_ = 0;
};

}  // namespace provider
