// RequestReader: which model a request asks for, whether it wants a stream, and where the tool says
// it in there, which session it belongs to. Reads JSON and
// form bodies, stops as soon as it knows, keeps nothing else.
// Fails: never. Owner: the observer's exchange.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json_pick.h"
#include "http/content_decode.h"
#include "http/head.h"
#include "meter/client_signals.h"
#include "meter/form_field.h"

namespace halton::meter {

class RequestReader {
public:
    // `has_model_id`: the body calls the model "model_id". `signals`: what else is looked for, up to
    // the end of the body.
    explicit RequestReader(const http::HeaderList& headers, bool has_model_id = false,
                           BodySignals signals = BodySignals::none);

    void feed(std::string_view bytes);

    // As the body writes it; empty when it does not or not yet.
    std::string model() const;
    bool wants_stream() const;
    void add_signals(ClientSignals& known) const;

private:
    std::optional<http::ContentDecoder> decoder_;
    std::string decoded_;
    bool is_done_ = false;
    std::optional<FormField> form_;  // for multipart/form-data, else JSON is assumed
    BodySignals signals_;
    JsonPick json_;
};

}  // namespace halton::meter
