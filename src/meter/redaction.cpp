#include "meter/redaction.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/text.h"
#include "meter/secrets.h"

namespace halton::meter {
namespace {

constexpr bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A copy of parts of a text without their escapes, and where its bytes came from.
class Plain {
public:
    explicit Plain(std::string_view from) : from_(from) {}

    // Adds a part. Escapes are undone at whatever depth they stand: a run of backslashes and the
    // letter behind it are one character.
    void add(std::size_t begin, std::size_t end) {
        pieces_.push_back({text_.size(), begin, end});
        std::size_t at = begin;
        while (at < end) {
            const std::size_t slash = std::min(from_.find('\\', at), end);
            if (slash > at) {
                begin_run(at);
                text_ += from_.substr(at, slash - at);
                at = slash;
            }
            if (at < end) at = add_escape(at, end);
        }
    }

    const std::string& text() const { return text_; }

    // Backslashes in front of the character at that place.
    int depth(std::size_t place) const {
        std::size_t at = origin(place);
        int count = 0;
        while (at < from_.size() && from_[at] == '\\' && count < 1000) {
            ++at;
            ++count;
        }
        return count;
    }

    // The places in the original that [begin, end) came from, one for each part that it touches.
    void locate(std::size_t begin, std::size_t end, std::string_view kind,
                std::vector<Secret>& found, std::vector<char>& is_rest) const {
        auto piece =
            std::upper_bound(pieces_.begin(), pieces_.end(), begin,
                             [](std::size_t place, const Piece& p) { return place < p.place; });
        if (piece != pieces_.begin()) --piece;
        bool is_first = true;
        for (; piece != pieces_.end() && piece->place < end; ++piece) {
            const auto next = piece + 1;
            const std::size_t piece_end = next == pieces_.end() ? text_.size() : next->place;
            const std::size_t from = std::max(begin, piece->place);
            const std::size_t to = std::min(end, piece_end);
            if (from >= to) continue;
            found.push_back({origin(from), to == piece_end ? piece->end : origin(to), kind});
            is_rest.push_back(is_first ? 0 : 1);
            is_first = false;
        }
    }

private:
    // From `place` on the copy goes along with the original from `origin` on.
    struct Run {
        std::uint32_t place;
        std::uint32_t origin;
    };
    struct Piece {
        std::size_t place;
        std::size_t begin;
        std::size_t end;
    };

    void begin_run(std::size_t origin) {
        const Run run{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(origin)};
        if (!runs_.empty() && runs_.back().origin + (run.place - runs_.back().place) == run.origin)
            return;
        runs_.push_back(run);
    }

    std::size_t add_escape(std::size_t at, std::size_t end) {
        begin_run(at);
        std::size_t letter = at;
        while (letter < end && from_[letter] == '\\') ++letter;
        if (letter == end) {
            text_ += '\\';
            return end;
        }
        switch (const char c = from_[letter]) {
            case 'n':
            case 'r':
            case 'f':
            case 'v': text_ += '\n'; return letter + 1;
            case 't':
            case 'b': text_ += ' '; return letter + 1;
            case '"':
            case '\'':
            case '`':
            case '/': text_ += c; return letter + 1;
            case 'u': {
                int code = 0;
                std::size_t digit = letter + 1;
                for (; digit < letter + 5 && digit < end && hex_value(from_[digit]) >= 0; ++digit)
                    code = code * 16 + hex_value(from_[digit]);
                if (digit != letter + 5) break;
                text_ += code < 128 ? static_cast<char>(code) : '\x80';
                return digit;
            }
            default: break;
        }
        text_ += '\\';
        return letter;
    }

    std::size_t origin(std::size_t place) const {
        auto run = std::upper_bound(runs_.begin(), runs_.end(), place,
                                    [](std::size_t p, const Run& r) { return p < r.place; });
        if (run == runs_.begin()) return 0;
        --run;
        return run->origin + (place - run->place);
    }

