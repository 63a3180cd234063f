#include "meter/pending_answers.h"

namespace halton::meter {

namespace {

std::string to_key(std::string_view provider, std::string_view id) {
    std::string key(provider);
    key += ' ';
    key += id;
    return key;
}

}  // namespace

void PendingAnswers::expect(std::string_view provider, std::string_view id) {
    if (id.empty() || count_max_ == 0) return;
    std::string key = to_key(provider, id);
    if (!ids_.insert(key).second) return;
    order_.push_back(std::move(key));
    while (order_.size() > count_max_) {
        ids_.erase(order_.front());
        order_.pop_front();
    }
}

bool PendingAnswers::take(std::string_view provider, std::string_view id) {
    const std::string key = to_key(provider, id);
    if (ids_.erase(key) == 0) return false;
    // Else its old place in the queue could end a new expectation of the same id early.
    std::erase(order_, key);
    return true;
}

}  // namespace halton::meter
