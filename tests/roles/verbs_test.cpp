// The verbs as a user meets them: each call runs in a child process with a data directory of its
// own, and what it prints and returns is checked.
#include "roles/verbs.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "base/json.h"
#include "base/version.h"
#include "config/ports_file.h"
#include "platform/environment.h"
#include "platform/home.h"
#include "store/ledger.h"
#include "support/catch.h"
#include "support/temp_directory.h"
#include "tls/authority.h"

using namespace halton;
using test::ScopedVariable;
using test::TempDirectory;

namespace {

struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

Outcome call(int (*verb)(int, char**), std::vector<std::string> arguments,
             const std::vector<std::pair<std::string, std::string>>& variables = {}) {
    const TempDirectory directory;
    std::fflush(nullptr);  // or the child would print what waits here once more
    const int child = ::fork();
    if (child == 0) {
        const auto redirect = [&](const char* name, int to) {
            ::dup2(::open((directory / name).c_str(), O_WRONLY | O_CREAT, 0600), to);
        };
        redirect("out", STDOUT_FILENO);
        redirect("err", STDERR_FILENO);
        // The proxy and CA variables of whoever runs the tests are not part of them.
        for (const auto& [name, value] : platform::read_environment())
            if (name != "PATH" && name != "HALTON_METER_HOME") ::unsetenv(name.c_str());
        for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
        std::vector<char*> pointers;
        for (auto& argument : arguments) pointers.push_back(argument.data());
        pointers.push_back(nullptr);
        const int code = verb(static_cast<int>(arguments.size()), pointers.data());
        std::fflush(nullptr);
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, test::read_text(directory / "out"),
            test::read_text(directory / "err")};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A process that answers as an edge whose daemon is away.
struct FakeEdge {
    FakeEdge() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
        ::listen(socket, 16);
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
        port = ntohs(address.sin_port);
        child = ::fork();
        if (child == 0) serve();
    }
    ~FakeEdge() {
        ::close(socket);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    [[noreturn]] void serve() const {
        std::signal(SIGPIPE, SIG_IGN);
        const auto page = fmt::format(
            R"({{"role":"edge","version":"{}","pid":{},"mode":"passthrough","chained":0}})",
            version(), ::getpid());
        for (;;) {
            const int client = ::accept(socket, nullptr, nullptr);
            if (client < 0) ::_exit(0);
            char request[4096];
            const auto size = ::read(client, request, sizeof request);
            const bool asks_health =
                std::string_view(request, size > 0 ? static_cast<std::size_t>(size) : 0)
                    .starts_with("GET /health ");
            const auto answer =
                asks_health ? fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
                                          page.size(), page)
                            : std::string("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
                                          "x-halton-reason: not-a-proxy-request\r\n\r\n");
            // Who only looked whether somebody accepts has gone.
            if (size > 0 && ::write(client, answer.data(), answer.size()) < 0) ::perror("edge");
            ::close(client);
        }
    }
    int socket;
    int child = -1;
    std::uint16_t port = 0;
};

// A data directory whose ports nobody listens on.
struct TestHome {
    TestHome() : variable("HALTON_METER_HOME", directory.path().string()) {
        test::write_text(home.config_file(),
                         "[daemon]\nedge_port = 1024\ninternal_port = 1025\napi_port = 1026\n");
    }
    void make_ca_files() {
        const auto files = tls::make_authority({"api.anthropic.com"}, system_clock().now_utc());
        REQUIRE(files);
        root_pem = files->certificate_pem;
        test::write_text(home.ca_certificate_file(), root_pem);
        const auto other = tls::make_authority({"public.example"}, system_clock().now_utc());
        REQUIRE(other);
        public_pem = other->certificate_pem;
        test::write_text(home.ca_bundle_file(), public_pem + root_pem);
    }
    void write_edge_port(std::uint16_t port) {
        test::write_text(home.ports_file(),
                         config::to_ports_file({port, 0, 0, 0, 0}, UtcTime{}, "1"));
    }

    TempDirectory directory;
    ScopedVariable variable;
    platform::Home home{directory.path()};
    std::string root_pem;
    std::string public_pem;
};

const std::vector<std::string> print_environment{"run", "--", "/usr/bin/env"};

}  // namespace

