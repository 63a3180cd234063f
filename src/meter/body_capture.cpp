#include "meter/body_capture.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "meter/redaction.h"

namespace halton::meter {
namespace {

constexpr std::size_t held_bytes_max = limits::body_bytes_max + limits::body_margin_bytes;

bool is_media_type(std::string_view type) {
    static constexpr std::array<std::string_view, 3> families{"audio/", "image/", "video/"};
    return std::any_of(families.begin(), families.end(), [type](std::string_view family) {
        return is_equal_ignoring_case(type.substr(0, family.size()), family);
    });
}

}  // namespace

bool CaptureBudget::take(std::size_t bytes) noexcept {
    std::size_t used = used_;
    do {
        if (bytes > bytes_max_ || used > bytes_max_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
}

HeldText::HeldText(HeldText&& other) noexcept
    : budget_(std::move(other.budget_)),
      text_(std::move(other.text_)),
      taken_bytes_(std::exchange(other.taken_bytes_, 0)) {}

HeldText& HeldText::operator=(HeldText&& other) noexcept {
    if (this == &other) return *this;
    clear();
    budget_ = std::move(other.budget_);
    text_ = std::move(other.text_);
    taken_bytes_ = std::exchange(other.taken_bytes_, 0);
    return *this;
}

bool HeldText::append(std::string_view bytes) {
    if (!budget_) return false;
    if (text_.size() + bytes.size() > taken_bytes_) {
        // Twice as much, so that it is not asked for each piece.
        const std::size_t wanted =
            std::max(text_.size() + bytes.size(), std::min(2 * taken_bytes_, held_bytes_max));
        if (!budget_->take(wanted - taken_bytes_)) return false;
        taken_bytes_ = wanted;
        text_.reserve(wanted);
    }
    text_ += bytes;
    return true;
}

void HeldText::clear() noexcept {
    std::string().swap(text_);
    if (budget_) budget_->give_back(std::exchange(taken_bytes_, 0));
}

BodyCapture::BodyCapture(std::shared_ptr<CaptureBudget> budget) : budget_(std::move(budget)) {
    request_.kept.held = HeldText(budget_);
    response_.kept.held = HeldText(budget_);
}

void BodyCapture::begin(http::Direction direction, const http::HeaderList& headers) {
    Side& side = side_of(direction);
    if (const std::string* type = headers.find("content-type")) {
        const auto name = trim(std::string_view(*type).substr(0, type->find(';')));
        side.kept.content_type = to_safe_text(name, limits::body_content_type_bytes_max);
        redact_word(side.kept.content_type);
        side.kept.is_media = is_media_type(name);
    }
    if (const std::string* coding = headers.find("content-encoding")) {
        http::ContentDecoder decoder(*coding);
        if (!decoder.is_identity()) side.decoder.emplace(std::move(decoder));
    }
}

void BodyCapture::feed(http::Direction direction, std::string_view bytes) {
    Side& side = side_of(direction);
    if (is_given_up_ || side.is_broken) return;
    if (!side.decoder) return keep(side, bytes);
    std::string decoded;
    side.is_broken = !side.decoder->feed(bytes, decoded).has_value();
    keep(side, decoded);
}

void BodyCapture::feed_message(http::Direction direction, std::string_view bytes, bool is_last) {
    if (is_given_up_) return;
    Side& side = side_of(direction);
    keep(side, bytes);
    if (is_last) keep(side, "\n");
}

void BodyCapture::keep(Side& side, std::string_view bytes) {
    side.kept.bytes += bytes.size();
    if (is_given_up_ || side.kept.is_media) return;
    const std::size_t room =
        held_bytes_max - std::min(held_bytes_max, side.kept.held.text().size());
    if (room > 0 && !side.kept.held.append(bytes.substr(0, room))) give_up();
}

void BodyCapture::give_up() {
    is_given_up_ = true;
    request_.kept.held.clear();
    response_.kept.held.clear();
    budget_->count_refused();
}

std::unique_ptr<CallBodies> BodyCapture::take() {
    std::unique_ptr<CallBodies> bodies;
    if (!is_given_up_) {
        bodies = std::make_unique<CallBodies>();
        bodies->request = std::move(request_.kept);
        bodies->response = std::move(response_.kept);
    }
    *this = BodyCapture(budget_);
    return bodies;
}

bool CaptureSwitches::is_on(const std::string& project_slug, std::optional<bool> haltonrc) const {
    if (haltonrc) return *haltonrc;
    const auto project = projects_.find(project_slug);
    return project != projects_.end() ? project->second : is_on_everywhere_;
}

}  // namespace halton::meter
