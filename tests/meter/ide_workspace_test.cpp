#include "meter/ide_workspace.h"

#include "support/catch.h"

using namespace halton::meter;

namespace {

using Arguments = std::vector<std::string>;

void check_one(const Arguments& arguments, const char* folder, bool is_remote = false,
               std::string_view at = "/home/ada") {
    INFO(arguments.back());
    const auto found = find_workspaces(arguments, at);
    REQUIRE(found.size() == 1);
    CHECK(found[0].folder == folder);
    CHECK(found[0].is_remote == is_remote);
}

void check_none(const Arguments& arguments) {
    INFO(arguments.back());
    CHECK(find_workspaces(arguments, "/home/ada").empty());
}

}  // namespace

TEST_CASE("editors: known by the names of their programs and helpers") {
    CHECK(ide_of("code") == "VS Code");
    CHECK(ide_of("Code Helper (Plugin)") == "VS Code");
    CHECK(ide_of("Cursor Helper (Renderer)") == "Cursor");
    CHECK(ide_of("cursor") == "Cursor");
    CHECK(ide_of("windsurf") == "Windsurf");
    CHECK(ide_of("bash").empty());
    CHECK(ide_of("").empty());
    CHECK(ide_of("encode").empty());
    CHECK(ide_of("codex").empty());
}

TEST_CASE("workspaces: every form of flag") {
    check_one({"code", "--folder-uri", "file:///home/ada/shop"}, "/home/ada/shop");
    check_one({"code", "--folder-uri=file:///home/ada/shop/"}, "/home/ada/shop");
    check_one({"code", "--folder-uri=file:///home/ada/My%20Shop%2Fa"}, "/home/ada/My Shop/a");
    check_one({"code", "--file-uri", "file:///home/ada/shop/main.py"}, "/home/ada/shop");
    check_one({"code", "--file-uri=file:///home/ada/x/all.code-workspace"}, "/home/ada/x");
    check_one({"code", "--workspace=/home/ada/x/all.code-workspace"}, "/home/ada/x");
    check_one({"cursor", "--workspace-uri", "file://localhost/srv/x"}, "/srv/x");
    check_one({"code", "--unity-launch", "/home/ada/shop"}, "/home/ada/shop");
    check_one({"code", "-n", "shop"}, "/home/ada/shop");
    check_one({"code", "."}, "/home/ada");
    check_one({"code", "./shop/"}, "/home/ada/shop");
    check_one({"code", "--", "-odd"}, "/home/ada/-odd");
    check_one({"code", "all.code-workspace"}, "/home/ada");
}

TEST_CASE("workspaces: what is remote is only a name") {
    check_one({"code", "--folder-uri=vscode-remote://ssh-remote%2Bbox/srv/shop"}, "/srv/shop",
              true);
    check_one({"code", "--folder-uri", "vscode-remote://wsl+Ubuntu/home/ada/shop"},
              "/home/ada/shop", true);
    check_one({"code", "--folder-uri", "vscode-remote://dev-container+7b22/workspaces/shop"},
              "/workspaces/shop", true);
    check_one({"code", "--remote", "ssh-remote+box", "/srv/shop"}, "/srv/shop", true);
}

TEST_CASE("workspaces: what does not decode is no answer") {
    for (const char* bad :
         {"file://otherhost/home/ada/shop", "file:shop", "file://", "file:///a/%zz", "file:///a/%4",
          "file:///a/%00b", "file:///a/%0ab", "file:///a/../etc", "file:///..", "http://x/y",
          "vscode-remote:///a", "vscode-remote://box", "vscode-vfs://github/x/y", "", "relative",
          "javascript://%0aalert(1)"}) {
        INFO(bad);
        CHECK_FALSE(parse_workspace_uri(bad));
        check_none({"code", "--folder-uri", bad});
    }
    check_none({"code"});
    check_none({"code", "--folder-uri"});
    CHECK(find_workspaces({}, "/").empty());
    check_none({"code", "--type=renderer", "--lang=en-US"});
    CHECK(find_workspaces({"code", "shop"}, "").empty());
    // The value of a flag is no workspace.
    check_none({"code", "--user-data-dir", "/home/ada/.data"});
    check_none({"code", "--extensions-dir", "/home/ada/ext", "--locale", "de"});
    // A query is no part of a path.
    check_one({"code", "--folder-uri=file:///home/ada/shop?x=1#y"}, "/home/ada/shop");
}

TEST_CASE("workspaces: several windows are all told, each once") {
    const auto found = find_workspaces({"code", "--folder-uri", "file:///a", "--folder-uri",
                                        "file:///b", "--folder-uri=file:///a/"},
                                       "");
    REQUIRE(found.size() == 2);
    CHECK(found[0].folder == "/a");
    CHECK(found[1].folder == "/b");
    Arguments many{"code"};
    for (int i = 0; i < 1000; ++i) many.push_back("--folder-uri=file:///" + std::to_string(i));
    CHECK(find_workspaces(many, "").size() == 8);
    CHECK(find_workspaces({"code", std::string(1'000'000, 'x')}, "/").size() == 1);
}

TEST_CASE("labels: titles of helpers and flags") {
    CHECK(parse_title_label("extension-host (user) shop [1-3]") == "shop");
    CHECK(parse_title_label("Cursor Helper (Plugin): extension-host (agent-exec) my shop [12-3]") ==
          "my shop");
    CHECK(parse_title_label("extension-host shop [1-1]") == "shop");
    CHECK(parse_title_label("extension-host (user) a [b] [1-1]") == "a [b]");
    for (const char* bad :
         {"", "extension-host", "extension-host (user)", "extension-host (user",
          "extension-host (user) [1-1]", "extension-host (user) shop", "shop [1-1]"}) {
        INFO(bad);
        CHECK_FALSE(parse_title_label(bad));
    }
    CHECK_FALSE(parse_title_label("extension-host (user) " + std::string(500, 'x') + " [1-1]"));
    const auto labels = find_labels({"code", "--workspace-label=shop", "--workspace-label", "blog",
                                     "extension-host (user) shop [1-1]"});
    CHECK(labels == std::vector<std::string>{"shop", "blog"});
    CHECK(find_labels(Arguments(500, "extension-host (user) x [1-1]")).size() == 1);
    CHECK(find_labels({"code", "--workspace-label"}).empty());
}
