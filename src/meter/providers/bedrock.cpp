// Amazon Bedrock: the runtime in its two forms (every maker's own, and one for all), and the
// hosts that speak OpenAI's and Anthropic's formats.
#include "meter/providers/anthropic_errors.h"
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

using shapes::bedrock_converse;
using shapes::bedrock_invoke;

// A model may be an ARN, with colons and escaped slashes.
constexpr std::array runtime_endpoints{
    Endpoint{"POST", "/model/{model+}/converse", RequestKind::chat, Billing::tokens,
             &bedrock_converse},
    Endpoint{"POST", "/model/{model+}/converse-stream", RequestKind::chat, Billing::tokens,
             &bedrock_converse, true},
    Endpoint{"POST", "/model/{model+}/invoke", RequestKind::chat, Billing::tokens, &bedrock_invoke},
    Endpoint{"POST", "/model/{model+}/invoke-with-response-stream", RequestKind::chat,
             Billing::tokens, &bedrock_invoke, true},
    Endpoint{"POST", "/model/{model+}/count-tokens", RequestKind::other, Billing::free,
             &bedrock_converse},
    Endpoint{"POST", "/openai/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
};

constexpr std::array mantle_endpoints{
    Endpoint{"POST", "/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/openai/v1/chat/completions", RequestKind::chat, Billing::tokens,
             &shapes::openai_chat},
    Endpoint{"POST", "/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"POST", "/openai/v1/responses", RequestKind::chat, Billing::tokens,
             &shapes::openai_responses},
    Endpoint{"GET", "/v1/responses/*", RequestKind::chat, Billing::retrieval,
             &shapes::openai_responses},
    Endpoint{"GET", "/openai/v1/responses/*", RequestKind::chat, Billing::retrieval,
             &shapes::openai_responses},
    Endpoint{"POST", "/anthropic/v1/messages", RequestKind::chat, Billing::tokens,
             &shapes::anthropic_messages},
};

constexpr std::array<std::string_view, 35> regions{
    "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7", "ca-central-1",
    "ca-west-1",      "eu-central-1",   "eu-central-2",   "eu-north-1",     "eu-south-1",
    "eu-south-2",     "eu-west-1",      "eu-west-2",      "eu-west-3",      "il-central-1",
    "me-central-1",   "me-south-1",     "mx-central-1",   "sa-east-1",      "us-east-1",
    "us-east-2",      "us-gov-east-1",  "us-gov-west-1",  "us-west-1",      "us-west-2",
};

constexpr std::array<std::string_view, 6> fips_regions{
    "ca-central-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-2",
};

constexpr std::array hosts{
    Host{"bedrock-runtime.{region}.amazonaws.com", runtime_endpoints, regions},
    Host{"bedrock-runtime-fips.{region}.amazonaws.com", runtime_endpoints, fips_regions},
    Host{"bedrock-mantle.{region}.api.aws", mantle_endpoints, regions},
};

using enum ErrorClass;
// The code is the x-amzn-errortype header, or the exception that ends a stream.
constexpr std::array aws_errors{
    ErrorRule{400, "ValidationException", "too long", context_length_exceeded, false},
    ErrorRule{400, "ValidationException", "tokens exceed", context_length_exceeded, false},
    ErrorRule{400, "ValidationException", "maximum context length", context_length_exceeded, false},
    ErrorRule{400, "ServiceQuotaExceededException", "", quota_exceeded, false},
    ErrorRule{400, "ThrottlingException", "", rate_limit, true},
    ErrorRule{403, "UnrecognizedClientException", "", auth, false},
    ErrorRule{403, "InvalidSignatureException", "", auth, false},
    ErrorRule{403, "IncompleteSignatureException", "", auth, false},
    ErrorRule{403, "MissingAuthenticationTokenException", "", auth, false},
    ErrorRule{403, "ExpiredTokenException", "", auth, false},
    ErrorRule{403, "AccessDeniedException", "INVALID_PAYMENT_INSTRUMENT", quota_exceeded, false},
    ErrorRule{408, "", "", timeout, true},
    ErrorRule{424, "", "", server_error, false},
    ErrorRule{429, "ModelNotReadyException", "", server_error, true},
    ErrorRule{429, "", "tokens per day", quota_exceeded, false},
    ErrorRule{0, "throttlingException", "", rate_limit, true},
    ErrorRule{0, "validationException", "too long", context_length_exceeded, false},
    ErrorRule{0, "validationException", "", bad_request, false},
    ErrorRule{0, "modelTimeoutException", "", timeout, true},
    ErrorRule{0, "modelStreamErrorException", "", server_error, false},
    ErrorRule{0, "internalServerException", "", server_error, false},
    ErrorRule{0, "serviceUnavailableException", "", server_error, true},
};
constexpr auto errors = join(join(aws_errors, openai_errors), anthropic_errors);

constexpr std::array<std::string_view, 2> request_id_headers{"x-amzn-requestid", "x-request-id"};

constexpr Provider row{"bedrock", hosts, errors, request_id_headers};

}  // namespace

const Provider& bedrock() { return row; }

}  // namespace halton::meter
