#include "base/clock.h"

#include <algorithm>

namespace halton {
namespace {

class SystemClock final : public Clock {
public:
    UtcTime now_utc() const override {
        return std::chrono::time_point_cast<std::chrono::microseconds>(
            std::chrono::system_clock::now());
    }
    SteadyTime now_steady() const override { return std::chrono::steady_clock::now(); }
};

// Reads exactly `count` digits at `at`; -1 when they are not all digits.
int digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}

std::string to_iso8601(UtcTime time) {
    // By hand, since every row and log line has one: printf takes ten times as long.
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date(day);
    auto in_day = duration_cast<microseconds>(time - day).count();
    std::string text("0000-00-00T00:00:00.000000Z");
    const auto put = [&text](std::size_t at, std::size_t count, std::int64_t value) {
        for (std::size_t i = at + count; i-- > at; value /= 10)
            text[i] = static_cast<char>('0' + value % 10);
    };
    put(0, 4, std::clamp(static_cast<int>(date.year()), 0, 9999));
    put(5, 2, static_cast<unsigned>(date.month()));
    put(8, 2, static_cast<unsigned>(date.day()));
    put(20, 6, in_day % 1'000'000);
    in_day /= 1'000'000;
    put(11, 2, in_day / 3600);
    put(14, 2, in_day / 60 % 60);
    put(17, 2, in_day % 60);
    return text;
}

Result<UtcTime> parse_iso8601(std::string_view text) {
    using namespace std::chrono;
    const auto bad = [] { return fail(ErrorKind::malformed, "not an ISO-8601 UTC time"); };
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text.back() != 'Z')
        return bad();
    const int y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
    const int h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
    if (y < 0 || mo < 0 || d < 0 || h < 0 || mi < 0 || s < 0 || h > 23 || mi > 59 || s > 60)
        return bad();
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!date.ok()) return bad();
    long micros = 0;
    if (text[19] == '.') {
        const auto fraction = text.substr(20, text.size() - 21);
        if (fraction.empty() || fraction.size() > 9) return bad();
        long scale = 100'000;
        for (char c : fraction) {
            if (c < '0' || c > '9') return bad();
            micros += (c - '0') * scale;
            scale /= 10;
        }
    } else if (text.size() != 20) {
        return bad();
    }
    return UtcTime(sys_days(date).time_since_epoch() + hours(h) + minutes(mi) + seconds(s) +
                   microseconds(micros));
}

}  // namespace halton
