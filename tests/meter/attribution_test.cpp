#include "meter/attribution.h"

#include "meter/project_registry.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;
using halton::meter::attribute;
using halton::meter::Attribution;
using halton::meter::ClientProcess;
using halton::meter::to_slug;

namespace {

// A process about which everything is known.
ClientProcess full_process() {
    ClientProcess process;
    process.pid = 4711;
    process.working_directory = "/home/me/src/Shop/backend";
    process.halton_project = "from-env";
    process.files.haltonrcs = {{"/home/me/src/Shop", "project = \"from-rc\""}};
    process.files.git_directory_parent = "/home/me/src/Shop";
    process.files.git_work_tree = "/home/me/src/Shop";
    process.files.git_branch = "main";
    return process;
}

void check(const Attribution& found, const char* slug, const char* layer) {
    CHECK(found.project_slug == slug);
    CHECK(found.layer == layer);
}

}  // namespace

TEST_CASE("attribution: the first tier that answers wins") {
    auto process = full_process();
    check(attribute(process, "misc"), "from-env", "env");
    process.halton_project.reset();
    check(attribute(process, "misc"), "from-rc", "rcfile");
    process.files.haltonrcs.clear();
    check(attribute(process, "misc"), "shop", "git");
    process.files.git_directory_parent.clear();
    check(attribute(process, "misc"), "backend", "workdir");
    process.working_directory.clear();
    check(attribute(process, "misc"), "misc", "smart_default");
    check(attribute(ClientProcess{}, "team/other"), "team/other", "smart_default");
}

TEST_CASE("attribution: a malformed value is passed over, never repaired or stored") {
    auto process = full_process();
    for (const char* bad : {"", "  ", "has space", "semi;colon", "../etc", "-"}) {
        INFO(bad);
        process.halton_project = bad;
        check(attribute(process, "misc"), "from-rc", "rcfile");
    }
    process.halton_project = " Mixed-Case/X ";
    check(attribute(process, "misc"), "mixed-case/x", "env");
}

TEST_CASE("attribution: a .haltonrc without a usable project does not end the walk up") {
    auto process = full_process();
    process.halton_project.reset();
    process.files.haltonrcs = {{"/a/b/c", "body_capture = on"},
                               {"/a/b", "project = \"a b\""},
                               {"/a", "project = \"outer\""},
                               {"/", "project = \"home\""}};
    CHECK(attribute(process, "misc").folder == "/a");
    check(attribute(process, "misc"), "outer", "rcfile");
}

TEST_CASE("attribution: folders at the root or without usable names have no slug") {
    auto process = full_process();
    process.halton_project.reset();
    process.files.haltonrcs.clear();
    process.files.git_directory_parent = "/";
    process.working_directory = "/";
    check(attribute(process, "misc"), "misc", "smart_default");
    process.working_directory = "/home/me/\xd0\xbf\xd1\x80";
    check(attribute(process, "misc"), "misc", "smart_default");
    process.working_directory = "/home/me/work/";
    check(attribute(process, "misc"), "work", "workdir");
}

TEST_CASE("attribution: the folder and the branch of whatever answered") {
    auto process = full_process();
    auto found = attribute(process, "misc");
    CHECK(found.folder.empty());
    CHECK(found.git_branch == "main");
    process.halton_project.reset();
    CHECK(attribute(process, "misc").folder == "/home/me/src/Shop");
    process.files.haltonrcs.clear();
    found = attribute(process, "misc");
    CHECK(found.folder == "/home/me/src/Shop");
    CHECK(found.git_branch == "main");
}

namespace {

// Of a process that says nothing itself, below an editor.
ClientProcess below_editor(const std::vector<WorkspacePath>& folders) {
    ClientProcess process;
    process.pid = 4711;
    process.working_directory = "/home/me";
    process.ide = IdeWindow{4000, "Cursor", folders, {}};
    return process;
}

std::string reason_of(const ClientProcess& process, std::string_view layer,
                      const ProjectRegistry* registry = nullptr) {
    for (const auto& answer : explain(process, "misc", registry))
        if (answer.layer == layer) return answer.reason;
    return {};
}

}  // namespace

TEST_CASE("attribution: an editor's folder by its files, then by its name") {
    auto process = below_editor({{"/home/me/My Shop", false, false}});
    check(attribute(process, "misc"), "my-shop", "parent_ide_sniff");
    CHECK(attribute(process, "misc").folder == "/home/me/My Shop");
    process.ide->files.git_directory_parent = "/home/me/mono";
    process.ide->files.git_branch = "fix/1";
    check(attribute(process, "misc"), "mono", "parent_ide_sniff");
    CHECK(attribute(process, "misc").git_branch == "fix/1");
    process.ide->files.haltonrcs = {{"/home/me/My Shop", "project = team/shop"}};
    check(attribute(process, "misc"), "team/shop", "parent_ide_sniff");
    // The client's own word and its own file come first.
    process.files.haltonrcs = {{"/home/me", "project = own"}};
    check(attribute(process, "misc"), "own", "rcfile");
}

