// Structured single-line events on stderr:
//     2026-11-21T01:02:03.456789Z info daemon.startup.ready api_port=8765 internal_port=8090
// Names are dotted lower case. Values are escaped, so that a hostile name cannot forge a line.
// Never pass prompts, completions, keys, cookies or query strings. Thread: any.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace halton {

enum class LogLevel { debug, info, warn, error };

struct LogField {
    std::string_view key;
    std::string value;

    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(v) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
    LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    LogField(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, unsigned v) : key(k), value(std::to_string(v)) {}
};

// Events below this level are dropped; `info` at start.
void set_log_level(LogLevel level);
bool is_logged(LogLevel level);

void log_event(LogLevel level, std::string_view name, std::initializer_list<LogField> fields = {});

// The line without the time and the newline; pure, for tests.
std::string format_log_line(LogLevel level, std::string_view name,
                            std::initializer_list<LogField> fields);

}  // namespace halton
