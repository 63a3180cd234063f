// The APIs over WebSockets there are, one file each.
#pragma once

#include "meter/providers/shapes/turns.h"

namespace halton::meter::sockets {

// OpenAI's Responses API, as Codex speaks it: one answer after another on one socket, asked for by
// response.create and ended by response.completed, .incomplete, .failed or an error. What is asked
// for with "generate":false only warms up.
extern const SocketShape openai_responses;

// OpenAI's Realtime API and those made after it: response.created to response.done, asked for or
// not. What the client said may be transcribed by another model, which is charged apart.
extern const SocketShape openai_realtime;

// Gemini's Live API: from the client's turn to turnComplete.
extern const SocketShape gemini_live;

}  // namespace halton::meter::sockets
