// `budget status`: what budgets have spent, and where they go at this pace. For people and, by its
// exit code, for scripts.
#include <string_view>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/text.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/policy_text.h"
#include "roles/verbs.h"
#include "store/policies.h"

namespace halton::roles {

int run_budget(int argc, char** argv) {
    constexpr const char* name = "halton-meter budget status";
    if (argc > 1 && std::string_view(argv[1]) == "status") {
        --argc;
        ++argv;
    } else if (argc > 1 && argv[1][0] != '-') {
        return report_usage_error("halton-meter budget",
                                  fmt::format("no '{}'", to_safe_text(argv[1], 40)).c_str());
    }
    cxxopts::Options options(
        name,
        "What budgets have spent, how much of their limits that is, and where they go at this "
        "pace.\n"
        "Exit code 0: all are under their limits; 3: one has reached it; 4: one that blocks has.\n"
        "Budgets are made by: halton-meter policy add NAME --budget USD --per month\n");
    options.add_options()("project", "only budgets of this project", cxxopts::value<std::string>(),
                          "SLUG")("json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "status");
    const auto now = system_clock().now_utc();
    auto budgets = store::read_budgets(home->database_file(), now);
    const auto month = store::read_month_forecast(home->database_file(), now);
    if (!budgets && budgets.error().kind == ErrorKind::not_found)
        budgets = std::vector<store::BudgetStatus>{};
    if (!budgets) return report_failure(budgets.error().context, "doctor");
    if (flags.count("project") > 0)
        std::erase_if(*budgets, [slug = flags["project"].as<std::string>()](const auto& budget) {
            return budget.policy.project != slug;
        });
    const auto forecast = month ? std::optional(*month) : std::nullopt;
    fmt::print("{}", flags.count("json") > 0
                         ? to_budgets_json(*budgets, forecast)
                         : to_budgets_text(*budgets, forecast, platform::terminal_columns()));
    return to_budget_exit_code(*budgets);
}

}  // namespace halton::roles
