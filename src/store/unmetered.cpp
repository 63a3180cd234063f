#include "store/unmetered.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"

namespace halton::store {

void UnmeteredCounts::add(std::string_view reason, std::string_view program, std::string_view host,
                          UtcTime now) {
    add({to_iso8601(now).substr(0, 10), std::string(reason),
         to_safe_text(program, limits::unmetered_name_bytes_max),
         to_safe_text(host, limits::unmetered_name_bytes_max)},
        {1, now, now});
}

void UnmeteredCounts::add(Kind kind, const Count& more) {
    if (!kinds_of_today_.empty() && kinds_of_today_.begin()->day != kind.day)
        kinds_of_today_.clear();
    if (!kinds_of_today_.contains(kind)) {
        if (kinds_of_today_.size() >= limits::unmetered_kinds_max) {
            kind.program.clear();
            kind.host.clear();
        } else {
            kinds_of_today_.insert(kind);
        }
    }
    Count& count = counts_[std::move(kind)];
    if (count.count == 0) count.first_at = more.first_at;
    count.count += more.count;
    count.first_at = std::min(count.first_at, more.first_at);
    count.last_at = std::max(count.last_at, more.last_at);
}

std::vector<UnmeteredRow> UnmeteredCounts::take() {
    std::vector<UnmeteredRow> rows;
    for (const auto& [kind, count] : counts_)
        rows.push_back({kind.day, kind.reason, kind.program, kind.host, count.count, count.first_at,
                        count.last_at});
    counts_.clear();
    return rows;
}

void UnmeteredCounts::put_back(const std::vector<UnmeteredRow>& rows) {
    for (const auto& row : rows)
        add({row.day, row.reason, row.program, row.host}, {row.count, row.first_at, row.last_at});
}

}  // namespace halton::store
