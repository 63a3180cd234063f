// Deepgram: speech to text by the second, text to speech by the character.
#include "meter/providers/openai_errors.h"

namespace halton::meter {

namespace {

constexpr std::array endpoints{
    Endpoint{"POST", "/v1/listen", RequestKind::audio, Billing::maybe, &shapes::deepgram},
    Endpoint{"POST", "/v1/speak", RequestKind::audio, Billing::maybe, &shapes::deepgram},
};

constexpr std::array hosts{Host{"api.deepgram.com", endpoints}};

constexpr std::array<std::string_view, 1> request_id_headers{"dg-request-id"};

constexpr Provider row{"deepgram", hosts, openai_errors, request_id_headers};

}  // namespace

const Provider& deepgram() { return row; }

}  // namespace halton::meter
