#include "platform/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "platform/environment.h"

namespace halton::platform {

bool is_stdout_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool is_stderr_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool is_stdin_terminal() { return ::isatty(STDIN_FILENO) == 1; }

int terminal_columns() {
    if (const auto columns = read_variable("COLUMNS"))
        if (const auto number = parse_decimal(*columns); number && *number > 0 && *number < 10'000)
            return static_cast<int>(*number);
    if (!is_stdout_terminal()) return 0;
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool speaks_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (const auto locale = read_variable(name)) {
            const auto lower = to_lower(*locale);
            return lower.find("utf-8") != std::string::npos ||
                   lower.find("utf8") != std::string::npos;
        }
    return false;
}

bool wants_colour() {
    return is_stdout_terminal() && !read_variable("NO_COLOR") && read_variable("TERM") != "dumb";
}

}  // namespace halton::platform
