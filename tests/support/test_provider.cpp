// test_provider: a stand-in for the model providers on loopback. It answers as they do, bends its
// answers as each request asks, and keeps a ledger of the exact bytes it received and sent.
// Can be run by hand; --help tells how.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

#include "support/provider/server.h"

namespace {

using provider::BoundPorts;
using provider::Options;

// Written beside and renamed, so that a reader never sees half of it.
bool write_file(const std::string& file, const std::string& text) {
    auto temporary = file + ".new";
    auto* out = std::fopen(temporary.c_str(), "w");
    bool ok = out && std::fwrite(text.data(), 1, text.size(), out) == text.size();
    if (out) ok = std::fclose(out) == 0 && ok;
    ok = ok && std::rename(temporary.c_str(), file.c_str()) == 0;
    if (!ok) std::fprintf(stderr, "test_provider: cannot write %s\n", file.c_str());
    return ok;
}

void announce(const Options& options, const BoundPorts& ports) {
    std::printf("listening on %u\n", ports.port);
    if (ports.http_port) std::printf("listening for HTTP on %u\n", ports.http_port);
    std::fflush(stdout);
    if (!options.ready_file.empty())
        write_file(options.ready_file, "{\"port\":" + std::to_string(ports.port) +
                                           ",\"http_port\":" + std::to_string(ports.http_port) +
                                           ",\"pid\":" + std::to_string(::getpid()) + "}\n");
}

// Thousands of connections want more than the usual 1024 descriptors.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    std::string problem;
    if (!provider::parse_options(argc, argv, options, problem)) {
        std::fprintf(stderr, "test_provider: %s (try --help)\n", problem.c_str());
        return 2;
    }
    if (options.wants_help) {
        std::fwrite(provider::help_text().data(), 1, provider::help_text().size(), stdout);
        return 0;
    }
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();

    provider::Script script;
    for (const auto& file : options.script_files)
        if (!provider::read_script(file, script, problem)) {
            std::fprintf(stderr, "test_provider: %s\n", problem.c_str());
            return 1;
        }
    provider::TestAuthority authority;
    if (!options.ca_out.empty() && !write_file(options.ca_out, authority.root_pem())) return 1;
    if (!options.client_cert_out.empty() &&
        !write_file(options.client_cert_out, authority.issue_client_pem()))
        return 1;
    provider::Ledger ledger(options.ledger_file);
    if (!options.ledger_file.empty() && !ledger.is_open()) {
        std::fprintf(stderr, "test_provider: cannot write %s\n", options.ledger_file.c_str());
        return 1;
    }
    return provider::serve(options, script, authority, ledger, announce);
}