TEST_CASE("attribution: a remote folder has only its name") {
    auto process = below_editor({{"/srv/Shop", true, false}});
    process.ide->files.git_directory_parent = "/wrong";
    check(attribute(process, "misc"), "shop", "parent_ide_sniff");
    CHECK(attribute(process, "misc").folder.empty());
}

TEST_CASE("attribution: several windows are no answer") {
    auto process = below_editor({{"/a/shop", false, false}, {"/a/blog", false, false}});
    process.files.git_directory_parent = "/a/blog";
    check(attribute(process, "misc"), "blog", "git");
    CHECK(reason_of(process, "parent_ide_sniff") ==
          "Cursor (pid 4000) has several windows: /a/shop, /a/blog");
}

TEST_CASE("attribution: a working directory elsewhere outweighs the editor's first folder") {
    auto process = below_editor({{"/a/shop", false, false}});
    process.working_directory = "/a/blog/src";
    process.files.git_directory_parent = "/a/blog";
    process.files.git_work_tree = "/a/blog";
    check(attribute(process, "misc"), "blog", "git");
    // Inside of the folder, also in a repository of its own there; or above it.
    process.working_directory = "/a/shop/libs/blog";
    process.files.git_work_tree = "/a/shop/libs/blog";
    check(attribute(process, "misc"), "shop", "parent_ide_sniff");
    process.working_directory = "/a";
    process.files.git_work_tree = "/a";
    check(attribute(process, "misc"), "shop", "parent_ide_sniff");
    // A name that only begins alike is another folder.
    process.working_directory = "/a/shop-old";
    process.files.git_work_tree = "/a/shop-old";
    check(attribute(process, "misc"), "blog", "git");
}

TEST_CASE("attribution: a label counts only as the name of a known folder") {
    ClientProcess process;
    process.labels = {{"My Shop", false}};
    check(attribute(process, "misc"), "misc", "smart_default");
    ProjectRegistry registry;
    check(attribute(process, "misc", &registry), "misc", "smart_default");
    registry.note("my-shop", "/home/me/My Shop");
    check(attribute(process, "misc", &registry), "my-shop", "ide_env_label");
    process.labels = {{"unknown", true}, {"My Shop", true}};
    check(attribute(process, "misc", &registry), "my-shop", "ide_argv_label");
    CHECK(attribute(process, "misc", &registry).folder == "/home/me/My Shop");
    process.labels = {{"<img src=x onerror=alert(1)>", false}};
    check(attribute(process, "misc", &registry), "misc", "smart_default");
}

TEST_CASE("attribution: parents are asked what they say, never what their folder is called") {
    ClientProcess process;
    process.working_directory = "/tmp/scratch";
    process.ancestors = {{10, "sh", "/tmp", std::nullopt, {}},
                         {11, "make", "/home/me/shop", std::nullopt, {}}};
    process.ancestors_end = "another session";
    check(attribute(process, "misc"), "scratch", "workdir");
    CHECK(reason_of(process, "parent_walk") ==
          "2 parents say nothing; the way up ended at another session");
    process.ancestors[1].files.git_directory_parent = "/home/me/shop";
    process.ancestors[1].files.git_branch = "main";
    check(attribute(process, "misc"), "shop", "parent_walk");
    CHECK(attribute(process, "misc").git_branch == "main");
    process.ancestors[1].files.haltonrcs = {{"/home/me/shop", "project = rc"}};
    check(attribute(process, "misc"), "rc", "parent_walk");
    process.ancestors[1].halton_project = "not a slug";
    check(attribute(process, "misc"), "rc", "parent_walk");
    process.ancestors[1].halton_project = "env";
    check(attribute(process, "misc"), "env", "parent_walk");
    process.ancestors[0].halton_project = "nearer";
    check(attribute(process, "misc"), "nearer", "parent_walk");
    CHECK(reason_of(process, "parent_walk") == "sh (pid 10): HALTON_PROJECT");
}

