// RequestReader: cuts one HTTP/1.1 request out of a byte stream. It shares no code with the
// program under test, so that both cannot be wrong in the same way.
// In:    received bytes, in any pieces. Out: a Request with its exact bytes.
// Fails: State::broken, with a word in problem(). Owner: one connection.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace provider {

struct Request {
    std::string method;
    std::string target;
    std::string version;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string head;      // exact bytes, with the empty line
    std::string raw_body;  // exact bytes as received, with chunk framing and trailers
    std::string body;      // without framing

    // Value of the first header with that lower-case name, or `fallback`.
    std::string_view header(std::string_view name, std::string_view fallback = {}) const;
    long long number(std::string_view name, long long fallback) const;
    bool wants_close() const;
    // The target without scheme, authority and query.
    std::string path() const;
};

class RequestReader {
public:
    enum class State { head, body, done, broken };

    void feed(std::string_view bytes);
    State state() const { return state_; }
    const Request& request() const { return request_; }
    const std::string& problem() const { return problem_; }
    bool has_leftover() const { return !input_.empty(); }
    // Bytes after the request (an upgraded connection's first ones).
    std::string take_leftover() { return std::move(input_); }

    // Forgets the finished request and goes on with what was pipelined behind it.
    void next();

private:
    void advance();
    bool read_head();
    bool read_body();
    bool read_chunks();
    bool fail(std::string problem);

    std::string input_;  // not yet consumed
    Request request_;
    State state_ = State::head;
    bool is_chunked_ = false;
    std::size_t length_ = 0;
    std::string problem_;
};

}  // namespace provider
