#include "meter/error_class.h"

#include <array>
#include <string>

#include "support/catch.h"

using namespace halton::meter;

namespace {

struct Case {
    const Provider& provider;
    int status;
    const char* code;
    const char* type;
    const char* message;
    ErrorClass error_class;
    bool is_retryable;
};

void check(const Case& wanted) {
    ProviderError error;
    error.code = wanted.code;
    error.type = wanted.type;
    error.message = wanted.message;
    const CallError got = classify(wanted.provider, wanted.status, error);
    CAPTURE(wanted.provider.id, wanted.status, wanted.code, wanted.message);
    CHECK(name_of(got.error_class) == name_of(wanted.error_class));
    CHECK(got.is_retryable == wanted.is_retryable);
    CHECK(got.provider_code == std::string(wanted.code).substr(0, 64));
}

}  // namespace

TEST_CASE("Anthropic's errors") {
    using enum ErrorClass;
    const Provider& p = anthropic();
    for (const Case& wanted : {
             Case{p, 529, "overloaded_error", "overloaded_error", "Overloaded", server_error, true},
             Case{p, 429, "rate_limit_error", "", "slow down", rate_limit, true},
             Case{p, 400, "invalid_request_error", "", "max_tokens is missing", bad_request, false},
             Case{p, 400, "invalid_request_error", "", "Prompt is too long: 9 > 8",
                  context_length_exceeded, false},
             Case{p, 401, "authentication_error", "", "", auth, false},
             Case{p, 402, "billing_error", "", "", quota_exceeded, false},
             Case{p, 403, "permission_error", "", "", permission, false},
             Case{p, 404, "not_found_error", "", "", bad_request, false},
             Case{p, 413, "request_too_large", "", "", bad_request, false},
             Case{p, 500, "api_error", "", "", server_error, false},
             Case{p, 503, "", "", "", server_error, true},
             Case{p, 504, "timeout_error", "", "", timeout, true},
             Case{p, 200, "overloaded_error", "overloaded_error", "", server_error, true},
             Case{p, 200, "rate_limit_error", "", "", rate_limit, true},
             Case{p, 200, "something_new", "", "", unknown, false},
         }) {
        check(wanted);
    }
}

TEST_CASE("OpenAI's errors, with the quota in code, in type and in both") {
    using enum ErrorClass;
    const Provider& p = openai();
    for (const Case& wanted : {
             Case{p, 429, "insufficient_quota", "insufficient_quota", "", quota_exceeded, false},
             Case{p, 429, "insufficient_quota", "", "", quota_exceeded, false},
             Case{p, 429, "something", "insufficient_quota", "", quota_exceeded, false},
             Case{p, 429, "rate_limit_exceeded", "tokens", "", rate_limit, true},
             Case{p, 429, "", "", "", rate_limit, true},
             Case{p, 400, "context_length_exceeded", "invalid_request_error", "",
                  context_length_exceeded, false},
             Case{p, 400, "unsupported_value", "invalid_request_error", "", bad_request, false},
             Case{p, 401, "invalid_api_key", "", "", auth, false},
             Case{p, 403, "unsupported_country_region_territory", "", "", bad_request, false},
             Case{p, 403, "", "", "", permission, false},
             Case{p, 404, "model_not_found", "", "", bad_request, false},
             Case{p, 408, "", "", "", timeout, true},
             Case{p, 500, "server_error", "", "", server_error, false},
             Case{p, 502, "", "", "", server_error, true},
             Case{p, 520, "", "", "", server_error, false},
             Case{p, 418, "", "", "", unknown, false},
             Case{p, 200, "insufficient_quota", "", "", quota_exceeded, false},
             Case{p, 200, "server_is_overloaded", "", "", server_error, true},
         }) {
        check(wanted);
    }
}

TEST_CASE("xAI's errors: its own wording of an empty account, then OpenAI's table") {
    using enum ErrorClass;
    const Provider& p = xai();
    for (const Case& wanted : {
             Case{p, 429, "Some resource has been exhausted", "",
                  "Your team has either used all available credits or ...", quota_exceeded, false},
             Case{p, 429, "Some resource has been exhausted", "", "Too many requests", rate_limit,
                  true},
             Case{p, 403, "The caller does not have permission to execute the specified operation",
                  "", "Your newly created team doesn't have any credits or licenses yet.",
                  quota_exceeded, false},
             Case{p, 403, "The caller does not have permission", "", "no", permission, false},
             Case{p, 429, "insufficient_quota", "", "", quota_exceeded, false},
         }) {
        check(wanted);
    }
}

