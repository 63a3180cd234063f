#include "roles/local_time.h"

#include <ctime>

namespace halton::roles {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::tm to_local(UtcTime time) {
    const auto whole = std::chrono::floor<seconds>(time);
    const auto stamp = static_cast<std::time_t>(whole.time_since_epoch().count());
    std::tm local{};
    ::localtime_r(&stamp, &local);
    return local;
}

minutes offset_at(UtcTime time) {
    return std::chrono::duration_cast<minutes>(seconds(to_local(time).tm_gmtoff));
}

minutes offset_of(const store::DayZone& zone, UtcTime time) {
    minutes offset{0};
    bool is_first = true;
    for (const auto& span : zone.spans) {
        if (!is_first && span.from > time) break;
        offset = span.offset;
        is_first = false;
    }
    return offset;
}

}  // namespace

store::DayZone read_local_zone(UtcTime from, UtcTime to) {
    constexpr std::chrono::hours step{24 * 7};
    ::tzset();
    store::DayZone zone;
    UtcTime at = from;
    zone.spans.push_back({at, offset_at(at)});
    while (at < to && zone.spans.size() < limits::usage_zone_spans_max) {
        const UtcTime next = std::min(at + step, to);
        if (const auto offset = offset_at(next); offset != zone.spans.back().offset) {
            // The second in which it changed.
            UtcTime before = at;
            UtcTime after = next;
            while (after - before > seconds(1)) {
                const UtcTime middle = std::chrono::floor<seconds>(before + (after - before) / 2);
                if (middle <= before) break;
                (offset_at(middle) == offset ? after : before) = middle;
            }
            zone.spans.push_back({std::chrono::floor<seconds>(after), offset});
        }
        at = next;
    }
    return zone;
}

std::string local_zone_name(UtcTime at) {
    const std::tm local = to_local(at);
    const std::string name = local.tm_zone ? local.tm_zone : "";
    if (!name.empty() && name[0] != '+' && name[0] != '-' && name.size() <= 8) return name;
    const auto offset = offset_at(at).count();
    char text[16];
    std::snprintf(text, sizeof text, "%c%02d:%02d", offset < 0 ? '-' : '+',
                  static_cast<int>(std::abs(offset) / 60), static_cast<int>(std::abs(offset) % 60));
    return text;
}

UtcTime to_day_start(UtcTime utc_midnight, const store::DayZone& zone) {
    // The offset that holds in that moment, which is known only once it is applied.
    const UtcTime guess = utc_midnight - offset_of(zone, utc_midnight);
    return utc_midnight - offset_of(zone, guess);
}

std::string to_local_text(UtcTime time, const store::DayZone& zone) {
    auto text = to_iso8601(time + offset_of(zone, time)).substr(0, 19);
    text[10] = ' ';
    return text;
}

}  // namespace halton::roles
