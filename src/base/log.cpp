#include "base/log.h"

#include <atomic>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"

namespace halton {
namespace {

std::atomic<LogLevel> least_level{LogLevel::info};

std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warn: return "warn";
        case LogLevel::error: return "error";
    }
    return "info";
}

bool is_plain(std::string_view value) {
    for (const char c : value)
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f) return false;
    return !value.empty();
}

void append_value(std::string& line, std::string_view value) {
    value = value.substr(0, limits::log_value_bytes_max);
    if (is_plain(value)) {
        line += value;
        return;
    }
    static constexpr char hex[] = "0123456789abcdef";
    line += '"';
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            line += "\\x";
            line += hex[byte >> 4];
            line += hex[byte & 15];
        } else {
            line += c;
        }
    }
    line += '"';
}

}  // namespace

void set_log_level(LogLevel level) { least_level.store(level, std::memory_order_relaxed); }

bool is_logged(LogLevel level) { return level >= least_level.load(std::memory_order_relaxed); }

std::string format_log_line(LogLevel level, std::string_view name,
                            std::initializer_list<LogField> fields) {
    std::string line(name_of(level));
    line += ' ';
    line += name;
    for (const LogField& field : fields) {
        line += ' ';
        line += field.key;
        line += '=';
        append_value(line, field.value);
    }
    return line;
}

void log_event(LogLevel level, std::string_view name, std::initializer_list<LogField> fields) {
    if (!is_logged(level)) return;
    std::string line = to_iso8601(system_clock().now_utc());
    line += ' ';
    line += format_log_line(level, name, fields);
    line += '\n';
    // One write a line, so that threads do not mix; a full disk or closed stderr is not our
    // callers' problem.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace halton
