// What a request says about the tool that sends it: which tool, its version, and the session,
// thread, turn and sub-agent that the call belongs to.
// In:    the request head, and the program behind the connection. Out: bounded, clean words.
// Fails: never; what is malformed counts as not said. Only the headers named here are looked at:
// none of them carries a secret.
#pragma once

#include <string>
#include <string_view>

#include "http/head.h"

namespace halton::meter {

struct ClientSignals {
    std::string tool;     // "claude-code"; of an unknown one its own name
    std::string version;  // empty: not told
    std::string session_id;
    std::string thread_id;
    std::string turn_id;
    std::string agent_name;  // of a sub-agent; empty: the tool's main one, or not told
    bool operator==(const ClientSignals&) const = default;
};

// Tools that say some of this in the body of a request, where their heads did not.
enum class BodySignals {
    none,
    user_id,          // Claude Code: in "metadata.user_id"
    client_metadata,  // Codex: in "client_metadata"
};
BodySignals body_signals_of(const ClientSignals& known);

// What such a value says, as JSON text; what is known already stays. Of the ids of users, devices
// and accounts that stand beside the session nothing is kept.
void add_body_signals(BodySignals form, std::string_view json, ClientSignals& signals);

// `program` is the base name of the executable; empty when it is not known.
ClientSignals read_client_signals(const http::HeaderList& headers, std::string_view program);

}  // namespace halton::meter
