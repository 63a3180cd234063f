#include "platform/apply.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <optional>

#include "platform/files.h"
#include "platform/process.h"
#include "support/catch.h"
#include "support/recorded_runner.h"
#include "support/temp_directory.h"
#include "tls/authority.h"

using namespace halton;
using namespace halton::setup;
using Outcome = platform::StepReport::Outcome;
namespace fs = std::filesystem;

namespace {

struct World {
    World() {
        fs::create_directory(user);
        fs::create_directory(data);
        settings.folders = {user.string(), data.string(), (user / ".config").string(),
                            "/usr/bin/halton-meter"};
        settings.may_ask = false;
        settings.uid = 1000;
    }

    Outcome apply(const Step& step) {
        last = applier().apply(step);
        return last.outcome;
    }
    platform::Applier& applier() {
        if (!applier_) applier_.emplace(runner, platform::Home{data}, settings);
        return *applier_;
    }
    std::string made_folders() const { return test::read_text(data / "made-folders"); }

    test::TempDirectory directory;
    fs::path user = directory / "ann";
    fs::path data = user / ".halton-meter";
    test::RecordedRunner runner;
    platform::Applier::Settings settings;
    platform::StepReport last;

private:
    std::optional<platform::Applier> applier_;
};

unsigned mode_of(const fs::path& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777u : 0;
}

}  // namespace

TEST_CASE("apply: folders outside of ours are noted, and only those are removed") {
    World world;
    const auto folder = world.user / ".config" / "systemd" / "user";
    CHECK(world.apply(MakeFolder{folder.string(), 0755}) == Outcome::done);
    CHECK(world.apply(MakeFolder{folder.string(), 0755}) == Outcome::unchanged);
    CHECK(mode_of(folder) == 0755);
    CHECK(world.apply(MakeFolder{(world.data / "backup").string(), 0700}) == Outcome::done);
    CHECK(world.made_folders().find("backup") == std::string::npos);

    test::write_text(folder / "somebody's", "x");
    CHECK(world.apply(RemoveFolderIfEmpty{folder.string()}) == Outcome::unchanged);
    CHECK(fs::exists(folder));
    fs::remove(folder / "somebody's");
    CHECK(world.apply(RemoveFolderIfEmpty{folder.string()}) == Outcome::done);
    CHECK_FALSE(fs::exists(world.user / ".config"));
    CHECK_FALSE(fs::exists(world.data / "made-folders"));
    // One that was there before is not ours, however empty.
    const auto theirs = world.user / "theirs";
    fs::create_directory(theirs);
    CHECK(world.apply(MakeFolder{theirs.string()}) == Outcome::unchanged);
    CHECK(world.apply(RemoveFolderIfEmpty{theirs.string()}) == Outcome::unchanged);
    CHECK(fs::exists(theirs));
}

TEST_CASE("apply: files keep their permissions and links") {
    World world;
    const auto real = world.user / "dotfiles" / "bashrc";
    test::write_text(real, "old");
    ::chmod(real.c_str(), 0640);
    const auto link = world.user / ".bashrc";
    fs::create_symlink("dotfiles/bashrc", link);
    CHECK(world.apply(WriteFile{link.string(), "new", 0}) == Outcome::done);
    CHECK(fs::is_symlink(link));
    CHECK(test::read_text(real) == "new");
    CHECK(mode_of(real) == 0640);
    CHECK(world.apply(WriteFile{link.string(), "new", 0}) == Outcome::unchanged);
    CHECK(world.apply(WriteFile{link.string(), "new", 0600}) == Outcome::done);
    CHECK(mode_of(real) == 0600);
    CHECK(world.apply(WriteFile{(world.user / "fresh").string(), "x", 0}) == Outcome::done);
    CHECK(mode_of(world.user / "fresh") == 0644);
    CHECK(world.apply(WriteFile{world.user.string(), "x", 0}) == Outcome::failed);
    CHECK(world.apply(WriteFile{(world.user / "no" / "folder").string(), "x"}) == Outcome::failed);
    CHECK(world.apply(SetPermissions{real.string(), 0644}) == Outcome::done);
    CHECK(world.apply(SetPermissions{real.string(), 0644}) == Outcome::unchanged);
    CHECK(world.apply(RemoveFile{link.string()}) == Outcome::done);
    CHECK(world.apply(RemoveFile{link.string()}) == Outcome::unchanged);
    CHECK(fs::exists(real));
    CHECK(world.apply(RemoveFile{(world.user / "fresh").string(), real.string()}) ==
          Outcome::unchanged);
    CHECK(fs::exists(world.user / "fresh"));
    fs::remove(real);
    CHECK(world.apply(RemoveFile{(world.user / "fresh").string(), real.string()}) ==
          Outcome::done);
}

