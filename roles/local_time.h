// The local time zone of this machine, for verbs that speak of days: people mean their own ones.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "store/usage.h"

namespace halton::roles {

// How the zone's offset runs between two moments, from TZ or the system's setting.
store::DayZone read_local_zone(UtcTime from, UtcTime to);

// "CET", "UTC", as the system calls it at that moment; "+05:30" where it has no name.
std::string local_zone_name(UtcTime at);

// The moment in which that day begins there. `utc_midnight` is the day's midnight in UTC.
UtcTime to_day_start(UtcTime utc_midnight, const store::DayZone& zone);

// "2026-11-21 13:05:59" there.
std::string to_local_text(UtcTime time, const store::DayZone& zone);

}  // namespace halton::roles
