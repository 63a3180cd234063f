#include "config/ports_file.h"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"

namespace halton::config {
namespace {

// Reads the one shape this file has: a flat object of numbers, texts and words. A full JSON
// reader would let nested values pass that no writer of ours has ever made.
class FlatObject {
public:
    explicit FlatObject(std::string_view text) : rest_(text) {}

    // Calls `on_number(key, value)` for each whole number. False: not such an object.
    template <class OnNumber>
    bool read(OnNumber on_number) {
        if (!take('{')) return false;
        if (take('}')) return at_end();
        do {
            const auto key = take_text();
            if (!key || !take(':')) return false;
            skip_blank();
            if (!rest_.empty() && rest_.front() == '"') {
                if (!take_text()) return false;
                continue;
            }
            const auto word = rest_.substr(0, rest_.find_first_of(",} \t\r\n"));
            if (word.empty() || word.find_first_of("{}[]\":") != std::string_view::npos)
                return false;
            rest_.remove_prefix(word.size());
            if (const auto number = parse_decimal(word))
                on_number(*key, *number);
            else if (word != "null" && word != "true" && word != "false")
                return false;
        } while (take(','));
        return take('}') && at_end();
    }

private:
    void skip_blank() {
        const auto first = rest_.find_first_not_of(" \t\r\n");
        rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
    }

    bool take(char c) {
        skip_blank();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    // The raw text between quotes; escapes stay as they are, since no key of ours has any.
    std::optional<std::string_view> take_text() {
        if (!take('"')) return std::nullopt;
        for (std::size_t i = 0; i < rest_.size(); ++i) {
            if (rest_[i] == '\\') {
                ++i;
            } else if (rest_[i] == '"') {
                const auto text = rest_.substr(0, i);
                rest_.remove_prefix(i + 1);
                return text;
            }
        }
        return std::nullopt;
    }

    bool at_end() {
        skip_blank();
        return rest_.empty();
    }

    std::string_view rest_;
};

}  // namespace

Result<EffectivePorts> parse_ports_file(std::string_view json) {
    if (json.size() > limits::ports_file_bytes_max)
        return fail(ErrorKind::malformed, "effective-ports.json is larger than it can be");
    EffectivePorts ports;
    bool is_good = true;
    const auto set = [&is_good](auto& field, std::uint64_t value) {
        using Field = std::remove_reference_t<decltype(field)>;
        if (value > static_cast<std::uint64_t>(std::numeric_limits<Field>::max()))
            is_good = false;
        else
            field = static_cast<Field>(value);
    };
    const bool is_object = FlatObject(json).read([&](std::string_view key, std::uint64_t value) {
        if (key == "edge_port") set(ports.edge_port, value);
        if (key == "internal_port") set(ports.internal_port, value);
        if (key == "api_port") set(ports.api_port, value);
        if (key == "edge_pid") set(ports.edge_pid, value);
        if (key == "daemon_pid") set(ports.daemon_pid, value);
    });
    if (!is_object || !is_good)
        return fail(ErrorKind::malformed, "effective-ports.json is not what a start writes");
    return ports;
}

std::string to_ports_file(const EffectivePorts& ports, UtcTime written_at,
                          std::string_view version) {
    std::string json = "{\n";
    const auto add = [&json](std::string_view key, auto value) {
        if (value != 0) json += fmt::format("  \"{}\": {},\n", key, value);
    };
    add("edge_port", ports.edge_port);
    add("internal_port", ports.internal_port);
    add("api_port", ports.api_port);
    add("edge_pid", ports.edge_pid);
    add("daemon_pid", ports.daemon_pid);
    json += fmt::format("  \"written_at\": \"{}\",\n  \"version\": \"{}\"\n}}\n",
                        to_iso8601(written_at), version);
    return json;
}

}  // namespace halton::config
