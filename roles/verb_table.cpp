#include "roles/verb_table.h"

#include <algorithm>
#include <array>

#include "roles/verbs.h"

namespace halton::roles {
namespace {

constexpr std::array all_verbs{
    Verb{"init", "set up, repair, switch the mode, or follow an upgrade", run_init, false},
    Verb{"onboard", "set up with explanations (init --apps)", run_onboard, false},
    Verb{"run", "run one command with its calls metered", run_run, false},
    Verb{"report", "print what your calls cost, by project and model", run_report, false},
    Verb{"top", "watch calls, spend and limits live", run_top, false},
    Verb{"tail", "print calls as they end", run_tail, false},
    Verb{"errors", "show what failed, and what to do about it", run_errors, false},
    Verb{"statusline", "print one line for a status bar: cost, today, limits", run_statusline,
         false},
    Verb{"explain", "explain what one call cost, and why", run_explain, false},
    Verb{"export", "write calls to a file: CSV, JSON lines, Parquet", run_export, false},
    Verb{"import", "add calls from transcripts, where nothing was metered", run_import, false,
         "claude-code codex"},
    Verb{"status", "show what is running and whether calls are being recorded", run_status, false},
    Verb{"doctor", "find what is wrong, and say how to repair it", run_doctor, false},
    Verb{"start", "start metering", run_start, false},
    Verb{"stop", "stop metering; your tools go on working", run_stop, false},
    Verb{"restart", "stop and start metering", run_restart, false},
    Verb{"limits", "show how full your subscriptions are", run_limits, false},
    Verb{"dashboard", "open the dashboard in your browser", run_dashboard, false},
    Verb{"pricing", "list, show, check or import prices", run_pricing, false,
         "list show check import"},
    Verb{"reprice", "recompute what recorded calls cost", run_reprice, false},
    Verb{"projects", "list, rename, merge, archive or set up projects", run_projects, false,
         "list rename merge archive settings"},
    Verb{"policy", "say what you want to be told of, and what is forbidden", run_policy, false,
         "add list show remove enable disable test"},
    Verb{"budget", "show what budgets have spent, with exit codes for scripts", run_budget, false,
         "status"},
    Verb{"audit", "show what happened to settings and by policies", run_audit, false},
    Verb{"bodies", "show or delete what was captured of calls' bodies", run_bodies, false,
         "stats list show prune"},
    Verb{"whoami", "explain which project a process's calls are booked to", run_whoami, false},
    Verb{"edge", "run the proxy port in the foreground", run_edge, false},
    Verb{"daemon", "run the metering daemon in the foreground", run_daemon, false},
    Verb{"watchdog", "switch the system proxy off when the daemon is gone", run_watchdog, false},
    Verb{"reset-proxy", "emergency: switch the system proxy off", run_reset_proxy, false},
    Verb{"rescue", "rebuild an installation that is stuck", run_rescue, false},
    Verb{"uninstall", "remove everything but your data", run_uninstall, false},
    Verb{"mcp", "let an agent ask for its own spend", run_mcp, false},
    Verb{"completions", "print what makes a shell complete our commands", run_completions, false,
         "bash zsh fish"},
    Verb{"man", "print a manual page", run_man, false},
    Verb{"userenv", "apply the session's variables once", run_userenv, true},
};

}  // namespace

std::span<const Verb> verbs() { return all_verbs; }

const Verb* find_verb(std::string_view name) {
    const auto found = std::find_if(all_verbs.begin(), all_verbs.end(),
                                    [name](const Verb& verb) { return verb.name == name; });
    return found == all_verbs.end() ? nullptr : &*found;
}

}  // namespace halton::roles