TEST_CASE("verbs: every one has help and refuses what it does not know") {
    const TestHome home;
    for (auto* verb :
         {roles::run_report, roles::run_reset_proxy, roles::run_run, roles::run_status,
          roles::run_doctor}) {
        const auto help = call(verb, {"verb", "--help"});
        CHECK(help.code == 0);
        CHECK(has(help.out, "Usage:"));
        CHECK(help.err.empty());
        const auto wrong = call(verb, {"verb", "--no-such-flag"});
        CHECK(wrong.code == 2);
        CHECK(wrong.out.empty());
        CHECK(has(wrong.err, "no-such-flag"));
        CHECK(has(wrong.err, "--help"));
        CHECK(std::count(wrong.err.begin(), wrong.err.end(), '\n') == 1);
    }
    CHECK(call(roles::run_report, {"report", "word"}).code == 2);
    CHECK(call(roles::run_status, {"status", "word"}).code == 2);
}

TEST_CASE("report: nothing yet, nothing in the period, and a report") {
    const TestHome home;
    auto outcome = call(roles::run_report, {"report"});
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "No call has been metered yet"));
    CHECK(has(outcome.out, "halton-meter run"));
    outcome = call(roles::run_report, {"report", "--json"});
    JsonParser parser;
    CHECK(parser.parse(outcome.out).value()["totals"]["requests"].as_integer() == 0);
    {
        store::Ledger ledger(home.home.database_file());
        meter::CallRecord record;
        record.id = "00000000-0000-4000-8000-000000000001";
        record.requested_at = system_clock().now_utc() - std::chrono::hours(48);
        record.provider = "openai";
        record.model = "gpt-test";
        record.mode = "standard";
        record.status = "success";
        record.tokens_complete = true;
        record.cost = NanoUsd{123'456'789};
        record.project_slug = "shop";
        ledger.offer(record);
        ledger.stop(std::chrono::seconds(30));
    }
    outcome = call(roles::run_report, {"report", "--since", "5m"});
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "No call in this period"));
    CHECK(has(outcome.out, "--from"));
    outcome = call(roles::run_report, {"report", "--project", "none"});
    CHECK(has(outcome.out, "No call of project 'none'"));
    outcome = call(roles::run_report, {"report"});
    CHECK(has(outcome.out, "gpt-test"));
    CHECK(has(outcome.out, "$0.123457"));
    outcome = call(roles::run_report, {"report", "--since", "7d", "--json", "--by", "model"});
    CHECK(parser.parse(outcome.out).value()["totals"]["cost_nanousd"].as_integer() == 123'456'789);
    CHECK(has(call(roles::run_report, {"report", "--csv"}).out, "project,shop,,1,"));
    CHECK(call(roles::run_report, {"report", "--vs-previous"}).code == 0);
    CHECK(call(roles::run_report, {"report", "--today"}).code == 0);
}

TEST_CASE("report: combinations that make no sense") {
    const TestHome home;
    for (const std::vector<std::string>& flags :
         std::vector<std::vector<std::string>>{{"--json", "--csv"},
                                               {"--since", "7d", "--from", "2026-01-01"},
                                               {"--since", "7d", "--today"},
                                               {"--today", "--to", "2026-01-01"},
                                               {"--from", "2026-02-02", "--to", "2026-01-01"},
                                               {"--from", "yesterday"},
                                               {"--since", "soon"},
                                               {"--by", "colour"}}) {
        std::vector<std::string> arguments{"report"};
        arguments.insert(arguments.end(), flags.begin(), flags.end());
        const auto outcome = call(roles::run_report, arguments);
        INFO(flags[0]);
        CHECK(outcome.code == 2);
        CHECK(outcome.out.empty());
        CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    }
}

TEST_CASE("report: a damaged database is one line and no report") {
    const TestHome home;
    test::write_text(home.home.database_file(), std::string(4096, 'x'));
    const auto outcome = call(roles::run_report, {"report"});
    CHECK(outcome.code == 1);
    CHECK(outcome.out.empty());
    CHECK(has(outcome.err, "db.sqlite"));
}

TEST_CASE("status: works with everything down") {
    const TestHome home;
    auto outcome = call(roles::run_status, {"status"});
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "BROKEN"));
    CHECK(has(outcome.out, "Next: halton-meter init"));
    CHECK_FALSE(has(outcome.out, "\x1b"));
    outcome = call(roles::run_status, {"status", "--json"});
    JsonParser parser;
    const auto json = parser.parse(outcome.out).value();
    CHECK(json["verdict"].as_string() == "BROKEN");
    CHECK(json["components"]["edge"]["state"].as_string() == "down");
    CHECK(json["listeners"]["api"]["health"].is_null());
    CHECK(json["database"]["state"].as_string() == "not made yet");
}

