// Options: what the test provider is asked to be, from its command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/provider/answer.h"

namespace provider {

struct Options {
    std::uint16_t port = 0;       // TLS; 0 = any free port
    std::uint16_t http_port = 0;  // plain HTTP; 0 = any free port
    bool has_http = false;
    std::string address = "127.0.0.1";

    // Names with a good certificate.
    std::vector<std::string> names{"api.anthropic.com",
                                   "api.openai.com",
                                   "chatgpt.com",
                                   "generativelanguage.googleapis.com",
                                   "cloudcode-pa.googleapis.com",
                                   "api.x.ai",
                                   "localhost"};
    // Names whose certificate is bad in one way each.
    std::vector<std::string> expired_names;
    std::vector<std::string> wrong_host_names;
    std::vector<std::string> self_signed_names;
    // Names for which a client certificate is asked for (and any is accepted; none is refused).
    std::vector<std::string> client_certificate_names;
    int tls_version_max = 13;  // 12 or 13
    // Protocols in the order in which they are chosen from a client's list. Others than h2 are
    // answered as HTTP/1.1.
    std::vector<std::string> protocols{"h2", "http/1.1"};

    std::string ca_out;           // PEM of the throw-away root
    std::string client_cert_out;  // PEM: a client certificate and its key
    std::string ready_file;       // {"port":..,"http_port":..,"pid":..}
    std::string ledger_file;
    std::string raw_directory;
    std::vector<std::string> script_files;
    Canned canned;
    // Each canned answer reports one token of both kinds more than the one before it, under an id of
    // its own, as providers give them.
    bool counts_up = false;
    bool wants_help = false;
};

// Fails with a sentence in `problem`.
bool parse_options(int argc, char** argv, Options& options, std::string& problem);

std::string_view help_text();

}  // namespace provider
