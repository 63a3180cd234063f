// RawTerminal: the whole screen and every key, for a view that draws itself. Takes the alternate
// screen, so that what was there comes back; gives everything back at its end, also when a signal
// ends the program.
// In:    keys. Out: what draw() is given.
// Fails: unsupported (stdin or stdout is no terminal), io.
// Owner: one verb; one at a time in a process. Thread: that verb's. Signal handlers of the process
// (INT, TERM, HUP, TSTP, CONT, WINCH) are its own meanwhile.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halton::platform {

enum class Key { none, quit, up, down, page_up, page_down, home, end, resized, other };

// The first key in `bytes`, which loses it. Half an escape sequence stays for the next time, unless
// `is_all` says that nothing follows.
Key take_key(std::string& bytes, bool is_all);

struct ScreenSize {
    int columns = 80;
    int rows = 24;
};

class RawTerminal {
public:
    static Result<RawTerminal> open();
    RawTerminal(RawTerminal&& other) noexcept;
    RawTerminal& operator=(RawTerminal&&) = delete;
    ~RawTerminal();

    ScreenSize size() const;
    // Waits for a key. `quit`: q, Ctrl-C, the end of the input, or a signal that wants an end.
    Key wait_key(std::chrono::milliseconds limit);
    // Lines from the top, without their ends; the rest of the screen is cleared. Longer ones are
    // the caller's mistake: the terminal cuts them.
    void draw(const std::vector<std::string>& lines);

private:
    RawTerminal() = default;
    bool is_open_ = false;
    std::string pending_;
};

}  // namespace halton::platform
