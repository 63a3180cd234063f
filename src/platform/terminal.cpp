#include "platform/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>

#include "base/text.h"
#include "platform/environment.h"

namespace halton::platform {

bool is_stdout_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool is_stderr_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool is_stdin_terminal() { return ::isatty(STDIN_FILENO) == 1; }

std::string read_stdin(std::chrono::milliseconds limit, std::size_t bytes_max,
                       const std::function<bool(std::string_view)>& is_enough) {
    std::string text;
    if (is_stdin_terminal()) return text;
    const auto until = std::chrono::steady_clock::now() + limit;
    while (text.size() < bytes_max) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        pollfd ready{STDIN_FILENO, POLLIN, 0};
        const int count =
            ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        std::array<char, 16 * 1024> bytes{};
        const auto read =
            ::read(STDIN_FILENO, bytes.data(), std::min(bytes.size(), bytes_max - text.size()));
        if (read < 0 && errno == EINTR) continue;
        if (read <= 0) break;
        text.append(bytes.data(), static_cast<std::size_t>(read));
        if (is_enough(text)) break;
    }
    return text;
}

void pause_for(std::chrono::milliseconds time) {
    ::poll(nullptr, 0, static_cast<int>(time.count()));
}

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
