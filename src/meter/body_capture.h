// Copies of the bodies of one call, for projects that want them: what the client asked and what
// came back, decoded, without any head. Off unless somebody switched it on. In:    body bytes as a
// tap shows them, or messages of a WebSocket; any pieces. Out:   both sides, each at most
// body_bytes_max with its margin, and how long it really was. Fails: never. A coding that breaks or
// that nobody knows leaves what came before it; what is sound,
//        a picture or a film is counted only; over the daemon's budget the whole capture is given
//        up and counted.
// Nothing in here has been redacted: it stays in memory, under the budget, until body_text.h and
// the writer have seen it, and is in no file. Owner: the observer's call, then the ledger. Thread:
// one at a time; the budget is shared by all.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "http/content_decode.h"
#include "http/event.h"
#include "http/head.h"

namespace halton::meter {

// Bytes that all captures of a daemon may hold together.
class CaptureBudget {
public:
    explicit CaptureBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    bool take(std::size_t bytes) noexcept;
    void give_back(std::size_t bytes) noexcept { used_ -= bytes; }
    void count_refused() noexcept { ++refused_; }

    std::size_t used_bytes() const noexcept { return used_; }
    // Calls whose bodies were not captured for want of memory.
    std::uint64_t refused_count() const noexcept { return refused_; }

private:
    const std::size_t bytes_max_;
    std::atomic<std::size_t> used_{0};
    std::atomic<std::uint64_t> refused_{0};
};

// A text under a budget.
class HeldText {
public:
    HeldText() = default;
    explicit HeldText(std::shared_ptr<CaptureBudget> budget) : budget_(std::move(budget)) {}
    ~HeldText() { clear(); }
    HeldText(HeldText&& other) noexcept;
    HeldText& operator=(HeldText&& other) noexcept;

    // False when the budget has no room; the text is then as before.
    bool append(std::string_view bytes);
    void clear() noexcept;
    const std::string& text() const { return text_; }

private:
    std::shared_ptr<CaptureBudget> budget_;
    std::string text_;
    std::size_t taken_bytes_ = 0;
};

struct CapturedSide {
    HeldText held;
    std::uint64_t bytes = 0;   // decoded, all of it
    std::string content_type;  // without its parameters
    bool is_media = false;     // counted only
};

struct CallBodies {
    CapturedSide request;
    CapturedSide response;
};

class BodyCapture {
public:
    explicit BodyCapture(std::shared_ptr<CaptureBudget> budget);

    // The head of a side has come; before its body.
    void begin(http::Direction side, const http::HeaderList& headers);
    void feed(http::Direction side, std::string_view bytes);
    // A piece of a WebSocket's message, decoded; each message becomes a line.
    void feed_message(http::Direction side, std::string_view bytes, bool is_last);

    // What there is; null when it was given up. The capture begins anew with it.
    std::unique_ptr<CallBodies> take();

private:
    struct Side {
        CapturedSide kept;
        std::optional<http::ContentDecoder> decoder;
        bool is_broken = false;
    };
    Side& side_of(http::Direction side) {
        return side == http::Direction::to_upstream ? request_ : response_;
    }
    void keep(Side& side, std::string_view bytes);
    void give_up();

    std::shared_ptr<CaptureBudget> budget_;
    Side request_;
    Side response_;
    bool is_given_up_ = false;
};

// Whose bodies are wanted. The nearest word counts: the .haltonrc of the client's folder, the
// project's setting, the config. Owner: the daemon. Thread: one.
class CaptureSwitches {
public:
    CaptureSwitches(bool is_on_everywhere, std::shared_ptr<CaptureBudget> budget)
        : is_on_everywhere_(is_on_everywhere), budget_(std::move(budget)) {}

    // By slug, old ones too; projects without a setting are not in it.
    void set_projects(std::unordered_map<std::string, bool> projects) {
        projects_ = std::move(projects);
    }
    bool is_on(const std::string& project_slug, std::optional<bool> haltonrc) const;
    const std::shared_ptr<CaptureBudget>& budget() const { return budget_; }

private:
    bool is_on_everywhere_;
    std::unordered_map<std::string, bool> projects_;
    std::shared_ptr<CaptureBudget> budget_;
};

}  // namespace halton::meter
