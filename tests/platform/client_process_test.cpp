#include "platform/client_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <string>

#include "platform/process.h"
#include "platform/process_facts.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::platform;
namespace fs = std::filesystem;
using Wanted = ClientProcesses::Wanted;

namespace {

// Runs shell text as a tree of processes. It writes the id of the one to look at with "mark $!" or
// "mark $$", and everything ends with the scope.
class Tree {
public:
    Tree(const fs::path& folder, const std::string& script) {
        const auto file = folder / "pid";
        fs::remove(file);
        top_ = ::fork();
        if (top_ == 0) {
            ::setsid();
            ::unsetenv("HALTON_PROJECT");
            for (const char* name : {"CURSOR_WORKSPACE_LABEL", "VSCODE_WORKSPACE_LABEL",
                                     "WINDSURF_WORKSPACE_LABEL", "VSCODE_PROCESS_TITLE"})
                ::unsetenv(name);
            const auto text = "mark() { echo $1 > '" + file.string() + ".part'; mv '" +
                              file.string() + ".part' '" + file.string() + "'; }\n" + script;
            if (::chdir("/") != 0) ::_exit(1);
            ::execl("/bin/bash", "bash", "-c", text.c_str(), static_cast<char*>(nullptr));
            ::_exit(1);
        }
        for (int i = 0; i < 5000 && marked_ == 0; ++i) {
            const auto text = test::read_text(file);
            if (!text.empty()) marked_ = std::stoi(text);
            ::usleep(1'000);
        }
    }
    ~Tree() {
        ::kill(-top_, SIGKILL);
        ::waitpid(top_, nullptr, 0);
    }
    int pid() const { return marked_; }

private:
    int top_ = -1;
    int marked_ = 0;
};

// Until the marked process is the sleep that it becomes.
Result<meter::ClientProcess> read_sleep(ClientProcesses& processes, int pid,
                                        Wanted wanted = Wanted::answer) {
    for (int i = 0; i < 5000; ++i) {
        if (read_arguments(pid).size() >= 2 && read_arguments(pid)[0] == "sleep") break;
        ::usleep(1'000);
    }
    return processes.read(pid, wanted);
}

bool has_setsid() {
    const bool is_there = fs::exists("/usr/bin/setsid");
    if (!is_there) WARN("no setsid here: skipped");
    return is_there;
}

// An editor by its name: a copy of the shell, that keeps its child.
fs::path make_editor(const fs::path& folder, const char* name) {
    const auto file = folder / "bin" / name;
    fs::create_directories(file.parent_path());
    fs::copy_file("/bin/bash", file);
    return file;
}

}  // namespace

TEST_CASE("client process: a nested process, and the project its parent was given") {
    const test::TempDirectory root;
    fs::create_directories(root / "empty");
    const Tree tree(root.path(), "cd " + (root / "empty").string() +
                                     "; export HALTON_PROJECT=outer; "
                                     "bash -c 'env -i sleep 60 & echo $! > " +
                                     (root / "pid.tmp").string() + "; mv " +
                                     (root / "pid.tmp").string() + " " + (root / "pid").string() +
                                     "; wait'");
    REQUIRE(tree.pid() > 0);
    ClientProcesses processes;
    const auto found = read_sleep(processes, tree.pid());
    REQUIRE(found);
    CHECK_FALSE(found->halton_project);
    REQUIRE_FALSE(found->ancestors.empty());
    CHECK(found->ancestors[0].halton_project == "outer");
    const auto answer = meter::attribute(*found, "misc");
    CHECK(answer.project_slug == "outer");
    CHECK(answer.layer == "parent_walk");
}

TEST_CASE("client process: the walk ends with the session") {
    if (!has_setsid()) return;
    const test::TempDirectory root;
    fs::create_directories(root / "empty");
    const Tree tree(root.path(), "cd " + (root / "empty").string() +
                                     "; export HALTON_PROJECT=outer; "
                                     "env -i setsid sleep 60 & mark $!; wait");
    REQUIRE(tree.pid() > 0);
    ClientProcesses processes;
    // Once it sleeps it has the session of its own.
    const auto found = read_sleep(processes, tree.pid());
    ::kill(tree.pid(), SIGKILL);
    REQUIRE(found);
    CHECK(found->ancestors_end == "another session");
    CHECK(found->ancestors.empty());
}

TEST_CASE("client process: parents are not looked at when the process answers itself") {
    const test::TempDirectory root;
    fs::create_directories(root / "shop/.git");
    const Tree tree(root.path(), "cd " + (root / "shop").string() + "; sleep 60 & mark $!; wait");
    REQUIRE(tree.pid() > 0);
    ClientProcesses processes;
    const auto found = read_sleep(processes, tree.pid());
    REQUIRE(found);
    CHECK(found->ancestors.empty());
    CHECK(found->ancestors_end.empty());
    CHECK(meter::attribute(*found, "misc").layer == "git");
    const auto all = processes.read(tree.pid(), Wanted::all);
    REQUIRE(all);
    CHECK_FALSE(all->ancestors.empty());
    CHECK_FALSE(all->ancestors_end.empty());
    CHECK(meter::attribute(*all, "misc").layer == "git");
}

TEST_CASE("client process: files are read anew, also when the process is known") {
    const test::TempDirectory root;
    fs::create_directories(root / "work");
    const Tree tree(root.path(), "cd " + (root / "work").string() + "; sleep 60 & mark $!; wait");
    REQUIRE(tree.pid() > 0);
    ClientProcesses processes;
    auto found = read_sleep(processes, tree.pid());
    REQUIRE(found);
    CHECK(found->files.haltonrcs.empty());
    test::write_text(root / "work/.haltonrc", "project = new");
    found = processes.read(tree.pid());
    REQUIRE(found);
    CHECK(meter::attribute(*found, "misc").project_slug == "new");
    test::write_text(root / "work/.haltonrc", "project = newer");
    found = processes.read(tree.pid());
    REQUIRE(found);
    CHECK(meter::attribute(*found, "misc").project_slug == "newer");
    // Without it the parents are asked after all.
    fs::remove(root / "work/.haltonrc");
    found = processes.read(tree.pid());
    REQUIRE(found);
    CHECK_FALSE(found->ancestors_end.empty());
}

TEST_CASE("client process: an editor's folder, also from a terminal of its own session") {
    if (!has_setsid()) return;
    const test::TempDirectory root;
    fs::create_directories(root / "My Shop");
    const auto editor = make_editor(root.path(), "cursor");
    const auto pid_file = (root / "pid").string();
    const Tree tree(root.path(), "cd /; '" + editor.string() +
                                     "' -c 'setsid sleep 60 & echo $! > " + pid_file + ".t; mv " +
                                     pid_file + ".t " + pid_file + "; wait' --folder-uri 'file://" +
                                     root.path().string() + "/My%20Shop'");
    REQUIRE(tree.pid() > 0);
    ClientProcesses processes;
    const auto found = read_sleep(processes, tree.pid());
    ::kill(tree.pid(), SIGKILL);
    REQUIRE(found);
    REQUIRE(found->ide);
    CHECK(found->ide->ide == "Cursor");
    REQUIRE(found->ide->folders.size() == 1);
    CHECK(found->ide->folders[0].folder == (root / "My Shop").string());
    CHECK(meter::attribute(*found, "misc").project_slug == "my-shop");
    CHECK(meter::attribute(*found, "misc").layer == "parent_ide_sniff");
}

TEST_CASE("client process: a bare argument counts only when there is such a folder") {
    const test::TempDirectory root;
    fs::create_directories(root / "shop");
    const auto editor = make_editor(root.path(), "code");
    const auto pid_file = (root / "pid").string();
    for (const char* name : {"shop", "gone"}) {
        const Tree tree(root.path(), "cd " + root.path().string() + "; '" + editor.string() +
                                         "' --norc -c 'sleep 60 & echo $! > " + pid_file +
                                         ".t; mv " + pid_file + ".t " + pid_file +
                                         "; wait' --wait " + name);
        REQUIRE(tree.pid() > 0);
        ClientProcesses processes;
        const auto found = read_sleep(processes, tree.pid());
        REQUIRE(found);
        CHECK(found->ide.has_value() == (std::string(name) == "shop"));
    }
}

TEST_CASE("client process: labels of its variables") {
    const test::TempDirectory root;
    const Tree tree(root.path(),
                    "export CURSOR_WORKSPACE_LABEL=shop "
                    "VSCODE_PROCESS_TITLE='extension-host (user) blog [1-1]'; "
                    "sleep 60 & mark $!; wait");
    REQUIRE(tree.pid() > 0);
    ClientProcesses processes;
    auto found = read_sleep(processes, tree.pid());
    // Its variables are the last of it to be seen.
    for (int i = 0; i < 2000 && found && found->labels.empty(); ++i) {
        ::usleep(1'000);
        found = processes.read(tree.pid());
    }
    REQUIRE(found);
    REQUIRE(found->labels.size() == 2);
    CHECK(found->labels[0].text == "shop");
    CHECK(found->labels[1].text == "blog");
    CHECK_FALSE(found->labels[0].is_argument);
}

TEST_CASE("client process: nobody, and another user") {
    ClientProcesses processes;
    CHECK(processes.read(1 << 30).error().kind == ErrorKind::not_found);
    CHECK(processes.read(0).error().kind == ErrorKind::not_found);
    if (::getuid() != 0) {
        WARN("only root can become another user: skipped");
        return;
    }
    const int pid = ::fork();
    if (pid == 0) {
        if (::setuid(65'534) != 0) ::_exit(1);
        ::sleep(60);
        ::_exit(0);
    }
    Result<meter::ClientProcess> found = fail(ErrorKind::not_found);
    for (int i = 0; i < 2000; ++i) {
        found = processes.read(pid);
        if (!found) break;
        ::usleep(1'000);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::permission);
    CHECK(found.error().context.find("65534") != std::string::npos);
}
