#include "meter/request_reader.h"

#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {

namespace {

enum Pick : std::size_t { model_pick, stream_pick, signals_pick };
constexpr JsonPaths paths{"model", "stream"};
constexpr JsonPaths model_id_paths{"model_id", "stream"};
constexpr JsonPaths user_id_paths{"model", "stream", "metadata.user_id"};
constexpr JsonPaths client_metadata_paths{"model", "stream", "client_metadata"};

const JsonPaths& paths_for(bool has_model_id, BodySignals signals) {
    if (has_model_id) return model_id_paths;
    switch (signals) {
        case BodySignals::none: break;
        case BodySignals::user_id: return user_id_paths;
        case BodySignals::client_metadata: return client_metadata_paths;
    }
    return paths;
}

}  // namespace

RequestReader::RequestReader(const http::HeaderList& headers, bool has_model_id,
                             BodySignals signals)
    : signals_(has_model_id ? BodySignals::none : signals),
      json_(paths_for(has_model_id, signals)) {
    if (const std::string* coding = headers.find("content-encoding")) {
        http::ContentDecoder decoder(*coding);
        if (!decoder.is_identity()) decoder_.emplace(std::move(decoder));
    }
    static constexpr std::string_view form = "multipart/form-data";
    const std::string* type = headers.find("content-type");
    if (type != nullptr &&
        is_equal_ignoring_case(std::string_view(*type).substr(0, form.size()), form)) {
        form_.emplace("model", limits::model_bytes_max);
    }
}

void RequestReader::feed(std::string_view bytes) {
    if (is_done_) return;
    if (decoder_) {
        decoded_.clear();
        is_done_ = !decoder_->feed(bytes, decoded_).has_value();
        bytes = decoded_;
    }
    if (form_) {
        form_->feed(bytes);
        is_done_ = is_done_ || form_->is_done();
        return;
    }
    // One document; should a second one follow, the first one stands.
    json_.feed(bytes);
    is_done_ = is_done_ || json_.is_satisfied() || json_.has_document() ||
               json_.state() == JsonPick::State::malformed;
}

std::string RequestReader::model() const {
    if (form_) return to_safe_text(form_->value(), limits::model_bytes_max);
    const std::string_view raw = json_.text(model_pick);
    if (raw.size() < 2 || raw.front() != '"') return {};
    return to_safe_text(raw.substr(1, raw.size() - 2), limits::model_bytes_max);
}

void RequestReader::add_signals(ClientSignals& known) const {
    if (signals_ != BodySignals::none) add_body_signals(signals_, json_.text(signals_pick), known);
}

bool RequestReader::wants_stream() const { return json_.text(stream_pick) == "true"; }

}  // namespace halton::meter
