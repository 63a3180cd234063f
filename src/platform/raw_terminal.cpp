#include "platform/raw_terminal.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace halton::platform {
namespace {

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view leave_screen = "\x1b[?7h\x1b[?25h\x1b[?1049l";

// What a signal handler may look at: how the terminal was, and what has happened.
termios saved{};
std::atomic<bool> is_raw{false};
std::atomic<bool> wants_end{false};
std::atomic<bool> was_resized{false};

void write_all(std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(STDOUT_FILENO, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;  // nobody looks any more
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

termios make_raw(termios settings) {
    settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 0;
    return settings;
}

void enter() {
    const termios raw = make_raw(saved);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    write_all(enter_screen);
    is_raw = true;
}

// Also from a signal handler: nothing here allocates or locks.
void leave() {
    if (!is_raw.exchange(false)) return;
    write_all(leave_screen);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

void on_signal(int number) {
    const int kept = errno;
    if (number == SIGWINCH) {
        was_resized = true;
    } else if (number == SIGTSTP) {
        // Stopped with the terminal as it was. Not by the default action, which spares a process
        // that no shell looks after.
        leave();
        ::kill(::getpid(), SIGSTOP);
    } else if (number == SIGCONT) {
        if (!is_raw) enter();
        was_resized = true;
    } else {
        wants_end = true;
    }
    errno = kept;
}

constexpr std::array signals{SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
std::array<struct sigaction, signals.size()> old_actions{};

struct Sequence {
    std::string_view bytes;
    Key key;
};
constexpr std::array sequences{
    Sequence{"\x1b[A", Key::up},       Sequence{"\x1bOA", Key::up},
    Sequence{"\x1b[B", Key::down},     Sequence{"\x1bOB", Key::down},
    Sequence{"\x1b[5~", Key::page_up}, Sequence{"\x1b[6~", Key::page_down},
    Sequence{"\x1b[H", Key::home},     Sequence{"\x1bOH", Key::home},
    Sequence{"\x1b[1~", Key::home},    Sequence{"\x1b[F", Key::end},
    Sequence{"\x1bOF", Key::end},      Sequence{"\x1b[4~", Key::end},
};

// How long a sequence of a key nobody asks for is; 0: its end is not there yet.
std::size_t sequence_bytes(std::string_view bytes) {
    if (bytes.size() < 2) return 0;
    if (bytes[1] == 'O') return bytes.size() < 3 ? 0 : 3;
    if (bytes[1] != '[') return 1;
    for (std::size_t i = 2; i < bytes.size(); ++i)
        if (bytes[i] >= '@' && bytes[i] <= '~') return i + 1;
    return 0;
}

}  // namespace

Key take_key(std::string& bytes, bool is_all) {
    if (bytes.empty()) return Key::none;
    const char first = bytes.front();
    if (first != '\x1b') {
        bytes.erase(0, 1);
        switch (first) {
            case 'q':
            case 'Q':
            case '\x03': return Key::quit;
            case 'k': return Key::up;
            case 'j': return Key::down;
            case 'g': return Key::home;
            case 'G': return Key::end;
            default: return Key::other;
        }
    }
    for (const Sequence& sequence : sequences)
        if (bytes.starts_with(sequence.bytes)) {
            bytes.erase(0, sequence.bytes.size());
            return sequence.key;
        }
    const auto count = sequence_bytes(bytes);
    if (count == 0 && !is_all) return Key::none;
    // The escape key alone, or a sequence that nobody finishes.
    bytes.erase(0, count == 0 ? bytes.size() : count);
    return Key::other;
}

Result<RawTerminal> RawTerminal::open() {
    if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1)
        return fail(ErrorKind::unsupported, "this needs a terminal");
    if (::tcgetattr(STDIN_FILENO, &saved) != 0)
        return fail(ErrorKind::io, "the terminal does not tell its settings");
    wants_end = was_resized = false;
    for (std::size_t i = 0; i < signals.size(); ++i) {
        struct sigaction action {};
        action.sa_handler = on_signal;
        ::sigaction(signals[i], &action, &old_actions[i]);
    }
    enter();
    RawTerminal terminal;
    terminal.is_open_ = true;
    return terminal;
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : is_open_(std::exchange(other.is_open_, false)), pending_(std::move(other.pending_)) {}

RawTerminal::~RawTerminal() {
    if (!is_open_) return;
    leave();
    for (std::size_t i = 0; i < signals.size(); ++i)
        ::sigaction(signals[i], &old_actions[i], nullptr);
}

ScreenSize RawTerminal::size() const {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return {};
    return {size.ws_col, size.ws_row};
}

Key RawTerminal::wait_key(std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (true) {
        if (wants_end) return Key::quit;
        if (was_resized.exchange(false)) return Key::resized;
        if (const Key key = take_key(pending_, false); key != Key::none) return key;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return take_key(pending_, true);
        pollfd ready{STDIN_FILENO, POLLIN, 0};
        const int count = ::poll(&ready, 1, static_cast<int>(left.count()));
        if (count < 0 && errno != EINTR) return Key::quit;
        if (count <= 0) continue;
        std::array<char, 256> bytes{};
        const auto read = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (read == 0 || (read < 0 && errno != EINTR)) return Key::quit;  // it is gone
        if (read > 0) pending_.append(bytes.data(), static_cast<std::size_t>(read));
    }
}

void RawTerminal::draw(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) text += "\r\n";
        text += lines[i] + "\x1b[K";
    }
    text += "\x1b[J";
    write_all(text);
}

}  // namespace halton::platform
