#include "support/provider/request.h"

#include <charconv>

namespace provider {

namespace {

constexpr std::size_t head_bytes_max = 1024 * 1024;
constexpr std::size_t body_bytes_max = 512u * 1024 * 1024;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

bool parse(std::string_view text, int base, std::size_t& number) {
    auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string_view Request::header(std::string_view name, std::string_view fallback) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return fallback;
}

long long Request::number(std::string_view name, long long fallback) const {
    auto text = header(name);
    long long value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? value
                                                                                     : fallback;
}

bool Request::wants_close() const {
    if (lower(header("connection")).find("close") != std::string::npos) return true;
    return version == "HTTP/1.0" &&
           lower(header("connection")).find("keep-alive") == std::string::npos;
}

std::string Request::path() const {
    std::string_view view = target;
    if (auto scheme = view.find("://"); scheme != view.npos && view.front() != '/') {
        auto slash = view.find('/', scheme + 3);
        view = slash == view.npos ? "/" : view.substr(slash);
    }
    return std::string(view.substr(0, view.find('?')));
}

void RequestReader::feed(std::string_view bytes) {
    input_.append(bytes);
    advance();
}

void RequestReader::next() {
    request_ = {};
    state_ = State::head;
    is_chunked_ = false;
    length_ = 0;
    advance();
}

void RequestReader::advance() {
    if (state_ == State::head && read_head()) state_ = State::body;
    if (state_ == State::body && read_body()) state_ = State::done;
}

bool RequestReader::fail(std::string problem) {
    problem_ = std::move(problem);
    state_ = State::broken;
    return false;
}

bool RequestReader::read_head() {
    auto end = input_.find("\r\n\r\n");
    if (end == std::string::npos)
        return input_.size() > head_bytes_max ? fail("head too large") : false;
    request_.head = input_.substr(0, end + 4);
    input_.erase(0, end + 4);

    std::string_view rest = request_.head;
    auto line_end = rest.find("\r\n");
    auto line = rest.substr(0, line_end);
    auto first = line.find(' ');
    auto last = line.rfind(' ');
    if (first == line.npos || first == last) return fail("request line");
    request_.method = line.substr(0, first);
    request_.target = line.substr(first + 1, last - first - 1);
    request_.version = line.substr(last + 1);
    if (request_.target.empty() || request_.version.substr(0, 7) != "HTTP/1.")
        return fail("request line");

    for (rest.remove_prefix(line_end + 2); rest != "\r\n";) {
        line_end = rest.find("\r\n");
        line = rest.substr(0, line_end);
        auto colon = line.find(':');
        if (colon == line.npos || colon == 0) return fail("header line");
        request_.headers.emplace_back(lower(line.substr(0, colon)),
                                      std::string(trim(line.substr(colon + 1))));
        rest.remove_prefix(line_end + 2);
    }
    if (auto coding = request_.header("transfer-encoding"); !coding.empty()) {
        if (lower(coding) != "chunked") return fail("transfer-encoding");
        is_chunked_ = true;
    } else if (auto text = request_.header("content-length"); !text.empty()) {
        if (!parse(text, 10, length_) || length_ > body_bytes_max) return fail("content-length");
    }
    return true;
}

bool RequestReader::read_body() {
    if (is_chunked_) return read_chunks();
    auto wanted = length_ - request_.raw_body.size();
    auto taken = wanted < input_.size() ? wanted : input_.size();
    request_.raw_body.append(input_, 0, taken);
    input_.erase(0, taken);
    if (request_.raw_body.size() < length_) return false;
    request_.body = request_.raw_body;
    return true;
}

// Consumes whole chunks only: an incomplete one stays in input_.
bool RequestReader::read_chunks() {
    std::size_t at = 0;
    bool is_last = false;
    while (!is_last) {
        auto line_end = input_.find("\r\n", at);
        if (line_end == std::string::npos) break;
        std::size_t size = 0;
        auto text = std::string_view(input_).substr(at, line_end - at);
        if (!parse(trim(text.substr(0, text.find(';'))), 16, size) || size > body_bytes_max)
            return fail("chunk size");
        if (size == 0) {
            // Trailers, if any, then an empty line.
            auto trailers_end = input_.compare(line_end, 4, "\r\n\r\n") == 0
                                    ? line_end
                                    : input_.find("\r\n\r\n", line_end + 2);
            if (trailers_end == std::string::npos || input_.size() < line_end + 4) break;
            at = trailers_end + 4;
            is_last = true;
        } else {
            if (input_.size() < line_end + 2 + size + 2) break;
            request_.body.append(input_, line_end + 2, size);
            at = line_end + 2 + size + 2;
        }
    }
    request_.raw_body.append(input_, 0, at);
    input_.erase(0, at);
    return is_last;
}

}  // namespace provider
