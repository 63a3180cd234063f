#include "platform/project_files.h"

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using platform::read_project_files;
namespace fs = std::filesystem;

TEST_CASE("project files: .haltonrc files, nearest first") {
    const test::TempDirectory root;
    test::write_text(root / ".haltonrc", "outer");
    test::write_text(root / "a/.haltonrc", "inner");
    fs::create_directories(root / "a/b/c");
    const auto files = read_project_files(root / "a/b/c");
    REQUIRE(files.haltonrcs.size() >= 2);
    CHECK(files.haltonrcs[0].text == "inner");
    CHECK(files.haltonrcs[1].text == "outer");
    CHECK(files.haltonrcs[0].folder == (root / "a"));
}

TEST_CASE("project files: what is too large or no file is absent") {
    const test::TempDirectory root;
    test::write_text(root / "a/.haltonrc", std::string(70'000, '#'));
    fs::create_directories(root / "a/b/.haltonrc");
    const auto files = read_project_files(root / "a/b");
    for (const auto& file : files.haltonrcs) CHECK(file.text.size() < 70'000);
    CHECK(read_project_files("").haltonrcs.empty());
    CHECK(read_project_files("relative/path").git_directory_parent.empty());
    CHECK(read_project_files(root / "gone/for/good").git_directory_parent.empty());
}

TEST_CASE("project files: the nearest git folder wins") {
    const test::TempDirectory root;
    fs::create_directories(root / "outer/.git");
    fs::create_directories(root / "outer/inner/.git");
    fs::create_directories(root / "outer/inner/src");
    fs::create_directories(root / "outer/docs");
    CHECK(read_project_files(root / "outer/inner/src").git_directory_parent ==
          (root / "outer/inner"));
    CHECK(read_project_files(root / "outer/docs").git_directory_parent == (root / "outer"));
}

TEST_CASE("project files: worktrees lead to the main repository") {
    const test::TempDirectory root;
    fs::create_directories(root / "shop/.git/worktrees/fix");
    test::write_text(root / "shop/.git/worktrees/fix/commondir", "../..\n");
    test::write_text(root / "shop-fix/.git",
                     "gitdir: " + (root / "shop/.git/worktrees/fix").string() + "\n");
    fs::create_directories(root / "shop-fix/src");
    CHECK(read_project_files(root / "shop-fix/src").git_directory_parent == (root / "shop"));
    // Written relative, as newer gits do.
    test::write_text(root / "shop-rel/.git", "gitdir: ../shop/.git/worktrees/fix");
    CHECK(read_project_files(root / "shop-rel").git_directory_parent == (root / "shop"));
}

TEST_CASE("project files: worktrees of bare repositories") {
    const test::TempDirectory root;
    for (const char* bare : {"tool.git", "tool/.bare", "plain"}) {
        const auto git = root / bare;
        fs::create_directories(git / "worktrees/w");
        test::write_text(git / "worktrees/w/commondir", "../..");
        test::write_text(root / "w/.git", "gitdir: " + (git / "worktrees/w").string());
        const auto expected = std::string(bare) == "plain" ? root / "plain" : root / "tool";
        CHECK(read_project_files(root / "w").git_directory_parent == expected);
    }
}

TEST_CASE("project files: a submodule keeps its own folder") {
    const test::TempDirectory root;
    fs::create_directories(root / "app/.git/modules/lib");
    test::write_text(root / "app/lib/.git", "gitdir: ../.git/modules/lib\n");
    CHECK(read_project_files(root / "app/lib").git_directory_parent == (root / "app/lib"));
}

TEST_CASE("project files: a .git file of another kind is no repository, the walk goes on") {
    const test::TempDirectory root;
    fs::create_directories(root / "outer/.git");
    test::write_text(root / "outer/in/.git", "not a pointer");
    CHECK(read_project_files(root / "outer/in").git_directory_parent == (root / "outer"));
    test::write_text(root / "outer/in/.git", "gitdir:");
    CHECK(read_project_files(root / "outer/in").git_directory_parent == (root / "outer"));
}

TEST_CASE("project files: the branch of a repository, a worktree and a submodule") {
    const test::TempDirectory root;
    test::write_text(root / "shop/.git/HEAD", "ref: refs/heads/main\n");
    CHECK(read_project_files(root / "shop").git_branch == "main");
    test::write_text(root / "shop/.git/worktrees/fix/commondir", "../..\n");
    test::write_text(root / "shop/.git/worktrees/fix/HEAD", "ref: refs/heads/fix/slow-<b>\x1b\n");
    test::write_text(root / "shop-fix/.git", "gitdir: ../shop/.git/worktrees/fix\n");
    const auto files = read_project_files(root / "shop-fix");
    CHECK(files.git_branch == "fix/slow-<b>?");
    CHECK(files.git_work_tree == (root / "shop-fix"));
    CHECK(files.git_directory_parent == (root / "shop"));
    test::write_text(root / "shop/.git/modules/lib/HEAD", "ref: refs/heads/next");
    test::write_text(root / "shop/lib/.git", "gitdir: ../.git/modules/lib\n");
    CHECK(read_project_files(root / "shop/lib").git_branch == "next");
}

TEST_CASE("project files: no branch when none is checked out, or the file is not git's") {
    const test::TempDirectory root;
    fs::create_directories(root / "shop/.git");
    CHECK(read_project_files(root / "shop").git_branch.empty());
    for (const std::string& head :
         {std::string("0123456789abcdef0123456789abcdef01234567\n"),
          std::string("ref: refs/tags/v1"), std::string("ref: refs/heads/.invalid\n"),
          std::string(), std::string(100'000, 'x')}) {
        test::write_text(root / "shop/.git/HEAD", head);
        CHECK(read_project_files(root / "shop").git_branch.empty());
    }
    test::write_text(root / "shop/.git/HEAD", "ref: refs/heads/" + std::string(1000, 'x'));
    CHECK(read_project_files(root / "shop").git_branch.size() == 200);
}

TEST_CASE("project files: loops of links and folders without rights end the matter") {
    const test::TempDirectory root;
    fs::create_directories(root / "a/b");
    fs::create_directory_symlink(root / "a/b/.git", root / "a/b/.git");
    fs::create_directory_symlink(root / "a/b/.haltonrc", root / "a/b/.haltonrc");
    fs::create_directories(root / "a/.git");
    CHECK(read_project_files(root / "a/b").git_directory_parent == (root / "a"));
    // A worktree that points at itself.
    test::write_text(root / "w/.git", "gitdir: .git\n");
    CHECK(read_project_files(root / "w").git_directory_parent == (root / "w"));
    fs::permissions(root / "a", fs::perms::none);
    const auto files = read_project_files(root / "a/b");
    fs::permissions(root / "a", fs::perms::owner_all);
    CHECK(files.haltonrcs.empty());
    CHECK(read_project_files("/" + std::string(100'000, 'x')).git_directory_parent.empty());
    std::string deep;
    for (int i = 0; i < 500; ++i) deep += "/x";
    CHECK(read_project_files(deep).haltonrcs.empty());
}

TEST_CASE("project files: of a process with another root") {
    const test::TempDirectory root;
    test::write_text(root / "app/.git/HEAD", "ref: refs/heads/main\n");
    test::write_text(root / "app/.haltonrc", "project = inside");
    test::write_text(root / "repo/.git/worktrees/w/commondir", "../..");
    test::write_text(root / "w/.git", "gitdir: /repo/.git/worktrees/w");
    const auto files = read_project_files("/app", root.path().string());
    CHECK(files.git_directory_parent == "/app");
    CHECK(files.git_branch == "main");
    REQUIRE_FALSE(files.haltonrcs.empty());
    CHECK(files.haltonrcs[0].text == "project = inside");
    CHECK(read_project_files("/w", root.path().string()).git_directory_parent == "/repo");
}
