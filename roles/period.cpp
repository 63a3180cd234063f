#include "roles/period.h"

#include <cxxopts.hpp>

#include "roles/local_time.h"
#include "roles/report_text.h"

namespace halton::roles {
namespace {

constexpr std::chrono::hours day{24};
constexpr UtcTime earliest{};  // nothing was metered before 1970

}  // namespace

void add_period_flags(cxxopts::Options& options) {
    const auto text = [] { return cxxopts::value<std::string>(); };
    options.add_options()("since", "a period up to now: 5m, 12h, 7d, 2w, or a number of days",
                          text(), "PERIOD")("today", "since midnight")(
        "from", "first day (YYYY-MM-DD)", text(), "DATE")("to", "last day, included", text(),
                                                          "DATE")(
        "utc", "days are those of UTC instead of this machine's time zone");
}

Result<Period> read_period(const cxxopts::ParseResult& flags, UtcTime now,
                           std::chrono::seconds fallback) {
    const bool has_since = flags.count("since") > 0;
    const bool has_dates = flags.count("from") > 0 || flags.count("to") > 0;
    if (has_since + has_dates + (flags.count("today") > 0) > 1)
        return fail(ErrorKind::malformed, "--since, --today and --from/--to exclude each other");
    const bool is_utc = flags.count("utc") > 0;
    Period period;
    // A call of this very moment counts.
    period.to = now + std::chrono::seconds(1);
    period.from = now - fallback;
    std::optional<UtcTime> first_day;
    std::optional<UtcTime> last_day;
    for (auto [name, place] : {std::pair{"from", &first_day}, {"to", &last_day}}) {
        if (flags.count(name) == 0) continue;
        const auto date = parse_date(flags[name].as<std::string>());
        if (!date) return fail(date.error());
        *place = *date;
    }
    if (has_since) {
        const auto since = parse_since(flags["since"].as<std::string>());
        if (!since) return fail(since.error());
        period.from = now - *since;
    }
    UtcTime zone_from = std::min(period.from, first_day.value_or(period.from)) - 2 * day;
    if (last_day) zone_from = std::min(zone_from, *last_day - fallback - 2 * day);
    const UtcTime zone_to = std::max(period.to, last_day.value_or(period.to)) + 2 * day;
    if (!is_utc) period.zone = read_local_zone(std::max(zone_from, earliest), zone_to);
    period.zone_name = is_utc ? "UTC" : local_zone_name(now);
    const auto start_of = [&](UtcTime date) { return to_day_start(date, period.zone); };
    if (flags.count("today") > 0)
        period.from = start_of(
            parse_date(to_local_text(now, period.zone).substr(0, 10)).value_or(period.from));
    if (last_day) {
        period.to = start_of(*last_day + day);
        period.from = start_of(*last_day + day - std::chrono::floor<std::chrono::days>(fallback));
    }
    if (first_day) period.from = start_of(*first_day);
    if (period.from >= period.to)
        return fail(ErrorKind::malformed, "the period ends before it begins");
    return period;
}

}  // namespace halton::roles
