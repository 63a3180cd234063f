#include "meter/error_class.h"

#include <algorithm>

#include "base/limits.h"
#include "base/sha256.h"
#include "base/text.h"

namespace halton::meter {

namespace {

bool contains_ignoring_case(std::string_view text, std::string_view part) {
    const auto found = std::search(text.begin(), text.end(), part.begin(), part.end(),
                                   [](char a, char b) { return to_lower(a) == to_lower(b); });
    return found != text.end();
}

bool is_wide(const ErrorRule& rule) { return rule.code.empty() && rule.text.empty(); }

bool matches(const ErrorRule& rule, int status, const ProviderError& error) {
    if (rule.status != status) return false;
    if (!rule.code.empty() && rule.code != error.code && rule.code != error.type) return false;
    return rule.text.empty() || contains_ignoring_case(error.message, rule.text) ||
           contains_ignoring_case(error.reason, rule.text);
}

const ErrorRule* find_rule(const Provider& provider, int status, const ProviderError& error) {
    const ErrorRule* wide = nullptr;
    for (const ErrorRule& rule : provider.errors) {
        if (!matches(rule, status, error)) continue;
        if (!is_wide(rule)) return &rule;
        if (wide == nullptr) wide = &rule;
    }
    return wide;
}

}  // namespace

CallError classify(const Provider& provider, int http_status, const ProviderError& error) {
    CallError result;
    result.provider_code = to_safe_text(error.code, limits::error_code_bytes_max);
    if (!error.message.empty()) result.message_hash = sha256_hex(error.message);

    // Lines with status 0 are for errors that arrive behind a good head.
    const ErrorRule* rule = find_rule(provider, http_status >= 400 ? http_status : 0, error);
    // Such an error may name the status that it would have had.
    if (http_status < 400 && rule == nullptr) {
        http_status = error.status;
        rule = find_rule(provider, http_status, error);
    }
    if (rule != nullptr) {
        result.error_class = rule->error_class;
        result.is_retryable = rule->is_retryable;
    } else if (http_status >= 500) {
        result.error_class = ErrorClass::server_error;
    }
    return result;
}

}  // namespace halton::meter
