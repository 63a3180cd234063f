#include "meter/attribution.h"

#include "support/catch.h"

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
    process.haltonrc_texts = {"project = \"from-rc\""};
    process.git_directory_parent = "/home/me/src/Shop";
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
    process.haltonrc_texts.clear();
    check(attribute(process, "misc"), "shop", "git");
    process.git_directory_parent.clear();
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
    process.haltonrc_texts = {"body_capture = on", "project = \"a b\"", "project = \"outer\"",
                              "project = \"home\""};
    check(attribute(process, "misc"), "outer", "rcfile");
}

TEST_CASE("attribution: folders at the root or without usable names have no slug") {
    auto process = full_process();
    process.halton_project.reset();
    process.haltonrc_texts.clear();
    process.git_directory_parent = "/";
    process.working_directory = "/";
    check(attribute(process, "misc"), "misc", "smart_default");
    process.working_directory = "/home/me/\xd0\xbf\xd1\x80";
    check(attribute(process, "misc"), "misc", "smart_default");
    process.working_directory = "/home/me/work/";
    check(attribute(process, "misc"), "work", "workdir");
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
