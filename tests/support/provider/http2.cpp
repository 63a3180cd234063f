#include "support/provider/http2.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace provider {

namespace {

std::vector<nghttp2_nv> to_fields(const HeaderList& headers) {
    std::vector<nghttp2_nv> fields;
    const auto bytes = [](const std::string& text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    for (const auto& [name, value] : headers)
        fields.push_back(
            {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    return fields;
}

// What only HTTP/1.1 knows stays out, names are lower case.
HeaderList to_head(int status, const HeaderList& headers) {
    HeaderList head{{":status", std::to_string(status)}};
    for (auto [name, value] : headers) {
        for (char& c : name)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (name == "connection" || name == "transfer-encoding" || name == "keep-alive") continue;
        head.emplace_back(name, value);
    }
    return head;
}

}  // namespace

struct Http2Session::Callbacks {
    static Http2Session& of(void* user) { return *static_cast<Http2Session*>(user); }

    static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
            return 0;
        Stream& stream = of(user).streams_[frame->hd.stream_id];
        stream.id = frame->hd.stream_id;
        stream.request.version = "HTTP/2";
        return 0;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        Stream* stream = of(user).find(frame->hd.stream_id);
        if (!stream) return 0;
        std::string key(reinterpret_cast<const char*>(name), name_size);
        std::string text(reinterpret_cast<const char*>(value), value_size);
        Request& request = stream->request;
        // A text of our own for the ledger; the wire's form is in the raw record.
        request.head += key + ": " + text + "\n";
        if (key == ":method")
            request.method = text;
        else if (key == ":path")
            request.target = text;
        else if (key == ":authority")
            request.headers.emplace_back("host", text);
        else
            request.headers.emplace_back(key, text);
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Http2Session& self = of(user);
        const auto type = frame->hd.type;
        if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return 0;
        const auto id = frame->hd.stream_id;
        Stream* stream = self.find(id);
        if (stream && type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
            self.hooks_.on_head(*stream);
        stream = self.find(id);
        if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
            stream->is_request_over = true;
            self.hooks_.on_end(*stream);
        }
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                       std::size_t size, void* user) {
        Stream* stream = of(user).find(id);
        if (!stream) return 0;
        const std::string_view bytes(reinterpret_cast<const char*>(data), size);
        stream->request.body += bytes;
        of(user).hooks_.on_body(*stream, bytes);
        return 0;
    }

    static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Stream* stream = of(user).find(frame->hd.stream_id);
        const auto type = frame->hd.type;
        if (stream && (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            stream->entry.is_completed = true;
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
        Http2Session& self = of(user);
        if (Stream* stream = self.find(id)) self.hooks_.on_close(*stream);
        self.streams_.erase(id);
        return 0;
    }

    static ssize_t select_padding(nghttp2_session*, const nghttp2_frame* frame,
                                  std::size_t size_max, void* user) {
        Stream* stream = of(user).find(frame->hd.stream_id);
        const std::size_t padding = stream ? stream->padding_bytes : 0;
        return static_cast<ssize_t>(std::min(frame->hd.length + padding, size_max));
    }

    static ssize_t read(nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                        std::size_t room, std::uint32_t* flags, nghttp2_data_source*, void* user) {
        Stream* stream = of(user).find(id);
        if (!stream) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        if (stream->waiting.empty() && !stream->is_ended) {
            stream->is_deferred = true;
            return NGHTTP2_ERR_DEFERRED;
        }
        if (const auto wanted = stream->frame_bytes ? stream->frame_bytes() : 0; wanted > 0)
            room = std::min(room, wanted);
        const auto size = std::min(room, stream->waiting.size());
        std::copy_n(stream->waiting.data(), size, reinterpret_cast<char*>(buffer));
        stream->entry.sent.add(std::string_view(stream->waiting).substr(0, size));
        stream->waiting.erase(0, size);
        stream->sent_bytes += size;
        if (stream->waiting.empty() && stream->is_ended) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (!stream->trailers.empty()) {
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
                const auto fields = to_fields(stream->trailers);
                nghttp2_submit_trailer(session, id, fields.data(), fields.size());
            }
        }
        return static_cast<ssize_t>(size);
    }
};

Http2Session::Http2Session(Hooks hooks)
    : session_(nullptr, nghttp2_session_del), hooks_(std::move(hooks)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
        std::abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::on_close);
    nghttp2_session_callbacks_set_select_padding_callback(callbacks, Callbacks::select_padding);
    nghttp2_option_set_max_send_header_block_length(option, 1024 * 1024);
    nghttp2_session* session = nullptr;
    if (nghttp2_session_server_new2(&session, callbacks, this, option) != 0) std::abort();
    session_.reset(session);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 250},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    };
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
}

Http2Session::~Http2Session() = default;

bool Http2Session::feed(std::string_view bytes) {
    const auto used = nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return used == static_cast<ssize_t>(bytes.size());
}

std::string Http2Session::take_output() {
    std::string out;
    while (out.size() < 64 * 1024) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send(session_.get(), &bytes);
        if (size <= 0) break;
        out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
    return out;
}

bool Http2Session::is_over() const {
    return !nghttp2_session_want_read(session_.get()) &&
           !nghttp2_session_want_write(session_.get());
}

Http2Session::Stream* Http2Session::find(std::int32_t id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : &found->second;
}

void Http2Session::send_interim(Stream& stream, int status, const HeaderList& headers) {
    const auto head = to_head(status, headers);
    const auto fields = to_fields(head);
    nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id, nullptr, fields.data(),
                           fields.size(), nullptr);
}

void Http2Session::send_head(Stream& stream, int status, const HeaderList& headers, bool has_body) {
    stream.entry.status = status;
    stream.is_answered = true;
    const auto head = to_head(status, headers);
    const auto fields = to_fields(head);
    nghttp2_data_provider body{};
    body.read_callback = Callbacks::read;
    nghttp2_submit_response(session_.get(), stream.id, fields.data(), fields.size(),
                            has_body ? &body : nullptr);
}

void Http2Session::send_body(Stream& stream, std::string_view bytes) {
    stream.waiting += bytes;
    if (stream.is_deferred) nghttp2_session_resume_data(session_.get(), stream.id);
    stream.is_deferred = false;
}

void Http2Session::end_body(Stream& stream) {
    stream.is_ended = true;
    send_body(stream, {});
}

void Http2Session::reset(Stream& stream, std::uint32_t code) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id, code);
}

void Http2Session::go_away(std::int32_t last, std::uint32_t code) {
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last, code, nullptr, 0);
}

}  // namespace provider
