#include "setup/system_state.h"

#include <variant>

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;
using namespace halton::setup;

namespace {

const Ports ports{8081, 18081};
const std::string path = "/home/ada/.halton-meter/system_state.json";

SystemState make_state() {
    SystemState state;
    state.network_services = {
        {"Wi-Fi",
         {false, "", 0, false},
         {true, "proxy.corp.example", 3128, true},
         {"*.local", "169.254/16"}},
        {"USB 10/100/1000 LAN", {}, {}, {}},
    };
    state.gnome = GnomeState{"'auto'", "''", "8080", "''", "0", "['localhost', '127.0.0.0/8']"};
    state.kde = KdeState{"[Proxy Settings]\nProxyType=2\n"};
    return state;
}

FileFact present(std::string text) {
    FileFact file;
    file.state = FileFact::State::present;
    file.text = std::move(text);
    return file;
}

const WriteFile& written(const std::vector<Step>& steps) {
    return std::get<WriteFile>(steps.back());
}

}  // namespace

TEST_CASE("system state: what is written is read back") {
    const auto state = make_state();
    const auto text = to_system_state_file(state);
    const auto read = parse_system_state(text);
    REQUIRE(read);
    CHECK(*read == state);
    CHECK(to_system_state_file(*read) == text);

    const auto empty = parse_system_state(to_system_state_file({}));
    REQUIRE(empty);
    CHECK(*empty == SystemState{});

    SystemState without_file;
    without_file.kde = KdeState{};
    const auto kde = parse_system_state(to_system_state_file(without_file));
    REQUIRE(kde);
    CHECK(*kde == without_file);

    SystemState strange;
    strange.network_services = {{"Büro \"2\"\\\n", {}, {}, {"a b"}}};
    const auto odd = parse_system_state(to_system_state_file(strange));
    REQUIRE(odd);
    CHECK(*odd == strange);
}

TEST_CASE("system state: every cut of a file is refused or whole") {
    const auto text = to_system_state_file(make_state());
    for (std::size_t size = 0; size + 2 < text.size(); ++size) {
        const auto read = parse_system_state(text.substr(0, size));
        CHECK_FALSE(read);
        if (!read) CHECK(read.error().kind == ErrorKind::malformed);
    }
}

TEST_CASE("system state: texts that init never writes") {
    for (const char* text :
         {"", "[]", "null", "7", R"({"network_services":{}})", R"({"network_services":[7]})",
          R"({"network_services":[{"name":"Wi-Fi"}]})", R"({"gnome":7})", R"({"gnome":{}})",
          R"({"kde":{}})", R"({"kde":{"kioslaverc":7}})",
          R"({"network_services":[{"name":"Wi-Fi","bypass_domains":[],
              "web_proxy":{"enabled":true,"server":"a","port":65536},
              "secure_web_proxy":{"enabled":true,"server":"a","port":1}}]})",
          R"({"network_services":[{"name":"Wi-Fi","bypass_domains":[7],
              "web_proxy":{"enabled":true,"server":"a","port":1},
              "secure_web_proxy":{"enabled":true,"server":"a","port":1}}]})"}) {
        INFO(text);
        CHECK_FALSE(parse_system_state(text));
    }
    CHECK_FALSE(parse_system_state(std::string(limits::system_state_bytes_max + 1, ' ')));
    const auto newer = parse_system_state(R"({"written_by":"9.9","network_services":[]})");
    CHECK(newer);
}

TEST_CASE("system state: what leads to us is never what was before") {
    SystemState seen;
    seen.network_services = {
        {"Wi-Fi", {true, "127.0.0.1", 8081, false}, {true, "localhost", 18081, false}, {"*.local"}},
        {"Dock", {false, "127.0.0.1", 8081, false}, {true, "127.0.0.1", 3128, false}, {}},
    };
    seen.gnome = GnomeState{"'manual'", "'127.0.0.1'", "8081", "'127.0.0.1'", "8081", "[]"};
    seen.kde = KdeState{"[Proxy Settings]\nProxyType=1\nhttpsProxy=http://127.0.0.1 8081\n"};
    const auto before = without_ours(seen, ports);
    CHECK(before.network_services[0] == NetworkService{"Wi-Fi", {}, {}, {"*.local"}});
    CHECK(before.network_services[1] ==
          NetworkService{"Dock", {}, {true, "127.0.0.1", 3128, false}, {}});
    CHECK(*before.gnome == GnomeState{"'none'", "''", "0", "''", "0", "[]"});
    CHECK(before.kde->kioslaverc->find("ProxyType=0") != std::string::npos);
    CHECK(without_ours(make_state(), ports) == make_state());
}

TEST_CASE("system state: recorded once") {
    const auto first = plan_recording(path, {}, make_state(), ports);
    REQUIRE(first.size() == 1);
    CHECK(written(first).path == path);
    CHECK(written(first).permissions == 0600);
    const auto file = present(written(first).text);
    CHECK(read_recorded(file) == make_state());

    // Whatever is set by now, the first record stays.
    auto later = make_state();
    for (auto& service : later.network_services)
        service.web = service.secure_web = {true, "127.0.0.1", 8081, false};
    later.gnome->mode = "'manual'";
    later.kde->kioslaverc = "x";
    CHECK(plan_recording(path, file, later, ports).empty());

    // A service that was not there yet is added, the others stay as they were.
    later.network_services.push_back({"Dock", {true, "10.0.0.1", 3128, false}, {}, {}});
    const auto more = plan_recording(path, file, later, ports);
    REQUIRE(more.size() == 1);
    auto expected = make_state();
    expected.network_services.push_back(later.network_services.back());
    CHECK(read_recorded(present(written(more).text)) == expected);
}

TEST_CASE("system state: a file that makes no sense is kept aside and said") {
    const auto steps = plan_recording(path, present("half a fi"), make_state(), ports);
    REQUIRE(steps.size() == 3);
    CHECK(std::get<WriteFile>(steps[0]).path == path + ".unreadable");
    CHECK(std::get<WriteFile>(steps[0]).text == "half a fi");
    CHECK(std::get<Notify>(steps[1]).text.find(path) != std::string::npos);
    CHECK(written(steps).path == path);
    CHECK_FALSE(read_recorded(present("half a fi")));
    CHECK_FALSE(read_recorded({}));

    FileFact locked;
    locked.state = FileFact::State::unreadable;
    const auto left_alone = plan_recording(path, locked, make_state(), ports);
    REQUIRE(left_alone.size() == 1);
    CHECK(std::holds_alternative<Notify>(left_alone[0]));
}