TEST_CASE("apply: a failed run is taken back, the last step first") {
    World world;
    const auto rc = world.user / ".zshrc";
    test::write_text(rc, "mine");
    ::chmod(rc.c_str(), 0600);
    const auto old_link = world.user / "old-link";
    fs::create_symlink("/somewhere", old_link);
    world.runner.answer({"do"}, "");
    world.runner.answer({"undo"}, "");
    CHECK(world.apply(MakeFolder{(world.user / "a" / "b").string()}) == Outcome::done);
    CHECK(world.apply(WriteFile{(world.user / "a" / "b" / "f").string(), "x"}) == Outcome::done);
    CHECK(world.apply(WriteFile{rc.string(), "changed", 0644}) == Outcome::done);
    CHECK(world.apply(MakeLink{(world.user / "link").string(), "/t"}) == Outcome::done);
    CHECK(world.apply(MakeLink{(world.user / "link").string(), "/t"}) == Outcome::unchanged);
    CHECK(world.apply(MakeLink{old_link.string(), "/elsewhere"}) == Outcome::done);
    CHECK(world.apply(RunCommand{.argv = {"do"}, .undo = {"undo"}}) == Outcome::done);
    CHECK(world.apply(RunCommand{.argv = {"not there"}, .undo = {"undo"}}) == Outcome::failed);
    for (const auto& report : world.applier().undo()) CHECK(report.outcome == Outcome::done);
    CHECK(test::read_text(rc) == "mine");
    CHECK(mode_of(rc) == 0600);
    CHECK_FALSE(fs::exists(world.user / "a"));
    CHECK_FALSE(fs::is_symlink(world.user / "link"));
    CHECK(fs::read_symlink(old_link) == "/somewhere");
    CHECK(world.made_folders().empty());
    CHECK(world.runner.seen() == std::vector<std::string>{"do", "not there", "undo"});
    CHECK(world.applier().undo().empty());
}

TEST_CASE("apply: commands are tried, and may be in vain where that is said") {
    World world;
    world.runner.answer({"busy"}, "first words\nstill busy", 5);
    world.runner.answer({"busy"}, "", 0);
    CHECK(world.apply(RunCommand{.argv = {"busy"}, .tries = 2}) == Outcome::done);
    world.runner.answer({"never"}, "first words\nnot loaded\n", 5);
    CHECK(world.apply(RunCommand{.argv = {"never"}}) == Outcome::failed);
    CHECK(world.last.detail == "never: not loaded");
    CHECK(world.apply(RunCommand{.argv = {"never"}, .may_fail = true}) == Outcome::unchanged);
}

TEST_CASE("apply: what needs an administrator goes through sudo, or says what to type") {
    World world;
    world.runner.answer({"sudo", "-n", "change", "it"}, "");
    CHECK(world.apply(AskAdmin{.argv = {"change", "it"}, .why = "x"}) == Outcome::done);
    CHECK(world.runner.seen() == std::vector<std::string>{"sudo -n change it"});
    world.runner.answer({"alone"}, "");
    CHECK(world.apply(AskAdmin{.argv = {"alone"}, .why = "x", .tries_alone_first = true}) ==
          Outcome::done);
    CHECK(world.apply(AskAdmin{.argv = {"other", "a b"}, .why = "x"}) == Outcome::failed);
    CHECK(world.last.detail == "needs an administrator; type: other 'a b'");
    CHECK(world.apply(AskAdmin{.argv = {"other"}, .why = "x", .may_fail = true}) ==
          Outcome::unchanged);
    World root;
    root.settings.uid = 0;
    root.runner.answer({"change"}, "");
    CHECK(root.apply(AskAdmin{.argv = {"change"}, .why = "x"}) == Outcome::done);
    CHECK(root.runner.seen() == std::vector<std::string>{"change"});
}

