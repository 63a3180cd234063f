// One function per verb. argv[0] is the verb's own name, flags follow; the result is the exit code.
#pragma once

#include "roles/flags.h"

namespace halton::roles {

int run_bodies(int argc, char** argv);
int run_completions(int argc, char** argv);
int run_audit(int argc, char** argv);
int run_budget(int argc, char** argv);
int run_daemon(int argc, char** argv);
int run_dashboard(int argc, char** argv);
int run_doctor(int argc, char** argv);
int run_edge(int argc, char** argv);
int run_errors(int argc, char** argv);
int run_explain(int argc, char** argv);
int run_export(int argc, char** argv);
int run_import(int argc, char** argv);
int run_init(int argc, char** argv);
int run_limits(int argc, char** argv);
int run_man(int argc, char** argv);
int run_mcp(int argc, char** argv);
int run_onboard(int argc, char** argv);
int run_policy(int argc, char** argv);
int run_pricing(int argc, char** argv);
int run_projects(int argc, char** argv);
int run_report(int argc, char** argv);
int run_reprice(int argc, char** argv);
int run_rescue(int argc, char** argv);
int run_reset_proxy(int argc, char** argv);
int run_restart(int argc, char** argv);
int run_run(int argc, char** argv);
int run_start(int argc, char** argv);
int run_status(int argc, char** argv);
int run_statusline(int argc, char** argv);
int run_stop(int argc, char** argv);
int run_tail(int argc, char** argv);
int run_top(int argc, char** argv);
int run_uninstall(int argc, char** argv);
int run_userenv(int argc, char** argv);
int run_watchdog(int argc, char** argv);
int run_whoami(int argc, char** argv);

}  // namespace halton::roles
