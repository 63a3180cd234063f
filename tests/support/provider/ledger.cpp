#include "support/provider/ledger.h"

#include <chrono>

#include <fmt/format.h>

namespace provider {

namespace {

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (unsigned char c : text) {
        if (c == '"' || c == '\\') out += '\\', out += static_cast<char>(c);
        else if (c < 0x20 || c >= 0x7f) out += fmt::format("\\u{:04x}", c);
        else out += static_cast<char>(c);
    }
    return out + "\"";
}

}  // namespace

std::string Digest::hex() const {
    auto state = state_;
    std::uint8_t bytes[SHA256_DIGEST_LENGTH];
    SHA256_Final(bytes, &state);
    std::string out;
    for (auto byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
}

Ledger::Ledger(const std::string& file) {
    if (!file.empty()) file_ = std::fopen(file.c_str(), "a");
}

Ledger::~Ledger() {
    if (file_) std::fclose(file_);
}

void Ledger::write_line(const std::string& fields) {
    auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
    auto line = fmt::format("{{\"number\":{},\"time_us\":{},{}}}\n", ++number_, now, fields);
    std::fwrite(line.data(), 1, line.size(), file_);
    std::fflush(file_);
}

void Ledger::write(const ConnectionEntry& entry) {
    if (!file_) return;
    write_line(fmt::format(
        R"("kind":"connection","connection":{},"tls":{},"handshake":{},"sni":{},"alpn":{},)"
        R"("tls_version":{},"resumed":{},"client_certificate":{},"problem":{})",
        entry.connection, entry.is_tls, entry.has_handshake, quote(entry.server_name),
        quote(entry.alpn), quote(entry.tls_version), entry.is_resumed,
        entry.has_client_certificate, quote(entry.problem)));
}

void Ledger::write(const RequestEntry& entry) {
    if (!file_) return;
    const auto usage =
        entry.usage ? fmt::format("[{},{},{}]", quote(entry.usage->model),
                                  entry.usage->input_tokens, entry.usage->output_tokens)
                    : "null";
    write_line(fmt::format(
        R"("kind":"request","connection":{},"item":{},"method":{},"target":{},"host":{},)"
        R"("status":{},"usage":{},"received_sha256":"{}","received_bytes":{},"body_sha256":"{}",)"
        R"("body_bytes":{},"sent_sha256":"{}","sent_bytes":{},"completed":{})",
        entry.connection, quote(entry.item), quote(entry.method), quote(entry.target),
        quote(entry.host), entry.status, usage, entry.received.hex(), entry.received.length(),
        entry.received_body.hex(), entry.received_body.length(), entry.sent.hex(),
        entry.sent.length(), entry.is_completed));
}

void Ledger::write(const SocketEntry& entry) {
    if (!file_) return;
    std::string turns;
    for (const auto& turn : entry.turns)
        turns += fmt::format("{}[{},{},{},{}]", turns.empty() ? "" : ",", quote(turn.id),
                             turn.input_tokens, turn.output_tokens, quote(turn.model));
    write_line(fmt::format(
        R"("kind":"socket","connection":{},"item":{},"target":{},"received":{},"sent":{},)"
        R"("received_sha256":"{}","received_bytes":{},"sent_sha256":"{}","sent_bytes":{},)"
        R"("turns":[{}],"closed":{},"completed":{},"problem":{})",
        entry.connection, quote(entry.item), quote(entry.target), entry.received_count,
        entry.sent_count, entry.received.hex(), entry.received.length(), entry.sent.hex(),
        entry.sent.length(), turns, entry.is_closed, entry.is_completed, quote(entry.problem)));
}

}  // namespace provider
