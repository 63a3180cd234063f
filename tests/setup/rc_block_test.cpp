#include "setup/rc_block.h"

#include <sys/wait.h>
#include <cstdio>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton::setup;

namespace {

BlockSettings settings_for(const std::string& bundle) {
    return {
        .bundle_file = bundle,
        .variables = make_run_environment(
            {}, {.edge_port = 8081, .adding_ca_file = "/d/ca.pem", .replacing_ca_file = bundle})};
}

}  // namespace

TEST_CASE("rc block: comes and goes without a trace") {
    const auto body = make_block_body(Shell::posix, settings_for("/d/ca-bundle.pem"));
    const std::vector<std::string> texts{
        "", "\n", "a", "a\n", "a\n\n", "a\r\nb", "# no end", "# >>> something else >>>\nx\n"};
    for (const auto& text : texts)
        for (const bool is_new : {false, true}) {
            INFO("'" << text << "'");
            const auto with = with_block(text, body, is_new);
            CHECK(with.starts_with(text));
            CHECK(find_block_body(with) == body);
            const auto without = without_block(with);
            REQUIRE(without);
            CHECK(without->text == text);
            CHECK(without->is_file_ours == (is_new && text.empty()));
            // Again: nothing grows.
            CHECK(with_block(with, body, false) == with);
            const auto other = with_block(with, "another body\n", false);
            CHECK(find_block_body(other) == "another body\n");
            CHECK(without_block(other)->text == text);
        }
}

TEST_CASE("rc block: what people write around it stays") {
    const auto with = with_block("a", "body\n", false);
    const auto without = without_block(with + "b\n");
    REQUIRE(without);
    CHECK(without->text == "a\nb\n");  // the line end that we added keeps the lines apart
    // Moved to the front.
    const auto block = with.substr(2);
    CHECK(without_block(block + "a\n")->text == "a\n");
    CHECK_FALSE(without_block(with_block("", "body\n", true) + "mine\n")->is_file_ours);
}

TEST_CASE("rc block: half a block is somebody's text") {
    const std::string begin = "# >>> halton-meter >>> made by x\n";
    const std::string end = "# <<< halton-meter <<<\n";
    for (const auto& text :
         {begin, begin + "mine\n", end + begin, "x " + begin + "y " + end, end}) {
        INFO(text);
        CHECK_FALSE(without_block(text));
        const auto with = with_block(text, "body\n", false);
        CHECK(find_block_body(with) == "body\n");
        CHECK(without_block(with)->text == text);
    }
    // The lines between a lost begin and ours are not ours.
    const auto text = begin + "mine\n";
    CHECK(without_block(with_block(text, "body\n", false))->text == text);
}

namespace {

// Runs `script` with sh and gives its output.
std::string run_shell(const std::string& script) {
    const halton::test::TempDirectory directory;
    const auto file = directory / "script";
    halton::test::write_text(file, script);
    const auto output = directory / "output";
    const int child = ::fork();
    if (child == 0) {
        if (std::freopen(output.c_str(), "w", stdout) == nullptr) ::_exit(1);
        ::execl("/bin/sh", "sh", "-eu", file.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    return halton::test::read_text(output);
}

}  // namespace

TEST_CASE("rc block: a shell does what it says, also with -eu") {
    const halton::test::TempDirectory directory;
    const auto bundle = directory / "it's a bundle.pem";
    halton::test::write_text(bundle, "x");
    const auto body = make_block_body(Shell::posix, settings_for(bundle.string()));
    const std::string unset = "unset HTTPS_PROXY https_proxy NO_PROXY no_proxy SSL_CERT_FILE\n";
    const std::string show =
        "printf '%s|%s|%s|%s' \"${HTTPS_PROXY-}\" \"${NO_PROXY-}\" \"${no_proxy-}\" "
        "\"${SSL_CERT_FILE-}\"\n";
    const std::string ours = "localhost,127.0.0.1,::1";
    CHECK(run_shell(unset + body + show) ==
          "http://127.0.0.1:8081|" + ours + "|" + ours + "|" + bundle.string());
    // Twice is once.
    CHECK(run_shell(unset + body + body + show) ==
          "http://127.0.0.1:8081|" + ours + "|" + ours + "|" + bundle.string());
    CHECK(run_shell(unset + "no_proxy=.corp\n" + body + show) ==
          "http://127.0.0.1:8081|.corp," + ours + "|.corp," + ours + "|" + bundle.string());
    CHECK(run_shell(unset + "NO_PROXY='*'\n" + body + show) ==
          "http://127.0.0.1:8081|*|*|" + bundle.string());
    CHECK(run_shell(unset + "HTTPS_PROXY=http://corp:1\n" + body + show) == "http://corp:1|||");
    auto upstream = settings_for(bundle.string());
    upstream.keeps_foreign_proxy = false;
    CHECK(run_shell(unset + "HTTPS_PROXY=http://corp:1\n" +
                    make_block_body(Shell::posix, upstream) + show)
              .starts_with("http://127.0.0.1:8081|"));
    // Without the bundle nothing happens: leftovers of an uninstall by hand do no harm.
    std::filesystem::remove(bundle);
    CHECK(run_shell(unset + body + show) == "|||");
}

TEST_CASE("rc block: fish has its own words") {
    const auto body = make_block_body(Shell::fish, settings_for("/d/it's.pem"));
    CHECK(body.find("if test -f '/d/it\\'s.pem'") == 0);
    CHECK(body.find("set -gx HTTPS_PROXY 'http://127.0.0.1:8081'\n") != std::string::npos);
    CHECK(body.find("export") == std::string::npos);
    CHECK(body.ends_with("end\n"));
}

TEST_CASE("rc block: environment.d values are quoted, and NO_PROXY grows") {
    CHECK(make_environment_d({{"A", "a \"b\" \\ $c"}, {"NO_PROXY", "localhost"}}) ==
          "# made by \"halton-meter init --apps\", removed by \"halton-meter uninstall\"\n"
          "A=\"a \\\"b\\\" \\\\ $$c\"\n"
          "NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}localhost\"\n");
}
