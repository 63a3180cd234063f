#include "base/log.h"

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;

namespace {

std::string line_with(std::string_view value) {
    return format_log_line(LogLevel::info, "a.b", {{"k", value}});
}

// Puts the level back, whatever a test did.
struct LevelGuard {
    ~LevelGuard() { set_log_level(LogLevel::info); }
};

}  // namespace

TEST_CASE("log: a line has level, name and fields") {
    CHECK(format_log_line(LogLevel::info, "daemon.exit", {}) == "info daemon.exit");
    CHECK(format_log_line(LogLevel::warn, "a.b",
                          {{"port", 8765},
                           {"ok", true},
                           {"text", "x"},
                           {"n", std::int64_t{-1}},
                           {"u", std::uint64_t{18'446'744'073'709'551'615u}},
                           {"v", 7u}}) ==
          "warn a.b port=8765 ok=true text=x n=-1 u=18446744073709551615 v=7");
    CHECK(format_log_line(LogLevel::debug, "a", {{"ok", false}}) == "debug a ok=false");
    CHECK(format_log_line(LogLevel::error, "a", {}) == "error a");
}

TEST_CASE("log: odd values are quoted and escaped") {
    CHECK(line_with("plain/value:1") == "info a.b k=plain/value:1");
    CHECK(line_with("") == "info a.b k=\"\"");
    CHECK(line_with("two words") == "info a.b k=\"two words\"");
    CHECK(line_with("a=b") == "info a.b k=\"a=b\"");
    CHECK(line_with("say \"hi\" \\") == "info a.b k=\"say \\\"hi\\\" \\\\\"");
    CHECK(line_with("\x1b[31m\x7f") == "info a.b k=\"\\x1b[31m\\x7f\"");
}

TEST_CASE("log: a hostile value cannot forge a line") {
    const auto line = line_with("x\n2026-01-01T00:00:00.000000Z error daemon.exit");
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\r') == std::string::npos);
    CHECK(line.rfind("info a.b k=\"x\\x0a2026", 0) == 0);
}

TEST_CASE("log: values are cut") {
    const auto line = line_with(std::string(limits::log_value_bytes_max + 100, 'x'));
    CHECK(line == "info a.b k=" + std::string(limits::log_value_bytes_max, 'x'));
}

TEST_CASE("log: levels below the wanted one are dropped") {
    const LevelGuard guard;
    CHECK_FALSE(is_logged(LogLevel::debug));
    CHECK(is_logged(LogLevel::info));
    set_log_level(LogLevel::error);
    CHECK_FALSE(is_logged(LogLevel::warn));
    CHECK(is_logged(LogLevel::error));
    set_log_level(LogLevel::debug);
    CHECK(is_logged(LogLevel::debug));
}
