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
    REQUIRE(files.haltonrc_texts.size() >= 2);
    CHECK(files.haltonrc_texts[0] == "inner");
    CHECK(files.haltonrc_texts[1] == "outer");
}

TEST_CASE("project files: what is too large or no file is absent") {
    const test::TempDirectory root;
    test::write_text(root / "a/.haltonrc", std::string(70'000, '#'));
    fs::create_directories(root / "a/b/.haltonrc");
    const auto files = read_project_files(root / "a/b");
    for (const auto& text : files.haltonrc_texts) CHECK(text.size() < 70'000);
    CHECK(read_project_files("").haltonrc_texts.empty());
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