TEST_CASE("Gemini's errors") {
    using enum ErrorClass;
    const Provider& p = gemini();
    for (const Case& wanted : {
             Case{p, 429, "RESOURCE_EXHAUSTED", "", "", rate_limit, true},
             Case{p, 402, "RESOURCE_EXHAUSTED", "", "", quota_exceeded, false},
             Case{p, 400, "INVALID_ARGUMENT", "", "bad field", bad_request, false},
             Case{p, 400, "INVALID_ARGUMENT", "", "The input token count (9) exceeds the maximum",
                  context_length_exceeded, false},
             Case{p, 400, "FAILED_PRECONDITION", "", "User location", bad_request, false},
             Case{p, 401, "UNAUTHENTICATED", "", "", auth, false},
             Case{p, 403, "PERMISSION_DENIED", "", "", permission, false},
             Case{p, 404, "NOT_FOUND", "", "", bad_request, false},
             Case{p, 499, "CANCELLED", "", "", unknown, true},
             Case{p, 500, "INTERNAL", "", "", server_error, false},
             Case{p, 503, "UNAVAILABLE", "", "", server_error, true},
             Case{p, 504, "DEADLINE_EXCEEDED", "", "", timeout, true},
             Case{p, 200, "UNAVAILABLE", "", "", server_error, true},
         }) {
        check(wanted);
    }
    ProviderError bad_key;
    bad_key.code = "INVALID_ARGUMENT";
    bad_key.reason = "API_KEY_INVALID";
    CHECK(classify(p, 400, bad_key).error_class == auth);
}

TEST_CASE("what is kept of an error is bounded and its message is only hashed") {
    ProviderError error;
    error.code = std::string(200, 'c') + "\n";
    error.message = "abc";
    const CallError got = classify(openai(), 400, error);
    CHECK(got.provider_code == std::string(64, 'c'));
    CHECK(got.message_hash == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(classify(openai(), 502, {}).message_hash.empty());
}

TEST_CASE("lines with a code or words win over lines with a status, in whatever order they stand") {
    // In a joined table the first part's wide lines stand before the second part's narrow ones.
    static constexpr std::array first{ErrorRule{400, "", "", ErrorClass::bad_request, false}};
    static constexpr std::array second{
        ErrorRule{400, "", "too long", ErrorClass::context_length_exceeded, false},
        ErrorRule{400, "", "", ErrorClass::unknown, true},
    };
    static constexpr auto joined = join(first, second);
    const Provider provider{"p", {}, joined, {}};
    ProviderError error;
    CHECK(classify(provider, 400, error).error_class == ErrorClass::bad_request);
    error.message = "It is TOO LONG.";
    CHECK(classify(provider, 400, error).error_class == ErrorClass::context_length_exceeded);
}

TEST_CASE("an error inside a good answer may name the status that it would have had") {
    ProviderError error;
    error.code = "429";
    error.status = 429;
    CHECK(classify(openrouter(), 200, error).error_class == ErrorClass::rate_limit);
    CHECK(classify(openrouter(), 200, error).is_retryable);
    // What the provider's lines say of its code goes first, and a real status before all.
    error.code = "insufficient_quota";
    CHECK(classify(openai(), 200, error).error_class == ErrorClass::quota_exceeded);
    CHECK(classify(openai(), 401, error).error_class == ErrorClass::auth);
    error.code = {};
    error.status = 599;
    CHECK(classify(openai(), 200, error).error_class == ErrorClass::server_error);
    error.status = 0;
    CHECK(classify(openai(), 200, error).error_class == ErrorClass::unknown);
}

TEST_CASE("errors of those who took over an envelope") {
    using enum ErrorClass;
    for (const Case& wanted : {
             Case{azure(), 401, "401", "", "Access denied", auth, false},
             Case{azure(), 529, "overloaded_error", "", "", server_error, true},
             Case{azure(), 200, "content_filter", "", "", bad_request, false},
             Case{vertex(), 529, "overloaded_error", "", "", server_error, true},
             Case{vertex(), 429, "RESOURCE_EXHAUSTED", "", "", rate_limit, true},
             Case{vertex(), 400, "INVALID_ARGUMENT", "", "The input token count exceeds 9",
                  context_length_exceeded, false},
             Case{bedrock(), 429, "ThrottlingException", "", "", rate_limit, true},
             Case{bedrock(), 403, "ExpiredTokenException", "", "", auth, false},
             Case{bedrock(), 403, "AccessDeniedException", "", "", permission, false},
             Case{bedrock(), 400, "ValidationException", "", "Input is too long for this model",
                  context_length_exceeded, false},
             Case{bedrock(), 400, "ValidationException", "", "malformed input", bad_request, false},
             Case{bedrock(), 424, "ModelErrorException", "", "", server_error, false},
             Case{bedrock(), 503, "ServiceUnavailableException", "", "", server_error, true},
             Case{bedrock(), 200, "throttlingException", "", "", rate_limit, true},
             Case{openrouter(), 402, "402", "", "Insufficient credits", quota_exceeded, false},
             Case{openrouter(), 403, "403", "", "Your input was flagged", bad_request, false},
             Case{openrouter(), 400, "400", "", "This endpoint's maximum context length is 9",
                  context_length_exceeded, false},
             Case{mistral(), 429, "1300", "rate_limited", "", rate_limit, true},
             Case{mistral(), 429, "3505", "", "Service tier capacity exceeded", server_error, true},
             Case{cohere(), 400, "TOO_MANY_TOKENS", "", "", context_length_exceeded, false},
             Case{groq(), 498, "", "", "", server_error, true},
             Case{deepseek(), 402, "invalid_request_error", "", "", quota_exceeded, false},
             Case{perplexity(), 400, "too_many_prompt_tokens", "", "", context_length_exceeded,
                  false},
             Case{copilot(), 429, "rate_limited", "", "", rate_limit, true},
             Case{copilot(), 400, "invalid_request_error", "", "prompt is too long: 9 > 8",
                  context_length_exceeded, false},
         }) {
        check(wanted);
    }
}