TEST_CASE("status: an edge without a daemon, and a warning about the config") {
    TestHome home;
    const FakeEdge edge;
    home.write_edge_port(edge.port);
    test::write_text(home.home.config_file(), "[daemon]\nedge_port = 1\napi_port = 1026\n");
    const auto outcome = call(roles::run_status, {"status"});
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "INCONSISTENT"));
    CHECK(has(outcome.out, "passthrough"));
    CHECK(has(outcome.out, "Next: halton-meter init"));
    CHECK(has(outcome.err, "daemon.edge_port"));
}

TEST_CASE("run: without an edge the command runs as if we were not there") {
    const TestHome home;
    auto outcome = call(roles::run_run, print_environment);
    CHECK(outcome.code == 0);
    CHECK_FALSE(has(outcome.out, "HTTPS_PROXY"));
    CHECK(has(outcome.err, "running unmetered: no edge listens on 127.0.0.1:1024"));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    outcome = call(roles::run_run, {"run", "/bin/sh", "-c", "exit 37"});
    CHECK(outcome.code == 37);
    CHECK(call(roles::run_run, {"run"}).code == 2);
    CHECK(call(roles::run_run, {"run", "--"}).code == 2);
    CHECK(call(roles::run_run, {"run", "no-such-command-here"}).code == 127);
    CHECK(call(roles::run_run, {"run", "/dev/null"}).code == 126);
    // What follows the command is the command's, also when it looks like ours.
    outcome = call(roles::run_run, {"run", "/bin/echo", "--help", "--", "-h"});
    CHECK(outcome.out == "--help -- -h\n");
}

TEST_CASE("run: before the CA files are there the command runs unmetered") {
    TestHome home;
    const FakeEdge edge;
    home.write_edge_port(edge.port);
    const auto outcome = call(roles::run_run, print_environment);
    CHECK(outcome.code == 0);
    CHECK_FALSE(has(outcome.out, "HTTPS_PROXY"));
    CHECK(has(outcome.err, "ca.pem is not there yet"));
}

TEST_CASE("run: proxy and CA variables lead to the edge") {
    TestHome home;
    home.make_ca_files();
    const FakeEdge edge;
    home.write_edge_port(edge.port);
    const auto outcome = call(roles::run_run, print_environment);
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
    CHECK(has(outcome.out, fmt::format("HTTPS_PROXY=http://127.0.0.1:{}\n", edge.port)));
    CHECK(has(outcome.out, "NODE_EXTRA_CA_CERTS=" + home.home.ca_certificate_file().string()));
    CHECK(has(outcome.out, "SSL_CERT_FILE=" + home.home.ca_bundle_file().string()));
    CHECK(has(outcome.out, "NO_PROXY=localhost,127.0.0.1,::1\n"));
}

TEST_CASE("run: the user's own roots stay trusted, and odd files are left out with a word") {
    TestHome home;
    home.make_ca_files();
    const FakeEdge edge;
    home.write_edge_port(edge.port);
    const auto corporate = tls::make_authority({"corp.example"}, system_clock().now_utc());
    REQUIRE(corporate);
    const auto own = home.directory / "corp.pem";
    // A private key in the user's file is never copied.
    test::write_text(own, corporate->key_pem + corporate->certificate_pem);
    auto outcome = call(roles::run_run, print_environment,
                        {{"NODE_EXTRA_CA_CERTS", own.string()}, {"SSL_CERT_FILE", own.string()}});
    CHECK(outcome.code == 0);
    CHECK(outcome.err.empty());
    const auto value_of = [&outcome](const std::string& name) {
        const auto at = outcome.out.find("\n" + name + "=") + name.size() + 2;
        return outcome.out.substr(at, outcome.out.find('\n', at) - at);
    };
    const auto adding = test::read_text(value_of("NODE_EXTRA_CA_CERTS"));
    const auto replacing = test::read_text(value_of("SSL_CERT_FILE"));
    CHECK(value_of("CURL_CA_BUNDLE") == value_of("SSL_CERT_FILE"));
    CHECK(has(adding, corporate->certificate_pem));
    CHECK(has(adding, home.root_pem));
    CHECK_FALSE(has(adding, home.public_pem));
    CHECK(has(replacing, corporate->certificate_pem));
    CHECK(has(replacing, home.root_pem));
    CHECK(has(replacing, home.public_pem));
    CHECK_FALSE(has(adding + replacing, "PRIVATE KEY"));
    // Nested: the same files again, no new ones.
    const auto again = call(roles::run_run, print_environment,
                            {{"NODE_EXTRA_CA_CERTS", value_of("NODE_EXTRA_CA_CERTS")},
                             {"SSL_CERT_FILE", value_of("SSL_CERT_FILE")}});
    CHECK(has(again.out, "SSL_CERT_FILE=" + value_of("SSL_CERT_FILE")));
    CHECK(std::distance(std::filesystem::directory_iterator(home.directory / "run-ca"), {}) == 2);

    for (const auto& odd : {home.directory / "none.pem", home.directory.path()}) {
        outcome = call(roles::run_run, print_environment, {{"SSL_CERT_FILE", odd.string()}});
        CHECK(outcome.code == 0);
        CHECK(has(outcome.err, "left out"));
        CHECK(value_of("SSL_CERT_FILE") == home.home.ca_bundle_file().string());
    }
}

