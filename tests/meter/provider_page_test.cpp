// src/meter/README.md prints the provider tables between two marks; this test writes them from the
// code and compares. HALTON_UPDATE_GOLDEN=1 rewrites the page instead.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meter/call.h"
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/google_errors.h"
#include "meter/providers/openai_errors.h"
#include "meter/providers/provider.h"
#include "support/catch.h"

using namespace halton::meter;

namespace {

constexpr std::string_view begin_mark = "<!-- printed by tests/meter/provider_page_test.cpp -->\n";
constexpr std::string_view end_mark = "<!-- end of the printed part -->";

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string_view name_of_billing(Billing billing) {
    switch (billing) {
        case Billing::tokens: return "needed";
        case Billing::maybe: return "maybe";
        case Billing::free: return "free";
        case Billing::deferred: return "later";
        case Billing::retrieval: return "once";
    }
    return "";
}

std::string to_line(const ErrorRule& rule) {
    const std::string_view local = name_of(rule.error_class);
    std::string line = "| ";
    line += rule.status == 0 ? "in a good answer" : std::to_string(rule.status);
    line += " | " + (rule.code.empty() ? std::string("any") : code(rule.code));
    line += " | " + std::string(rule.text);
    line += " | " + code(local) + " | " + code(to_wire_class(local)) + " | ";
    line += rule.is_retryable ? "yes" : "no";
    return line + " |\n";
}

std::string to_table(std::span<const ErrorRule> rules) {
    std::string text =
        "| Status | Code or type | Words | Class | On the wire | Retryable |\n"
        "|---|---|---|---|---|---|\n";
    for (const ErrorRule& rule : rules) text += to_line(rule);
    return text + "\n";
}

// Tables that several providers have, printed once.
struct Shared {
    std::string_view name;
    std::span<const ErrorRule> rules;
};
const std::vector<Shared>& shared_tables() {
    static const std::vector<Shared> tables{{"OpenAI's envelope", openai_errors},
                                            {"Anthropic's envelope", anthropic_errors},
                                            {"Google's envelope", google_errors}};
    return tables;
}

bool is_same(const ErrorRule& a, const ErrorRule& b) { return to_line(a) == to_line(b); }

// Own lines first, then the names of the tables that follow.
std::string describe_errors(const Provider& provider) {
    std::string text;
    std::string names;
    std::span<const ErrorRule> rest = provider.errors;
    std::vector<ErrorRule> own;
    while (!rest.empty()) {
        const auto found =
            std::find_if(shared_tables().begin(), shared_tables().end(), [&](const Shared& shared) {
                return rest.size() >= shared.rules.size() &&
                       std::equal(shared.rules.begin(), shared.rules.end(), rest.begin(), is_same);
            });
        if (found == shared_tables().end()) {
            own.push_back(rest.front());
            rest = rest.subspan(1);
            continue;
        }
        names += names.empty() ? "" : ", then ";
        names += found->name;
        rest = rest.subspan(found->rules.size());
    }
    if (!own.empty()) text += "Errors of its own:\n\n" + to_table(own);
    if (!names.empty()) text += (own.empty() ? "Errors: " : "Then: ") + names + ".\n\n";
    return text;
}

std::string describe_hosts(const Provider& provider, const Host& first) {
    std::string names;
    for (const Host& host : provider.hosts) {
        if (host.endpoints.data() != first.endpoints.data()) continue;
        names += names.empty() ? "" : ", ";
        names += code(host.name);
        if (!host.regions.empty()) {
            names += " (" + std::to_string(host.regions.size()) + " regions)";
        }
    }
    return names;
}

std::string describe(const Provider& provider) {
    std::string text = "### " + std::string(provider.id) + "\n\n";
    std::vector<const Endpoint*> seen;
    for (const Host& host : provider.hosts) {
        if (std::find(seen.begin(), seen.end(), host.endpoints.data()) != seen.end()) continue;
        seen.push_back(host.endpoints.data());
        text += "At " + describe_hosts(provider, host) + ":\n\n";
        text += "| Path | Kind | Shape | Counts |\n|---|---|---|---|\n";
        for (const Endpoint& endpoint : host.endpoints) {
            const std::string method =
                endpoint.method == "POST" ? "" : std::string(endpoint.method) + " ";
            text += "| " + code(method + std::string(endpoint.path)) + " | ";
            text += std::string(name_of(endpoint.kind)) + " | ";
            const bool is_socket = endpoint.socket != nullptr;
            text += std::string(is_socket ? endpoint.socket->name : endpoint.shape->name) + " | ";
            text += std::string(is_socket ? "by turn" : name_of_billing(endpoint.billing)) + " |\n";
        }
        text += "\n";
    }
    return text + describe_errors(provider);
}

std::string describe_all() {
    std::string text = "\n";
    for (const Provider* provider : all_providers()) text += describe(*provider);
    for (const Shared& shared : shared_tables()) {
        text += "### Errors of " + std::string(shared.name) + "\n\n" + to_table(shared.rules);
    }
    return text;
}

}  // namespace

TEST_CASE("the page of providers says what the tables say") {
    const char* root = std::getenv("HALTON_SOURCE_ROOT");
    const std::string path = std::string(root != nullptr ? root : ".") + "/src/meter/README.md";
    std::ifstream file(path, std::ios::binary);
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const std::size_t begin = page.find(begin_mark);
    const std::size_t end = page.find(end_mark);
    REQUIRE(begin != std::string::npos);
    REQUIRE(end != std::string::npos);
    const std::size_t from = begin + begin_mark.size();
    const std::string wanted = describe_all();
    if (std::getenv("HALTON_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path, std::ios::binary) << page.substr(0, from) + wanted + page.substr(end);
        return;
    }
    // Not equal: run this test with HALTON_UPDATE_GOLDEN=1 and read the difference.
    CHECK(page.substr(from, end - from) == wanted);
}
