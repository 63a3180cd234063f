#include "platform/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::platform;

namespace {

// Becomes the program in a child whose stdout goes to `output`; gives the child's exit code, and
// 200 + the error kind when it returned.
int run_child(const std::vector<std::string>& argv, const Environment& environment,
              const std::filesystem::path& output) {
    const int child = ::fork();
    if (child == 0) {
        const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, STDOUT_FILENO);
        const auto failed = become_program(argv, environment);
        ::_exit(200 + static_cast<int>(failed.kind));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int code_of(ErrorKind kind) { return 200 + static_cast<int>(kind); }

}  // namespace

TEST_CASE("process: becoming a program passes arguments, environment and exit code on") {
    const test::TempDirectory directory;
    const auto output = directory / "out";
    const Environment environment{{"PATH", "/usr/bin:/bin"}, {"GREETING", "hello"}};
    CHECK(run_child({"sh", "-c", "printf '%s|' \"$GREETING\" \"$@\"; exit 7", "x", "a b", ""},
                    environment, output) == 7);
    CHECK(test::read_text(output) == "hello|a b||");
    CHECK(run_child({"/bin/sh", "-c", "exit 0"}, {}, output) == 0);
}

TEST_CASE("process: what cannot be run is told apart") {
    const test::TempDirectory directory;
    const auto output = directory / "out";
    const Environment environment{{"PATH", directory.path().string() + ":/usr/bin:/bin"}};
    CHECK(run_child({"no-such-program-here"}, environment, output) ==
          code_of(ErrorKind::not_found));
    CHECK(run_child({"./no/such"}, environment, output) == code_of(ErrorKind::not_found));
    CHECK(run_child({""}, environment, output) == code_of(ErrorKind::not_found));
    CHECK(run_child({}, environment, output) == code_of(ErrorKind::not_found));
    test::write_text(directory / "plain", "text");
    CHECK(run_child({"plain"}, environment, output) == code_of(ErrorKind::permission));
    CHECK(run_child({directory.path().string()}, environment, output) ==
          code_of(ErrorKind::permission));
    // A folder of that name in PATH hides nothing behind it.
    std::filesystem::create_directory(directory / "true");
    CHECK(run_child({"true"}, environment, output) == 0);
    // A script without "#!" is run by sh.
    test::write_text(directory / "script", "echo \"$1\"\n");
    ::chmod((directory / "script").c_str(), 0700);
    CHECK(run_child({"script", "word"}, environment, output) == 0);
    CHECK(test::read_text(output) == "word\n");
}

TEST_CASE("process: helpers give their output, and are ended when late") {
    CHECK(run_helper({"echo", "a b"}, 10'000).value() == "a b\n");
    CHECK(run_helper({"false"}, 10'000).error().kind == ErrorKind::io);
    CHECK(run_helper({"no-such-program-here"}, 10'000).error().kind == ErrorKind::not_found);
    CHECK(run_helper({"sleep", "60"}, 30).error().kind == ErrorKind::timeout);
    CHECK(run_helper({"head", "-c", "2000000", "/dev/zero"}, 10'000).value().size() ==
          limits::setup_command_output_bytes_max);
    CHECK(run_helper({}, 10).error().kind == ErrorKind::not_found);
}

TEST_CASE("process: own facts") {
    CHECK(own_pid() == static_cast<int>(::getpid()));
    CHECK(is_process_alive(own_pid()));
    CHECK_FALSE(is_process_alive(0));
    CHECK_FALSE(is_process_alive(-1));
    CHECK(find_password_home(0).value().is_absolute());
    CHECK(find_password_home(4'000'000'000u).error().kind == ErrorKind::not_found);
}

TEST_CASE("process: a program reads its input, whether or not it wants it") {
    const auto environment = read_environment();
    const auto echoed = run_program({"cat"}, environment, 10'000, false, "{\"a\":1}");
    REQUIRE(echoed);
    CHECK(echoed->output == "{\"a\":1}");
    CHECK(run_program({"cat"}, environment, 10'000)->output.empty());
    // One that ends without a look at it.
    const std::string large(process_input_bytes_max, 'x');
    CHECK(run_program({"true"}, environment, 10'000, false, large)->exit_code == 0);
    CHECK(run_program({"wc", "-c"}, environment, 10'000, false, large)->output.find("16384") !=
          std::string::npos);
    CHECK_FALSE(run_program({"true"}, environment, 10'000, false, large + "x"));
}
