// RequestReader: which model a request asks for, and whether it wants a stream. Reads JSON and
// form bodies, stops as soon as it knows, keeps nothing else.
// Fails: never. Owner: the observer's exchange.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json_pick.h"
#include "http/content_decode.h"
#include "http/head.h"
#include "meter/form_field.h"

namespace halton::meter {

class RequestReader {
public:
    // `has_model_id`: the body calls the model "model_id".
    explicit RequestReader(const http::HeaderList& headers, bool has_model_id = false);

    void feed(std::string_view bytes);

    // As the body writes it; empty when it does not or not yet.
    std::string model() const;
    bool wants_stream() const;

private:
    std::optional<http::ContentDecoder> decoder_;
    std::string decoded_;
    bool is_done_ = false;
    std::optional<FormField> form_;  // for multipart/form-data, else JSON is assumed
    JsonPick json_;
};

}  // namespace halton::meter