TEST_CASE("run: a corporate proxy that the edge does not know is kept") {
    TestHome home;
    home.make_ca_files();
    const FakeEdge edge;
    home.write_edge_port(edge.port);
    const std::string proxy = "http://me:secret@proxy.corp.example:3128";
    auto outcome = call(roles::run_run, print_environment, {{"HTTPS_PROXY", proxy}});
    CHECK(has(outcome.out, "HTTPS_PROXY=" + proxy));
    CHECK_FALSE(has(outcome.out, "SSL_CERT_FILE"));
    CHECK(has(outcome.err, "proxy.corp.example:3128"));
    CHECK(has(outcome.err, "[upstream] proxy"));
    CHECK_FALSE(has(outcome.err, "secret"));
    test::write_text(home.home.config_file(), "[upstream]\nproxy = \"" + proxy + "\"\n");
    outcome = call(roles::run_run, print_environment, {{"HTTPS_PROXY", proxy}});
    CHECK(has(outcome.out, fmt::format("HTTPS_PROXY=http://127.0.0.1:{}\n", edge.port)));
}

TEST_CASE("run: NO_PROXY that covers a provider is told") {
    TestHome home;
    home.make_ca_files();
    const FakeEdge edge;
    home.write_edge_port(edge.port);
    const auto outcome = call(roles::run_run, print_environment, {{"NO_PROXY", ".anthropic.com"}});
    CHECK(has(outcome.err, "api.anthropic.com"));
    CHECK(has(outcome.err, "NO_PROXY"));
    CHECK(has(outcome.out, "NO_PROXY=.anthropic.com,localhost,127.0.0.1,::1\n"));
}

TEST_CASE("reset-proxy: nothing to do, KDE, GNOME") {
    const TestHome home;
    const TempDirectory desktop;
    const auto kde_file = desktop / "kioslaverc";
    const std::vector<std::pair<std::string, std::string>> variables{
        {"XDG_CONFIG_HOME", desktop.path().string()}, {"PATH", (desktop / "bin").string()}};
    auto outcome = call(roles::run_reset_proxy, {"reset-proxy"}, variables);
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "Nothing to switch off"));

    test::write_text(kde_file, "[Proxy Settings]\nProxyType=1\nhttpsProxy=http://127.0.0.1 1024\n");
    outcome = call(roles::run_reset_proxy, {"reset-proxy"}, variables);
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "KDE: system proxy switched off"));
    CHECK(has(test::read_text(kde_file), "ProxyType=0"));

    // A gsettings of the test that remembers its mode in a file.
    const auto tool = desktop / "bin/gsettings";
    test::write_text(desktop / "mode", "manual");
    test::write_text(tool, "#!/bin/sh\nmode=" + (desktop / "mode").string() +
                               "\ncase \"$1 $3\" in\n"
                               "'get mode') read m < $mode; echo \"'$m'\";;\n"
                               "'get host') echo \"'127.0.0.1'\";;\n"
                               "'get port') echo 8081;;\n"
                               "'set mode') printf %s $4 > $mode;;\nesac\n");
    REQUIRE(::chmod(tool.c_str(), 0700) == 0);
    outcome = call(roles::run_reset_proxy, {"reset-proxy"}, variables);
    CHECK(outcome.code == 0);
    CHECK(has(outcome.out, "GNOME: system proxy switched off"));
    CHECK(test::read_text(desktop / "mode") == "none");
    outcome = call(roles::run_reset_proxy, {"reset-proxy"}, variables);
    CHECK(has(outcome.out, "Nothing to switch off"));
}
