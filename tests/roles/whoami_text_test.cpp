// Ten situations and what `whoami` says of them, compared with tests/fixtures/whoami/.
// HALTON_UPDATE_GOLDEN=1 rewrites the files instead.
#include "roles/whoami_text.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/json.h"
#include "meter/project_registry.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::meter;
using namespace halton::roles;

namespace {

// An agent in a terminal, in that folder.
ClientProcess agent_in(const std::string& folder) {
    ClientProcess process;
    process.pid = 4711;
    process.uid = 1000;
    process.executable = "claude";
    process.working_directory = folder;
    process.ancestors = {{4700, "zsh", folder, std::nullopt, {}}};
    process.ancestors_end = "another session";
    process.container.cgroup = "0::/user.slice/user-1000.slice/session-2.scope\n";
    process.container.hostname = "laptop";
    return process;
}

void put_in_repository(ClientProcess& process, const std::string& tree, const std::string& main,
                       const std::string& branch) {
    process.files.git_work_tree = tree;
    process.files.git_directory_parent = main;
    process.files.git_branch = branch;
    for (auto& ancestor : process.ancestors) ancestor.files = process.files;
}

WhoamiView view_of(ClientProcess process) {
    ProjectRegistry registry;
    registry.note("shop", "/home/ada/shop");
    WhoamiView view;
    view.pid = process.pid;
    view.answers = explain(process, "misc", &registry);
    view.attribution = attribute(process, "misc", &registry);
    view.current_slug = view.attribution.project_slug;
    view.process = std::move(process);
    return view;
}

WhoamiView worktree() {
    auto process = agent_in("/home/ada/shop-fix/src");
    put_in_repository(process, "/home/ada/shop-fix", "/home/ada/shop", "fix/slow-cart");
    return view_of(std::move(process));
}

WhoamiView submodule() {
    auto process = agent_in("/home/ada/shop/libs/pay");
    put_in_repository(process, "/home/ada/shop/libs/pay", "/home/ada/shop/libs/pay", "main");
    return view_of(std::move(process));
}

WhoamiView ide_terminal() {
    auto process = agent_in("/home/ada/shop/backend");
    put_in_repository(process, "/home/ada/shop", "/home/ada/shop", "main");
    process.ide = IdeWindow{3100, "Cursor", {{"/home/ada/shop", false, false}}, process.files};
    process.labels = {{"shop", false}, {"shop", true}};
    return view_of(std::move(process));
}

WhoamiView container() {
    auto process = agent_in("/app");
    process.executable = "python3.11";
    process.ancestors = {{4650, "sh", "/", std::nullopt, {}}};
    process.ancestors_end = "the first process";
    process.container.cgroup = "0::/system.slice/docker-" + std::string(64, 'c') + ".scope\n";
    process.container.hostname = "web-1";
    return view_of(std::move(process));
}

WhoamiView nested_run() {
    auto process = agent_in("/tmp/job");
    process.ancestors = {{4690, "halton-meter", "/tmp/job", "team/nightly", {}},
                         {4680, "halton-meter", "/tmp", "team/nightly", {}}};
    return view_of(std::move(process));
}

WhoamiView no_working_directory() {
    auto process = agent_in("");
    process.ancestors.clear();
    return view_of(std::move(process));
}

WhoamiView other_user() {
    WhoamiView view;
    view.pid = 4711;
    view.process = fail(ErrorKind::permission, "process 4711 belongs to uid 1001");
    return view;
}

WhoamiView exited() {
    WhoamiView view;
    view.pid = 4711;
    view.process = fail(ErrorKind::not_found, "no process 4711");
    return view;
}

WhoamiView monorepo() {
    auto process = agent_in("/home/ada/mono/services/pay/src");
    put_in_repository(process, "/home/ada/mono", "/home/ada/mono", "main");
    process.files.haltonrcs = {
        {"/home/ada/mono/services/pay", "project = mono/pay # its own budget\n"},
        {"/home/ada/mono", "project = mono\n"}};
    return view_of(std::move(process));
}

WhoamiView by_default() {
    auto process = agent_in("/");
    process.ancestors = {{1200, "systemd", "/", std::nullopt, {}}};
    process.ancestors_end = "the first process";
    process.halton_project = "My Project!";
    return view_of(std::move(process));
}

struct Situation {
    const char* name;
    WhoamiView (*make)();
    const char* layer;  // empty: none
};

constexpr Situation situations[] = {
    {"worktree", worktree, "git"},
    {"submodule", submodule, "git"},
    {"ide_terminal", ide_terminal, "parent_ide_sniff"},
    {"container", container, "container"},
    {"nested_run", nested_run, "parent_walk"},
    {"no_working_directory", no_working_directory, "smart_default"},
    {"other_user", other_user, ""},
    {"exited", exited, ""},
    {"monorepo", monorepo, "rcfile"},
    {"default", by_default, "smart_default"},
};

}  // namespace

TEST_CASE("whoami: ten situations read as their transcripts") {
    const char* root = std::getenv("HALTON_SOURCE_ROOT");
    REQUIRE(root != nullptr);
    for (const auto& situation : situations) {
        INFO(situation.name);
        const auto view = situation.make();
        const auto text = to_whoami_text(view, 0);
        CHECK(view.attribution.layer == situation.layer);
        const auto path = std::string(root) + "/tests/fixtures/whoami/" + situation.name + ".txt";
        if (std::getenv("HALTON_UPDATE_GOLDEN") != nullptr) {
            std::ofstream(path, std::ios::binary) << text;
            continue;
        }
        std::ifstream stream(path, std::ios::binary);
        const std::string wanted{std::istreambuf_iterator<char>(stream), {}};
        // Not equal: run this test with HALTON_UPDATE_GOLDEN=1 and read the difference.
        CHECK(text == wanted);
    }
}

TEST_CASE("whoami: JSON says the same") {
    JsonParser parser;
    for (const auto& situation : situations) {
        INFO(situation.name);
        const auto view = situation.make();
        const auto text = to_whoami_json(view);
        const auto json = parser.parse(text);
        REQUIRE(json);
        CHECK((*json)["pid"].as_integer() == 4711);
        std::string first;
        int count = 0;
        (*json)["layers"].for_each_element([&](JsonView layer) {
            ++count;
            if (first.empty() && layer["project"].is_string())
                first = layer["layer"].as_string().value_or("");
        });
        CHECK(first == situation.layer);
        if (first.empty()) {
            CHECK((*json)["project"].is_null());
            CHECK(count == 0);
        } else {
            CHECK((*json)["winning_layer"].as_string() == situation.layer);
            CHECK(count == 11);
        }
    }
}

TEST_CASE("whoami: an old name tells the one that it has now") {
    auto view = worktree();
    view.current_slug = "store";
    CHECK(to_whoami_text(view, 0).find("recorded under store") != std::string::npos);
    CHECK(to_whoami_json(view).find("\"project\": \"store\"") != std::string::npos);
}

TEST_CASE("whoami: nothing that a process says of itself acts on the terminal") {
    auto process = agent_in("/tmp/\x1b]0;owned\x07\n/\xe2\x80\xae");
    process.executable = "<script>\x1b[2J";
    process.halton_project = "\x1b[31m";
    process.files.git_branch = "\r\x9b";
    const auto view = view_of(std::move(process));
    const auto text = to_whoami_text(view, 60);
    for (const char c : text) CHECK((static_cast<unsigned char>(c) >= 0x20 || c == '\n'));
    JsonParser parser;
    const auto json = to_whoami_json(view);
    CHECK(parser.parse(json));
}
