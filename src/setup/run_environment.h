// The environment of a command under `halton-meter run`: the caller's own, with the variables that
// lead tools to the edge and let them trust our root. Which variable adds to a tool's built-in
// roots and which replaces them decides what file it gets. Pure.
// Never set: ALL_PROXY (some tools then send https:// requests in clear), HTTP_PROXY (would drag
// plain local HTTP along), NODE_OPTIONS, anything that switches verification off.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace halton::setup {

using Variables = std::map<std::string, std::string, std::less<>>;

struct RunSettings {
    std::uint16_t edge_port = 0;
    std::string adding_ca_file;     // our root, and what the user's own adding variables name
    std::string replacing_ca_file;  // public roots + the user's own + our root
    std::string java_trust_file;    // the same as PKCS#12; empty: Java is left alone
};

Variables make_run_environment(Variables variables, const RunSettings& settings);

// Files that the user's own CA variables name, each once, in a stable order; empty values are
// nobody's wish and left out.
struct OwnCaFiles {
    std::vector<std::string> adding;     // NODE_EXTRA_CA_CERTS, DENO_CERT
    std::vector<std::string> replacing;  // SSL_CERT_FILE, REQUESTS_CA_BUNDLE, ...
};
OwnCaFiles find_own_ca_files(const Variables& variables);

// The user's HTTPS_PROXY when it leads elsewhere than to the edge; nothing otherwise.
std::optional<std::string> find_foreign_proxy(const Variables& variables, std::uint16_t edge_port);

// Java reads neither proxy nor CA variables, only JAVA_TOOL_OPTIONS: what is appended there for
// that file. Each JVM then says on stderr that it found some, hence on demand only. Nothing when
// the file's name cannot be written there (both kinds of quotes).
std::optional<std::string> make_java_options(const Variables& variables,
                                             const RunSettings& settings);

// The proxy or trust store that the user's own JAVA_TOOL_OPTIONS names, other than these; then Java
// stays as it is: a trust store of theirs cannot be read without its password.
std::optional<std::string> find_own_java_option(const Variables& variables,
                                                const std::string& options);

// Without the proxy variables that lead to the edge's port: for when no edge of ours is there.
Variables remove_edge_proxy(Variables variables, std::uint16_t edge_port);

// "host:port" of a proxy's URL without user and password, for messages.
std::string to_shown_proxy(std::string_view url);

// Those of `hosts` that the user's NO_PROXY keeps away from us: entries separated by commas or
// blanks; a name covers itself and its subdomains, "*" covers all.
std::vector<std::string> find_bypassed_hosts(const Variables& variables,
                                             const std::vector<std::string>& hosts);

}  // namespace halton::setup
