// The provider's end of a WebSocket: a session that answers like the API of its path, or one that
// follows a script. Shares no code with the program under test.
// In:    the upgrade request, then received bytes in any pieces.
// Out:   bytes to send, and whether the connection is to end behind them.
// Fails: bytes that are no frames end the connection; entry().problem then has a word.
//
// How it answers is said in `metadata` of the client's response.create, each a string:
//   tokens "IN,OUT"   usage to report (default: as all canned answers)
//   events "N"        text deltas (default 3)
//   bytes "N"         length of each, of no meaning (default: the text of all canned answers)
//   error "CODE"      an error event instead; status "N" inside it
//   fail "CODE"       response.failed
//   cut "1"           the connection ends in the middle, without a word; "close": with a Close
//   id "WORD"         the answer's id
// How it writes is said in x-test-socket of the upgrade, words with blanks between:
//   deflate no-context fragment ping
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <zlib.h>

#include "support/provider/answer.h"
#include "support/provider/ledger.h"

namespace provider {

// Whether the request is an upgrade to a WebSocket that is to be accepted.
bool is_socket_request(const Request& request);

// What goes back for the upgrade.
Answer make_socket_answer(const Request& request);

class SocketSession {
public:
    // `frames`: what to say instead of answering; a sent one is waited for. `next_canned` is
    // asked for each answer.
    SocketSession(const Request& request, std::vector<ScriptFrame> frames,
                  std::function<Canned()> next_canned);
    ~SocketSession();
    SocketSession(const SocketSession&) = delete;
    SocketSession& operator=(const SocketSession&) = delete;

    // What the provider says unasked.
    void begin();
    void feed(std::string_view bytes);
    std::vector<Piece> take_output() { return std::exchange(output_, {}); }
    bool is_over() const { return is_over_; }
    SocketEntry& entry() { return entry_; }

private:
    bool read_frame();
    void on_message(const std::string& message);
    void answer(const std::string& message);
    void follow_script();
    void say(const std::string& text);
    void write_frame(int op, std::string_view payload, bool is_final = true,
                     bool is_compressed = false);
    bool inflate(std::string_view payload, std::string& text);
    std::string deflate(const std::string& text);
    void fail(const char* problem);
    bool has_word(std::string_view word) const;

    std::string words_;
    std::string path_;
    std::vector<ScriptFrame> script_;
    std::size_t script_at_ = 0;
    bool is_scripted_ = false;
    std::string input_;
    std::vector<Piece> output_;
    std::chrono::milliseconds pause_{0};  // before what is said next
    std::string message_;                 // fragments so far
    bool is_message_compressed_ = false;
    bool is_deflating_ = false;
    bool drops_context_ = false;
    std::function<Canned()> next_canned_;
    bool is_over_ = false;
    int turn_count_ = 0;
    z_stream inflater_{};
    z_stream deflater_{};
    SocketEntry entry_;
};

}  // namespace provider
