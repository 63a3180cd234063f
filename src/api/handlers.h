// One function for each route of the table in routes.cpp, by file.
#pragma once

#include "api/routes.h"

namespace halton::api {

// daemon_routes.cpp: of the daemon itself, no database
Answer health(const Context& context);
Answer daemon_status(const Context& context);
Answer cloud_state(const Context& context);
Answer cloud_connect(const Context& context);
Answer metrics(const Context& context);
Answer openapi(const Context& context);
Answer doctor(const Context& context);

// usage_routes.cpp: sums; list_routes.cpp: what stands beside the calls
Answer projects(const Context& context);
Answer project(const Context& context);
Answer stats(const Context& context);
Answer project_stats(const Context& context);
Answer usage(const Context& context);
Answer tools(const Context& context);
Answer errors(const Context& context);
Answer passthrough(const Context& context);
Answer limits_of_plans(const Context& context);
Answer prices(const Context& context);

// call_routes.cpp: single calls
Answer requests(const Context& context);
Answer requests_csv(const Context& context);
Answer make_wrong_cursor();  // 422, in the form of check_query()
Answer request_detail(const Context& context);
Answer sessions(const Context& context);
Answer session_detail(const Context& context);
Answer body(const Context& context);

// policy_routes.cpp
Answer policies(const Context& context);
Answer budgets(const Context& context);
Answer audit(const Context& context);

// change_routes.cpp: what writes
Answer change_project(const Context& context);
Answer change_policy(const Context& context);
Answer add_policy(const Context& context);
Answer remove_policy(const Context& context);

}  // namespace halton::api
