#include "platform/self_test.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"
#include "meter/hosts.h"
#include "platform/edge_probe.h"
#include "platform/files.h"
#include "platform/loopback_http.h"

namespace halton::platform {
namespace {

using std::chrono::milliseconds;

// Handshakes on a machine that is busy with something else.
constexpr milliseconds call_limit{10'000};
constexpr milliseconds look_limit{2'000};

SelfTestResult test_call(const std::string& what, std::uint16_t port, const std::string& pem) {
    const auto answer = call_through(port, std::string(meter::self_test_host), {pem}, call_limit);
    if (!answer) return {what, false, answer.error().context};
    if (answer->status == 200 && answer->body.find("self-test") != std::string::npos)
        return {what, true, {}};
    return {what, false, fmt::format("somebody else answered, with {}", answer->status)};
}

}  // namespace

std::vector<SelfTestResult> run_self_test(const Home& home, const config::EffectivePorts& ports,
                                          const std::vector<TrustedStore>& changed_stores) {
    std::vector<SelfTestResult> results;
    const auto address = fmt::format("127.0.0.1:{}", ports.edge_port);
    const bool is_answered = is_edge(ports.edge_port, look_limit);
    results.push_back({fmt::format("the edge answers on {}", address), is_answered,
                       is_answered ? "" : "nobody of ours does"});
    const auto health = get_loopback(ports.api_port, "/health", look_limit);
    const bool is_healthy = health && health->status == 200;
    results.push_back({"the daemon is healthy", is_healthy,
                       is_healthy ? ""
                       : health   ? fmt::format("/health answers {}", health->status)
                                  : health.error().context});
    // The rest would only say the same again.
    if (!is_answered || !is_healthy) return results;

    const auto root = read_file(home.ca_certificate_file(), limits::ca_bundle_bytes_max);
    results.push_back(root ? test_call("a call goes through edge and daemon, and our CA vouches "
                                       "for it",
                                       ports.edge_port, *root)
                           : SelfTestResult{"our CA can be read", false, root.error().context});
    const auto bundle = read_file(home.ca_bundle_file(), limits::ca_bundle_bytes_max);
    results.push_back(
        bundle ? test_call("ca-bundle.pem vouches for it too", ports.edge_port, *bundle)
               : SelfTestResult{"ca-bundle.pem can be read", false, bundle.error().context});
    for (const auto& store : changed_stores)
        results.push_back(
            test_call(fmt::format("so does {}", store.name), ports.edge_port, store.pem));
    if (root) {
        // It exists nowhere: refused by everybody, or answered by somebody else's certificate.
        const auto answer = call_through(ports.edge_port, std::string(meter::unlisted_test_host),
                                         {*root}, call_limit);
        results.push_back({"a host that is not listed is not decrypted", !answer.has_value(),
                           answer ? "our certificate was shown for it" : ""});
    }
    return results;
}

bool is_good(const std::vector<SelfTestResult>& results) {
    return std::all_of(results.begin(), results.end(),
                       [](const SelfTestResult& result) { return result.is_good; });
}

}  // namespace halton::platform
