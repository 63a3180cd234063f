#include "roles/dashboard_text.h"

#include <set>

#include "support/catch.h"

using namespace halton;
using Argv = std::vector<std::string>;

namespace {

Argv choose(const platform::Environment& environment,
            const std::set<std::string, std::less<>>& programs) {
    return roles::choose_opener(environment,
                                [&](std::string_view name) { return programs.contains(name); });
}

}  // namespace

TEST_CASE("dashboard: its address") {
    CHECK(roles::to_dashboard_url(8765) == "http://127.0.0.1:8765/");
}

TEST_CASE("dashboard: who opens a page") {
    const std::set<std::string, std::less<>> linux_programs{"xdg-open", "open"};
    CHECK(choose({{"DISPLAY", ":0"}}, linux_programs) == Argv{"xdg-open"});
    CHECK(choose({{"WAYLAND_DISPLAY", "wayland-0"}}, linux_programs) == Argv{"xdg-open"});
    // No desktop, or nobody who knows the browser: the address is printed.
    CHECK(choose({}, linux_programs).empty());
    CHECK(choose({{"DISPLAY", ""}}, linux_programs).empty());
    CHECK(choose({{"DISPLAY", ":0"}}, {}).empty());

    const std::set<std::string, std::less<>> macos_programs{"/usr/bin/open", "/usr/bin/sw_vers"};
    CHECK(choose({}, macos_programs) == Argv{"/usr/bin/open"});
    CHECK(choose({{"SSH_CONNECTION", "192.0.2.1 5 192.0.2.2 22"}}, macos_programs).empty());
}
