// FormField: the value of one plain field of a multipart/form-data body (RFC 7578), while files of
// any size pass by unkept. Speech requests name their model this way.
// In:    body bytes, any chunk size.    Out: the value, cut to `bytes_max`.
// Fails: never; a body without that field gives an empty value.
// The field is found by its `name="..."` and the blank line after it rather than by parsing the
// parts: nothing but a file made for it holds that text elsewhere, and then only a model name is
// wrong.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace halton::meter {

class FormField {
public:
    // `name` is a plain word and outlives the machine.
    FormField(std::string_view name, std::size_t bytes_max);

    void feed(std::string_view bytes);

    // True once the value has ended: nothing more is read.
    bool is_done() const { return at_ == At::done; }
    // Empty until then.
    std::string_view value() const { return is_done() ? std::string_view(value_) : std::string_view(); }

private:
    enum class At { seek, headers, value, done };

    std::string mark_;       // ` name="model"` with the blank before it
    std::size_t bytes_max_;
    At at_ = At::seek;
    std::size_t matched_ = 0;     // bytes of mark_, or of the blank line, seen so far
    std::string value_;
};

}  // namespace halton::meter