TEST_CASE("attribution: boxes come before the bare folder") {
    ClientProcess process;
    process.working_directory = "/app";
    process.container = {"0::/docker/x", false, false, "web-1"};
    check(attribute(process, "misc"), "docker:web-1", "container");
    process.container = {};
    check(attribute(process, "misc"), "app", "workdir");
    process.working_directory = "/Users/me/Library/Containers/com.openai.chat/Data";
    check(attribute(process, "misc"), "mac:com.openai.chat", "mac_sandbox");
}

TEST_CASE("attribution: parents are only looked for when nothing before them answers") {
    ClientProcess process;
    process.working_directory = "/tmp/scratch";
    CHECK_FALSE(is_settled_without_ancestors(process));
    process.halton_project = "not a slug";
    CHECK_FALSE(is_settled_without_ancestors(process));
    process.halton_project = "shop";
    CHECK(is_settled_without_ancestors(process));
    process.halton_project.reset();
    process.files.git_directory_parent = "/a/shop";
    CHECK(is_settled_without_ancestors(process));
}

TEST_CASE("attribution: the explanation agrees with the answer, and is safe to show") {
    auto process = full_process();
    process.halton_project = "\x1b[31m<script>\r\n" + std::string(1'000'000, 'x');
    process.working_directory = "/tmp/\xe2\x80\xaegpj\n";
    process.files.git_branch = "<b>\x07";
    process.ide = IdeWindow{1,
                            "Cursor\x1b",
                            {{"/a\xc2\x9b"
                              "1m",
                              false, false},
                             {"/b", false, false}},
                            {}};
    process.labels = {{"\x1b]0;x", false}, {"\x1b]0;x", true}};
    process.ancestors = {{10, "sh\x1b", "/", "bad\x1b value", {}}};
    process.ancestors_end = "x";
    const auto answers = explain(process, "misc");
    CHECK(answers.size() == 11);
    std::string first;
    for (const auto& answer : answers) {
        if (first.empty() && answer.slug) first = answer.layer;
        INFO(answer.reason.substr(0, 200));
        CHECK(answer.reason.size() < 700);
        for (const char c : answer.reason) CHECK(static_cast<unsigned char>(c) >= 0x20);
        CHECK(answer.reason.find("\xe2\x80\xae") == std::string::npos);
        CHECK(answer.reason.find("\xc2\x9b") == std::string::npos);
        if (answer.slug) CHECK(answer.slug->find('<') == std::string::npos);
    }
    CHECK(attribute(process, "misc").layer == first);
    CHECK(attribute(process, "misc").git_branch == "<b>?");
    CHECK(answers.back().slug == "misc");
}

TEST_CASE("slugs from names: foreign characters become one dash") {
    CHECK(to_slug("My Project") == "my-project");
    CHECK(to_slug("  a  b  ") == "a-b");
    CHECK(to_slug("v1.2.3") == "v1-2-3");
    CHECK(to_slug("__init__") == "__init__");
    CHECK(to_slug("a - b") == "a--b");  // its own dash stays
    CHECK(to_slug("\xc3\xa4pfel") == "pfel");
    CHECK(to_slug("(x)") == "x");
    CHECK(to_slug("mac:com.openai.chat") == "mac:com.openai.chat");
    CHECK_FALSE(to_slug("").has_value());
    CHECK_FALSE(to_slug("...").has_value());
    CHECK_FALSE(to_slug("--").has_value());
    REQUIRE(to_slug(std::string(500, 'x')).has_value());
    CHECK(to_slug(std::string(500, 'x'))->size() == 128);
}

TEST_CASE("attribution: a key that somebody made a name of is no name") {
    const std::string key = std::string("sk-") + "ant-a1b2c3d4e5f6g7h8";
    auto process = full_process();
    process.halton_project = key;
    process.files.haltonrcs = {{"/home/me", "project = \"" + key + "\""}};
    process.files.git_directory_parent = "/home/me/" + key;
    process.working_directory = "/home/me/" + key;
    check(attribute(process, "misc"), "misc", "smart_default");
    for (const auto& answer : explain(process, "misc"))
        CHECK(answer.slug.value_or("").find(key) == std::string::npos);
    CHECK(explain(process, "misc").front().reason == "HALTON_PROJECT has the form of a key");
}

TEST_CASE("attribution: what .haltonrc files say on capturing bodies") {
    ClientProcess process;
    CHECK_FALSE(find_body_capture(process).has_value());
    process.ide = IdeWindow{1, "Cursor", {}, {}};
    process.ide->files.haltonrcs = {{"/ide", "body_capture = on"}};
    CHECK(find_body_capture(process) == true);
    process.files.haltonrcs = {{"/a/b", "project = \"x\""}, {"/a", "body_capture = off"},
                               {"/", "body_capture = on"}};
    CHECK(find_body_capture(process) == false);
}
