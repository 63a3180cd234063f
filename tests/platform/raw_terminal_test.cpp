// Keys as bytes. The screen itself is put to the test by tests/e2e/views.py, behind a
// pseudo-terminal.
#include "platform/raw_terminal.h"

#include "support/catch.h"

using namespace halton;
using platform::Key;
using platform::take_key;

TEST_CASE("raw terminal: keys, one after another") {
    std::string bytes = "q\x1b[A\x1bOB\x1b[5~x\x1b[1;5Cg\x03";
    for (const Key key : {Key::quit, Key::up, Key::down, Key::page_up, Key::other, Key::other,
                          Key::home, Key::quit, Key::none})
        CHECK(take_key(bytes, false) == key);
    CHECK(bytes.empty());
}

TEST_CASE("raw terminal: half a sequence waits, and a lone escape is a key in the end") {
    for (const char* half : {"\x1b", "\x1b[", "\x1b[5", "\x1bO"}) {
        std::string bytes = half;
        CHECK(take_key(bytes, false) == Key::none);
        CHECK(bytes == half);
        CHECK(take_key(bytes, true) == Key::other);
        CHECK(bytes.empty());
    }
    std::string bytes = "\x1b";
    CHECK(take_key(bytes, false) == Key::none);
    bytes += "[B";
    CHECK(take_key(bytes, false) == Key::down);
}

TEST_CASE("raw terminal: not without a terminal") {
    const auto terminal = platform::RawTerminal::open();
    if (!terminal) CHECK(terminal.error().kind == ErrorKind::unsupported);
}
