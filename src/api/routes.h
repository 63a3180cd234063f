// The routes of the API as one table: method, path, where it runs, what it gives. The server, the
// OpenAPI description and the tests read it. Pure functions of what they are handed.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/facts.h"
#include "api/request.h"

namespace halton::store {
class Reader;
}

namespace halton::api {

struct Answer {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers{};
    // The rest of a long answer, piece by piece, on a reader; an empty piece is the end.
    std::function<Result<std::string>(store::Reader&)> more{};
};

// {"detail": text}
Answer make_problem(int status, std::string_view detail);
// What a change or a look at one thing failed with, as an answer.
Answer make_problem(const Error& error);
// The same of a query, which finds nothing only where there is no database.
Answer make_read_problem(const Error& error);

// What a route may look at. The reader is there where the route runs on one.
struct Context {
    const Request& request;
    const DaemonFacts& facts;
    const Sources& sources;
    store::Reader* reader = nullptr;

    store::Reader& database() const { return *reader; }
};

enum class Runs {
    io,      // at once, on the I/O thread: no file, no database
    reader,  // on a reader's thread, read-only
    writer,  // on the thread of slow things, writing
    slow,    // there, reading
    live,    // for as long as the client stays; the server does it
};

struct Parameter {
    std::string_view name;
    std::string_view type;  // "date" (or a time), "int", "flag", "text", or words: "a|b"
    std::string_view text;
    std::int64_t min = 0;  // of an int
    std::int64_t max = 0;
};

struct Route {
    std::string_view method;
    std::string_view path;  // {slug} takes any number of parts, {id} one
    Runs runs = Runs::io;
    Answer (*answer)(const Context&) = nullptr;
    std::string_view gives;  // a schema, "[schema]", or a media type
    std::string_view text;
    std::span<const Parameter> query{};
    std::string_view takes{};  // schema of the body
    bool needs_token = false;
};

std::span<const Route> routes();

// `/api/...` as the `/v1/...` that it stands for.
void resolve_alias(Request& request);

// The route for this path and method. Without one: null, and `allowed` names the methods that
// the path has.
const Route* find_route(Request& request, std::string& allowed);

// What of the query is not of the type that the route says, as a 422. Nothing: all is well.
std::optional<Answer> check_query(const Route& route, const Request& request);

}  // namespace halton::api
