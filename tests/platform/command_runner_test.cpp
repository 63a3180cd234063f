#include "platform/command_runner.h"

#include "platform/process.h"
#include "support/catch.h"
#include "support/recorded_runner.h"
#include "support/temp_directory.h"

using namespace halton;
using std::chrono::milliseconds;

TEST_CASE("command runner: says what became of a command") {
    platform::SystemCommandRunner runner;
    const milliseconds limit(20'000);
    auto fact = runner.run({"sh", "-c", "echo out; echo err >&2"}, limit);
    CHECK(fact.started);
    CHECK(fact.exit_code == 0);
    CHECK(fact.output == "out\n");
    fact = runner.run({"sh", "-c", "echo out; echo why >&2; exit 3"}, limit);
    CHECK(fact.exit_code == 3);
    CHECK(fact.output == "out\nwhy\n");
    fact = runner.run({"no-such-program-of-anybody"}, limit);
    CHECK_FALSE(fact.started);
    fact = runner.run({"sh", "-c", "kill -9 $$"}, limit);
    CHECK(fact.exit_code == 128 + 9);
    fact = runner.run({"sleep", "60"}, milliseconds(50));
    CHECK(fact.started);
    CHECK(fact.exit_code == 124);
    // Nothing to read from, and answers in one language.
    CHECK(runner.run({"cat"}, limit).output.empty());
    CHECK(runner.run({"sh", "-c", "echo $LC_ALL"}, limit).output == "C\n");
    // More than a pipe holds, cut at the limit and not hung.
    const auto much = runner.run({"sh", "-c", "head -c 2000000 /dev/zero"}, limit);
    CHECK(much.exit_code == 0);
    CHECK(much.output.size() == 256 * 1024);
}

TEST_CASE("command runner: a session's folder that is named stays") {
    const test::TempDirectory directory;
    const test::ScopedVariable moved("XDG_RUNTIME_DIR", directory.path().string());
    platform::SystemCommandRunner runner;
    CHECK(runner.run({"sh", "-c", "echo $XDG_RUNTIME_DIR"}, milliseconds(20'000)).output ==
          directory.path().string() + "\n");
}

TEST_CASE("command runner: a recording is played in order") {
    test::RecordedRunner runner;
    runner.answer({"a", "b"}, "first");
    runner.answer({"a", "b"}, "second", 2);
    CHECK(runner.run({"a", "b"}, milliseconds(1)).output == "first");
    CHECK(runner.run({"a", "b"}, milliseconds(1)).exit_code == 2);
    CHECK(runner.run({"a", "b"}, milliseconds(1)).output == "second");
    CHECK_FALSE(runner.run({"c"}, milliseconds(1)).started);
    CHECK(runner.seen() == std::vector<std::string>{"a b", "a b", "a b", "c"});
}
