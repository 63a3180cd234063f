#include "platform/terminal.h"

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using test::ScopedVariable;

TEST_CASE("terminal: COLUMNS wins when it is a sensible number") {
    {
        const ScopedVariable columns("COLUMNS", "47");
        CHECK(platform::terminal_columns() == 47);
    }
    if (platform::is_stdout_terminal()) return;
    for (const char* odd : {"", "0", "-3", "x", "99999999"}) {
        const ScopedVariable columns("COLUMNS", odd);
        CHECK(platform::terminal_columns() == 0);
    }
}

TEST_CASE("terminal: the most specific locale variable decides about UTF-8") {
    const ScopedVariable all("LC_ALL", "");
    const ScopedVariable type("LC_CTYPE", "");
    const ScopedVariable lang("LANG", "");
    CHECK_FALSE(platform::speaks_utf8());
    const ScopedVariable utf8("LANG", "de_DE.UTF-8");
    CHECK(platform::speaks_utf8());
    const ScopedVariable latin("LC_CTYPE", "de_DE.ISO-8859-1");
    CHECK_FALSE(platform::speaks_utf8());
    const ScopedVariable over("LC_ALL", "C.utf8");
    CHECK(platform::speaks_utf8());
}

TEST_CASE("terminal: no colour where nobody sees it or wants it") {
    const ScopedVariable none("NO_COLOR", "1");
    CHECK_FALSE(platform::wants_colour());
}
