#include "meter/client_signals.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {
namespace {

// A product name as it stands at the beginning of a user agent, or a program's name.
struct KnownTool {
    std::string_view name;  // lower case; "*" at the end: any continuation
    std::string_view tool;
    bool is_runtime = false;  // many tools are made of it: the program's name says more
};

constexpr KnownTool known_tools[] = {
    {"claude-cli", "claude-code"},
    {"claude-code", "claude-code"},
    {"claude", "claude-code"},
    {"codex*", "codex"},
    {"opencode*", "opencode"},
    {"geminicli*", "gemini-cli"},
    {"gemini", "gemini-cli"},
    {"gemini-cli", "gemini-cli"},
    {"githubcopilotchat", "copilot"},
    {"copilot*", "copilot"},
    {"cursor*", "cursor"},
    {"windsurf*", "windsurf"},
    {"aider*", "aider"},
    {"goose*", "goose"},
    {"roo-code*", "roo-code"},
    {"cline*", "cline"},
    {"kilo*", "kilo-code"},
    {"zed", "zed"},
    {"continue*", "continue"},
    {"qwencode*", "qwen-code"},
    {"curl", "curl"},
    {"openai", "openai-sdk", true},
    {"asyncopenai", "openai-sdk", true},
    {"azureopenai", "openai-sdk", true},
    {"asyncazureopenai", "openai-sdk", true},
    {"anthropic", "anthropic-sdk", true},
    {"asyncanthropic", "anthropic-sdk", true},
    {"google-genai-sdk", "google-genai-sdk", true},
    {"python-requests", "python-requests", true},
    {"python-httpx", "python-httpx", true},
    {"python-urllib", "python-urllib", true},
    {"python*", "python", true},
    {"aiohttp", "aiohttp", true},
    {"node*", "node", true},
    {"undici", "node", true},
    {"axios", "axios", true},
    {"bun", "bun", true},
    {"deno", "deno", true},
    {"go-http-client", "go", true},
    {"java*", "java", true},
    {"okhttp", "okhttp", true},
    {"reqwest", "reqwest", true},
    {"mozilla", "browser", true},
};

const KnownTool* find_tool(std::string_view name) {
    const auto lower = to_lower(name);
    for (const auto& known : known_tools) {
        const bool is_open = known.name.ends_with('*');
        const auto wanted = known.name.substr(0, known.name.size() - (is_open ? 1 : 0));
        if (is_open ? lower.starts_with(wanted) : lower == wanted) return &known;
    }
    return nullptr;
}

// A character of a product token (RFC 9110) or an id; '/' ends a name and is none.
bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.+:@").find(c) != std::string_view::npos;
}

bool is_word(std::string_view text, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max &&
           std::all_of(text.begin(), text.end(), is_word_character);
}

struct Product {
    std::string_view name;
    std::string_view version;
};

// "name/version (comment) ..." : the first product.
Product read_product(std::string_view agent) {
    agent = trim(agent);
    agent = agent.substr(0, agent.find_first_of(" \t(;,"));
    const auto slash = agent.find('/');
    Product product{agent.substr(0, slash), {}};
    if (slash != std::string_view::npos) {
        product.version = agent.substr(slash + 1);
        // "GeminiCLI/0.8.1/gemini-2.5-pro", and "OpenAI/Python 1.2.3" that names its language.
        product.version = product.version.substr(0, product.version.find('/'));
    }
    return product;
}

bool is_version(std::string_view text) {
    if (text.starts_with('v')) text.remove_prefix(1);
    return is_word(text, limits::client_word_bytes_max) && text.front() >= '0' &&
           text.front() <= '9';
}

// Names of a program as the system has them: without its extension, lower case.
std::string_view without_extension(std::string_view program) {
    for (const std::string_view end : {".exe", ".js", ".mjs", ".py"})
        if (program.ends_with(end)) return program.substr(0, program.size() - end.size());
    return program;
}

void read_tool(const http::HeaderList& headers, std::string_view program, ClientSignals& signals) {
    const std::string* agent = headers.find("user-agent");
    const Product product = agent != nullptr ? read_product(*agent) : Product{};
    const KnownTool* by_agent = find_tool(product.name);
    program = without_extension(program);
    const KnownTool* by_program = find_tool(program);
    const std::string_view runtime = by_program != nullptr ? by_program->tool : program;
    if (by_program != nullptr && by_program->is_runtime) by_program = nullptr;
    if (by_agent != nullptr && (!by_agent->is_runtime || by_program == nullptr)) {
        signals.tool = by_agent->tool;
    } else if (by_program != nullptr && (by_agent != nullptr || product.name.empty())) {
        // The library's version is none of the tool's.
        signals.tool = by_program->tool;
        return;
    } else if (is_word(product.name, limits::client_word_bytes_max)) {
        signals.tool = to_lower(product.name);
    } else if (by_program != nullptr) {
        signals.tool = by_program->tool;
        return;
    } else if (is_word(runtime, limits::client_word_bytes_max)) {
        signals.tool = to_lower(runtime);
        return;
    }
    if (is_version(product.version))
        signals.version = product.version;
    else if (agent != nullptr) {
        // "OpenAI/Python 1.2.3".
        const auto space = agent->find(' ');
        if (space != std::string::npos) {
            auto second = std::string_view(*agent).substr(space + 1);
            second = second.substr(0, second.find_first_of(" (;,"));
            if (is_version(second)) signals.version = second;
        }
    }
}

