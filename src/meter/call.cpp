#include "meter/call.h"

#include <array>
#include <utility>

#include "meter/body_capture.h"

namespace halton::meter {

std::string_view name_of(RequestKind kind) {
    switch (kind) {
        case RequestKind::chat: return "chat";
        case RequestKind::embedding: return "embedding";
        case RequestKind::image: return "image";
        case RequestKind::audio: return "audio";
        case RequestKind::realtime: return "realtime";
        case RequestKind::other: return "other";
    }
    return "other";
}

std::string_view name_of(CostState state) {
    switch (state) {
        case CostState::exact: return "exact";
        case CostState::estimated: return "estimated";
        case CostState::unknown: return "unknown";
    }
    return "unknown";
}

std::string_view name_of(BillingMode mode) {
    switch (mode) {
        case BillingMode::metered: return "metered";
        case BillingMode::plan: return "plan";
        case BillingMode::free: return "free";
        case BillingMode::deferred: return "deferred";
    }
    return "metered";
}

std::optional<BillingMode> parse_billing_mode(std::string_view name) {
    for (const BillingMode mode :
         {BillingMode::metered, BillingMode::plan, BillingMode::free, BillingMode::deferred}) {
        if (name_of(mode) == name) return mode;
    }
    return std::nullopt;
}

std::string_view name_of(ErrorClass error_class) {
    switch (error_class) {
        case ErrorClass::rate_limit: return "rate_limit";
        case ErrorClass::server_error: return "server_error";
        case ErrorClass::bad_request: return "bad_request";
        case ErrorClass::auth: return "auth";
        case ErrorClass::timeout: return "timeout";
        case ErrorClass::network: return "network";
        case ErrorClass::unknown: return "unknown";
        case ErrorClass::permission: return "permission";
        case ErrorClass::quota_exceeded: return "quota_exceeded";
        case ErrorClass::context_length_exceeded: return "context_length_exceeded";
    }
    return "unknown";
}

std::string_view to_wire_class(std::string_view local_class) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> collapsed{{
        {"permission", "auth"},
        {"quota_exceeded", "auth"},
        {"context_length_exceeded", "bad_request"},
    }};
    for (const auto& [local, wire] : collapsed) {
        if (local == local_class) return wire;
    }
    return local_class;
}

void CallSink::offer_with_bodies(CallRecord call, std::unique_ptr<CallBodies>) noexcept {
    offer(std::move(call));
}

}  // namespace halton::meter