TEST_CASE("apply: clearing a folder keeps names and follows no links") {
    World world;
    const auto outside = world.user / "outside";
    test::write_text(outside / "precious", "x");
    test::write_text(world.data / "db.sqlite", "rows");
    test::write_text(world.data / "ca" / "key", "k");
    fs::create_symlink(outside, world.data / "link");
    CHECK(world.apply(ClearFolder{world.data.string(), {"db.sqlite"}}) == Outcome::done);
    CHECK(fs::exists(outside / "precious"));
    CHECK(test::read_text(world.data / "db.sqlite") == "rows");
    CHECK(std::distance(fs::directory_iterator(world.data), {}) == 1);
    CHECK(world.apply(ClearFolder{world.data.string(), {}}) == Outcome::done);
    CHECK_FALSE(fs::exists(world.data));
    CHECK(world.apply(ClearFolder{world.data.string(), {}}) == Outcome::unchanged);
}

TEST_CASE("apply: ports, CA and bundle end up in the data folder") {
    World world;
    const test::ScopedVariable none("SSL_CERT_FILE", "");
    CHECK(world.apply(RecordPorts{{8181, 8190, 8865, 0, 0}}) == Outcome::done);
    CHECK(platform::read_ports({world.data})->edge_port == 8181);
    CHECK(world.apply(MakeAuthority{}) == Outcome::done);
    CHECK(world.apply(MakeAuthority{}) == Outcome::unchanged);
    CHECK(mode_of(world.data / "ca" / "ca-key.pem") == 0600);
    // A root that only the user's own variable names.
    const auto own = tls::make_authority({"corp.example"}, system_clock().now_utc());
    test::write_text(world.user / "corp.pem", own->certificate_pem);
    const test::ScopedVariable named("NODE_EXTRA_CA_CERTS", (world.user / "corp.pem").string());
    CHECK(world.apply(MakeBundle{}) == Outcome::done);
    CHECK(world.apply(MakeBundle{}) == Outcome::unchanged);
    const auto bundle = test::read_text(world.data / "ca-bundle.pem");
    const auto middle = own->certificate_pem.substr(60, 100);
    CHECK(bundle.find(middle) != std::string::npos);
    CHECK(bundle.find(test::read_text(world.data / "ca.pem").substr(60, 100)) != std::string::npos);
    CHECK(bundle.find("PRIVATE") == std::string::npos);
}

TEST_CASE("apply: only processes of our own program are stopped") {
    World world;
    const int child = ::fork();
    if (child == 0) {
        ::execlp("sleep", "sleep", "60", nullptr);
        ::_exit(1);
    }
    // Until exec it is this program, and hears signals as this program does.
    const auto link = "/proc/" + std::to_string(child) + "/exe";
    while (fs::read_symlink(link) == fs::read_symlink("/proc/self/exe")) ::usleep(1'000);
    CHECK(world.apply(StopProcess{child, "edge"}) == Outcome::unchanged);
    CHECK(platform::is_process_alive(child));
    CHECK_FALSE(platform::stop_own_role(child, "/usr/bin/halton-meter"));
    // As if `sleep` were our program. Nobody waits for it but us.
    const auto program = fs::read_symlink(link).string();
    CHECK(platform::is_own_role(child, program));
    ::kill(child, SIGTERM);
    ::waitpid(child, nullptr, 0);
    CHECK_FALSE(platform::is_own_role(child, program));
    CHECK(world.apply(StopProcess{child, "edge"}) == Outcome::unchanged);
    CHECK_FALSE(platform::is_own_role(1, program));
    CHECK_FALSE(platform::is_own_role(0, program));
}

TEST_CASE("apply: waiting is bounded and says for what") {
    World world;
    test::write_text(world.data / "effective-ports.json", "{\"api_port\":1}");
    CHECK(world.apply(AwaitHealth{1}) == Outcome::failed);
    CHECK(world.last.detail.find("not healthy") != std::string::npos);
    CHECK(world.apply(AwaitPort{1, 1}) == Outcome::failed);
    CHECK(world.last.detail.find("127.0.0.1:1") != std::string::npos);
    CHECK(world.apply(Notify{"x"}) == Outcome::done);
}
