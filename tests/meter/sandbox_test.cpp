#include "meter/sandbox.h"

#include "support/catch.h"

using namespace halton::meter;

namespace {
const std::string id(64, 'a');
}

TEST_CASE("containers: docker, podman and pods by their control group") {
    for (const std::string& cgroup :
         {"0::/system.slice/docker-" + id + ".scope\n", "12:cpu:/docker/" + id + "\n0::/\n",
          "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope\n",
          "0::/system.slice/cri-containerd-" + id + ".scope\n"}) {
        INFO(cgroup);
        CHECK(container_slug({cgroup, false, false, "web-1"}) == "docker:web-1");
        CHECK(container_slug({cgroup, false, false, ""}) == "docker:aaaaaaaaaaaa");
    }
    CHECK(container_slug({"0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-" + id, false,
                          false, "shop-7d9.team.svc"}) == "k8s:shop-7d9.team.svc");
}

TEST_CASE("containers: marks inside of a box whose control group says nothing") {
    CHECK(container_slug({"0::/\n", true, false, "3f2a"}) == "docker:3f2a");
    CHECK(container_slug({"0::/\n", false, true, "pod-1"}) == "k8s:pod-1");
    CHECK(container_slug({"0::/\n", true, true, "pod-1"}) == "k8s:pod-1");
    // A box without any name.
    CHECK_FALSE(container_slug({"0::/\n", true, false, ""}));
}

TEST_CASE("containers: a plain machine is none") {
    CHECK_FALSE(container_slug({"", false, false, "laptop"}));
    CHECK_FALSE(container_slug(
        {"0::/user.slice/user-1000.slice/session-2.scope\n", false, false, "laptop"}));
    CHECK_FALSE(container_slug({"0::/system.slice/docker.service\n", false, false, "laptop"}));
}

TEST_CASE("containers: hostile names become slugs or nothing") {
    const auto slug = [](const char* host) { return container_slug({"", true, false, host}); };
    CHECK(slug("<script>alert(1)</script>") == "docker:-script-alert-1-script");
    CHECK(slug("a:b/../c") == "docker:a-b-..-c");
    CHECK(slug("WEB.Example") == "docker:web.example");
    CHECK_FALSE(slug("///"));
    CHECK_FALSE(slug("..."));
    const auto large = container_slug({"", true, false, std::string(1000, 'x')});
    REQUIRE(large);
    CHECK(large->size() == 128);
}

TEST_CASE("app sandbox: bundle ids of macOS containers, on every system") {
    CHECK(app_sandbox_slug("/Users/ada/Library/Containers/com.openai.chat/Data") ==
          "mac:com.openai.chat");
    CHECK(app_sandbox_slug("/Users/ada/Library/Containers/com.Example.App") ==
          "mac:com.example.app");
    for (const char* bad :
         {"", "/", "/Users/ada/Library/Containers", "/Users/ada/Library/Containers/",
          "/Users/ada/Library/Containers/nodots/Data", "/Users//Library/Containers/a.b/Data",
          "/Users/ada/x/Library/Containers/a.b/Data", "/home/ada/Library/Containers/a.b/Data",
          "/Users/ada/Library/Containers/..../Data"}) {
        INFO(bad);
        CHECK_FALSE(app_sandbox_slug(bad));
    }
    CHECK(app_sandbox_slug("/Users/ada/Library/Containers/a.<b>.c/Data") == "mac:a.-b-.c");
}