    std::string_view from_;
    std::string text_;
    std::vector<Run> runs_;
    std::vector<Piece> pieces_;
};

// What pieces of an answer are called in the streams of all providers.
bool is_delta_key(std::string_view key) {
    static constexpr std::array<std::string_view, 18> keys{
        "text",        "content",  "partial_json",           "thinking",   "arguments",
        "delta",       "input",    "reasoning_content",      "reasoning",  "refusal",
        "output_text", "response", "generated_text",         "transcript", "data",
        "completion",  "summary",  "function_call_arguments"};
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Numbers that tell pieces of several answers and tools apart.
bool is_index_key(std::string_view key) {
    return key == "index" || key == "output_index" || key == "content_index";
}

// The pieces of a stream, put together by what they are pieces of.
class Channels {
public:
    explicit Channels(std::string_view text) : text_(text) {}

    std::vector<Plain> read() {
        std::string_view key;
        std::string_view index;
        for (std::size_t at = 0; at < text_.size();) {
            const char c = text_[at];
            if (c == '\n') {
                key = index = {};
                ++at;
            } else if (c == '"') {
                const std::size_t end = string_end(at + 1);
                const std::size_t after = skip_blanks(end + 1);
                if (end < text_.size() && after < text_.size() && text_[after] == ':') {
                    key = text_.substr(at + 1, end - at - 1);
                    at = after + 1;
                    continue;
                }
                if (is_delta_key(key) && end > at + 1) channel(key, index).add(at + 1, end);
                key = {};
                at = end + 1;
            } else {
                if (c >= '0' && c <= '9' && is_index_key(key)) {
                    std::size_t end = at;
                    while (end < text_.size() && is_alnum(text_[end])) ++end;
                    index = text_.substr(at, end - at);
                    key = {};
                    at = end;
                    continue;
                }
                if (c == '}' || c == ',') key = {};
                ++at;
            }
        }
        return std::move(channels_);
    }

private:
    // Of the string whose first byte is at `at`; a line's end ends it too.
    std::size_t string_end(std::size_t at) const {
        while (at < text_.size() && text_[at] != '"' && text_[at] != '\n')
            at += text_[at] == '\\' ? 2 : 1;
        return std::min(at, text_.size());
    }
    std::size_t skip_blanks(std::size_t at) const {
        while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
        return at;
    }
    Plain& channel(std::string_view key, std::string_view index) {
        for (std::size_t i = 0; i < names_.size(); ++i)
            if (names_[i].first == key && names_[i].second == index) return channels_[i];
        // Who names more than anybody has gets them mixed.
        if (names_.size() == limits::body_channels_max) return channels_.back();
        names_.emplace_back(key, index);
        return channels_.emplace_back(text_);
    }

    std::string_view text_;
    std::vector<std::pair<std::string_view, std::string_view>> names_;
    std::vector<Plain> channels_;
};

struct Cut {
    std::size_t begin;
    std::size_t end;
    std::string_view kind;
    bool is_rest;  // its mark stands at an earlier piece
};

class Redactor {
public:
    explicit Redactor(std::string_view text) : text_(text) {}

    bool look(const Plain& plain) {
        const auto depth = [&plain](std::size_t place) { return plain.depth(place); };
        for (const Secret& secret : find_secrets(plain.text(), depth))
            if (!add(plain, secret.begin, secret.end, secret.kind)) return false;
        return look_into_base64(plain);
    }

    Redacted finish(std::size_t keep_bytes) {
        std::stable_sort(cuts_.begin(), cuts_.end(),
                         [](const Cut& a, const Cut& b) { return a.begin < b.begin; });
        Redacted redacted;
        std::size_t at = 0;
        for (const Cut& cut : cuts_) {
            if (cut.begin >= keep_bytes) break;
            if (cut.end <= at) continue;
            if (cut.begin < at) {  // two that overlap are one
                at = cut.end;
                continue;
            }
            redacted.text += text_.substr(at, cut.begin - at);
            at = cut.end;
            if (cut.is_rest) continue;
            redacted.text += fmt::format("[REDACTED:{}]", cut.kind);
            ++redacted.counts[std::string(cut.kind)];
        }
        std::size_t end = std::min(keep_bytes, text_.size());
        // Not inside of a character.
        if (end < text_.size())
            while (end > at && (static_cast<unsigned char>(text_[end]) & 0xc0) == 0x80) --end;
        if (at < end) redacted.text += text_.substr(at, end - at);
        return redacted;
    }

private:
    bool add(const Plain& plain, std::size_t begin, std::size_t end, std::string_view kind) {
        places_.clear();
        is_rest_.clear();
        plain.locate(begin, end, kind, places_, is_rest_);
        for (std::size_t i = 0; i < places_.size(); ++i)
            cuts_.push_back({places_[i].begin, places_[i].end, kind, is_rest_[i] != 0});
        return cuts_.size() <= limits::body_redactions_max;
    }

    // Words of base64 that stand for texts with secrets in them.
    bool look_into_base64(const Plain& plain) {
        constexpr std::size_t least_bytes = 20;
        // Lines of base64 are this long at least where one goes on in the next.
        constexpr std::size_t line_bytes = 60;
        const std::string_view text = plain.text();
        const auto is_part = [](char c) {
            return is_alnum(c) || c == '+' || c == '/' || c == '-' || c == '_';
        };
        for (std::size_t at = 0; at < text.size();) {
            if (!is_part(text[at])) {
                ++at;
                continue;
            }
            const std::size_t begin = at;
            std::size_t line = at;
            std::size_t end = at;
            word_.clear();
            for (;;) {
                while (end < text.size() && is_part(text[end])) ++end;
                for (const char c : text.substr(line, end - line))
                    word_ += c == '-' ? '+' : c == '_' ? '/' : c;
                if (end - line < line_bytes || end + 1 >= text.size() || text[end] != '\n' ||
                    !is_part(text[end + 1]))
                    break;
                line = ++end;
            }
            at = end + 1;
            if (word_.size() < least_bytes) continue;
            if (const auto kind = secret_in_base64()) {
                while (end < text.size() && text[end] == '=') ++end;
                if (!add(plain, begin, end, *kind)) return false;
            }
        }
        return true;
    }

    // In word_.
    std::optional<std::string_view> secret_in_base64() {
        decoded_.clear();
        // Five letters over stand for nothing; a cut word may have them.
        if (word_.size() % 4 == 1) word_.pop_back();
        if (!append_base64_decoded(decoded_, word_)) return std::nullopt;
        // Pictures and sound are no place to look.
        const auto head = std::string_view(decoded_).substr(0, 64);
        const auto odd_count = std::count_if(head.begin(), head.end(), [](char c) {
            return (static_cast<unsigned char>(c) < 32 && c != '\n' && c != '\t' && c != '\r') ||
                   c == 127;
        });
        if (odd_count > 0) return std::nullopt;
        Plain inner(decoded_);
        inner.add(0, decoded_.size());
        const auto depth = [&inner](std::size_t place) { return inner.depth(place); };
        const auto found = find_secrets(inner.text(), depth);
        if (found.empty()) return std::nullopt;
        return found.front().kind;
    }

    std::string_view text_;
    std::vector<Cut> cuts_;
    std::vector<Secret> places_;
    std::vector<char> is_rest_;
    std::string word_;
    std::string decoded_;
};

}  // namespace

Result<Redacted> redact(std::string_view text, std::size_t keep_bytes, bool is_stream) {
    const Error too_many{ErrorKind::too_large, Leg::local, "more secrets than a body may have"};
    Redactor redactor(text);
    {
        Plain whole(text);
        whole.add(0, text.size());
        if (!redactor.look(whole)) return fail(too_many);
    }
    if (is_stream)
        for (const Plain& channel : Channels(text).read())
            if (!redactor.look(channel)) return fail(too_many);
    return redactor.finish(keep_bytes);
}

namespace {

// Behind a blank nothing is cut, so that "sk-" is what it is.
std::vector<Secret> find_in_word(std::string_view word) {
    constexpr std::size_t least_bytes = 12;  // of a key with its prefix
    if (word.size() < least_bytes) return {};
    return find_secrets(std::string(word) + ' ');
}

}  // namespace

bool holds_secret(std::string_view word) { return !find_in_word(word).empty(); }

void redact_word(std::string& word) {
    const auto found = find_in_word(word);
    for (auto secret = found.rbegin(); secret != found.rend(); ++secret)
        word.replace(secret->begin, secret->end - secret->begin,
                     fmt::format("[REDACTED:{}]", secret->kind));
}

std::string to_text(const RedactionCounts& counts) {
    std::string text;
    for (const auto& [kind, count] : counts)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", kind, count);
    return text;
}

std::uint64_t sum_of(const RedactionCounts& counts) {
    std::uint64_t sum = 0;
    for (const auto& [kind, count] : counts) sum += count;
    return sum;
}

}  // namespace halton::meter