// Which header says what; of several for one member the first that is there.
struct SignalHeader {
    std::string_view name;
    std::string ClientSignals::*member;
};

constexpr std::array<SignalHeader, 13> signal_headers{{
    {"x-claude-code-session-id", &ClientSignals::session_id},
    {"x-claude-code-agent-id", &ClientSignals::agent_name},
    {"session-id", &ClientSignals::session_id},  // Codex
    {"session_id", &ClientSignals::session_id},  // its older versions
    {"thread-id", &ClientSignals::thread_id},
    {"conversation_id", &ClientSignals::thread_id},
    {"x-openai-subagent", &ClientSignals::agent_name},
    {"x-session-id", &ClientSignals::session_id},  // opencode
    {"x-opencode-session", &ClientSignals::session_id},
    {"x-session-affinity", &ClientSignals::session_id},
    {"x-interaction-id", &ClientSignals::turn_id},  // Copilot
    {"x-agent-task-id", &ClientSignals::thread_id},
    {"x-gemini-session-id", &ClientSignals::session_id},
}};

std::size_t bytes_max_of(std::string ClientSignals::*member) {
    return member == &ClientSignals::agent_name ? limits::agent_name_bytes_max
                                                : limits::session_id_bytes_max;
}

void take(std::string_view value, std::string ClientSignals::*member, ClientSignals& signals) {
    value = trim(value);
    if ((signals.*member).empty() && is_word(value, bytes_max_of(member))) signals.*member = value;
}

// Codex tells the same again, and more, as JSON in one header.
struct MetadataKey {
    std::string_view key;
    std::string ClientSignals::*member;
};

constexpr std::array<MetadataKey, 6> metadata_keys{{
    {"session_id", &ClientSignals::session_id},
    {"thread_id", &ClientSignals::thread_id},
    {"turn_id", &ClientSignals::turn_id},
    {"agent_name", &ClientSignals::agent_name},
    {"agent_nickname", &ClientSignals::agent_name},
    {"subagent_kind", &ClientSignals::agent_name},
}};

void read_metadata(const std::string& text, ClientSignals& signals) {
    if (text.size() > limits::turn_metadata_bytes_max) return;
    static thread_local JsonParser parser;
    const auto parsed = parser.parse(text);
    if (!parsed) return;
    for (const auto& [key, member] : metadata_keys)
        if (const auto value = (*parsed)[key].as_string()) take(*value, member, signals);
}

// "user_<hash>_account_<id>_session_<id>", or an object as text with "session_id" in it.
void read_user_id(std::string_view user_id, ClientSignals& signals) {
    constexpr std::string_view mark = "_session_";
    if (user_id.starts_with('{')) {
        static thread_local JsonParser parser;
        const std::string text(user_id);
        const auto parsed = parser.parse(text);
        const auto session = parsed ? (*parsed)["session_id"].as_string() : std::nullopt;
        if (session) take(*session, &ClientSignals::session_id, signals);
    } else if (const auto at = user_id.rfind(mark); at != std::string_view::npos) {
        take(user_id.substr(at + mark.size()), &ClientSignals::session_id, signals);
    }
}

}  // namespace

BodySignals body_signals_of(const ClientSignals& known) {
    if (known.tool == "claude-code" && known.session_id.empty()) return BodySignals::user_id;
    if (known.tool == "codex" && known.turn_id.empty()) return BodySignals::client_metadata;
    return BodySignals::none;
}

void add_body_signals(BodySignals form, std::string_view json, ClientSignals& signals) {
    if (form == BodySignals::none || json.empty() || json.size() > limits::turn_metadata_bytes_max)
        return;
    static thread_local JsonParser parser;
    const std::string text(json);
    const auto parsed = parser.parse(text);
    if (!parsed) return;
    if (form == BodySignals::user_id) {
        if (const auto user_id = JsonView(*parsed).as_string()) read_user_id(*user_id, signals);
        return;
    }
    // The same as the header says, as a text in it, and some of it apart.
    if (const auto metadata = (*parsed)["x-codex-turn-metadata"].as_string())
        read_metadata(std::string(*metadata), signals);
    for (const auto& [key, member] : metadata_keys)
        if (const auto value = (*parsed)[key].as_string()) take(*value, member, signals);
}

ClientSignals read_client_signals(const http::HeaderList& headers, std::string_view program) {
    ClientSignals signals;
    read_tool(headers, program, signals);
    for (const auto& [name, member] : signal_headers)
        if (const std::string* value = headers.find(name)) take(*value, member, signals);
    if (const std::string* metadata = headers.find("x-codex-turn-metadata"))
        read_metadata(*metadata, signals);
    return signals;
}

}  // namespace halton::meter
