#include "store/sessions.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>

#include "base/limits.h"
#include "store/columns.h"
#include "store/fast_rows.h"
#include "store/rollups.h"

namespace halton::store {
namespace {

// A session by its last call; newest first.
struct Place {
    std::string last_at;
    std::string id;
    bool operator<(const Place& other) const {
        return std::tie(other.last_at, other.id) < std::tie(last_at, id);
    }
};

Result<Place> parse_cursor(const std::string& text) {
    const auto at = text.find('_');
    if (at == std::string::npos || at + 1 >= text.size() ||
        text.size() > at + 1 + limits::session_id_bytes_max || !parse_iso8601(text.substr(0, at)))
        return fail(ErrorKind::malformed, "no cursor of ours");
    return Place{text.substr(0, at), text.substr(at + 1)};
}

// Beyond every time.
constexpr const char* no_end = "~";

class Sessions {
public:
    Sessions(SQLite::Database& database, const SessionQuery& query)
        : database_(database),
          query_(query),
          columns_(database, "requests", "r"),
          from_(query.from ? to_iso8601(*query.from) : ""),
          to_(query.to ? to_iso8601(*query.to) : no_end) {}

    // False: there are none.
    bool prepare() {
        if (!columns_.has("session_id")) return false;
        if (query_.project) {
            SQLite::Statement find(database_, "SELECT id FROM projects WHERE slug = ?");
            find.bind(1, *query_.project);
            if (!find.executeStep()) return false;
            project_id_ = find.getColumn(0).getInt64();
        }
        is_covered_ =
            database_.tableExists("usage_cover") &&
            database_.execAndGet("SELECT covered_from FROM usage_cover").getString().empty();
        return true;
    }

    SessionPage read_page(const std::optional<Place>& after) {
        const auto limit = std::clamp<std::size_t>(query_.limit, 1, limits::session_page_max);
        auto places = is_covered_ ? find_by_days(after, limit) : find_all(after);
        SessionPage page;
        for (const Place& place : places) {
            if (page.items.size() == limit) {
                page.next_cursor = page.items.back().last_at + "_" + page.items.back().session_id;
                break;
            }
            page.items.push_back(*read_one(place.id));
        }
        return page;
    }

    std::optional<SessionRow> read_one(const std::string& id) {
        SessionRow session;
        session.session_id = id;
        if (!sums_) {
            std::string sql =
                fmt::format("SELECT r.model, min(r.requested_at), max(r.requested_at), sum({})",
                            columns_.of("retry_count", "NULL"));
            const auto column = column_of();
            for (const auto& key : rollup_keys(column))
                if (key.name == "billing") sql += ", " + key.value;
            for (const auto& sum : rollup_sums(column)) sql += ", sum(" + sum.value + ")";
            sums_.emplace(database_, sql + from_session() + " GROUP BY 1, 5");
            last_.emplace(database_,
                          "SELECT p.slug, r.client_tool, r.client_version, r.git_branch" +
                              from_session() + " ORDER BY r.requested_at DESC, r.id DESC LIMIT 1");
        }
        bind(*sums_, id);
        std::map<std::string, std::int64_t> model_counts;
        while (sums_->step()) {
            const auto sums = to_usage_sums(*sums_, 5, sums_->text(4) == "plan");
            session.sums.add(sums);
            session.retry_count += sums_->number(3);
            const auto first = sums_->text(1);
            if (session.started_at.empty() || first < session.started_at)
                session.started_at = first;
            if (sums_->text(2) > session.last_at) session.last_at = sums_->text(2);
            model_counts[std::string(sums_->text(0))] += sums.requests;
        }
        sums_->reset();
        if (session.sums.requests == 0) return std::nullopt;
        for (const auto& [model, count] : model_counts) session.models.push_back(model);
        std::stable_sort(
            session.models.begin(), session.models.end(),
            [&](const auto& a, const auto& b) { return model_counts[a] > model_counts[b]; });
        bind(*last_, id);
        if (last_->step()) {
            session.project = last_->text(0);
            session.client_tool = last_->text(1);
            session.client_version = last_->text(2);
            session.git_branch = last_->text(3);
        }
        last_->reset();
        return session;
    }

    // Sessions with a call in [from, to).
    std::int64_t count() {
        if (!is_covered_) {
            FastRows select(database_,
                            "SELECT count(DISTINCT r.session_id) FROM requests r WHERE "
                            "r.session_id IS NOT NULL AND r.requested_at >= ?3 AND "
                            "r.requested_at < ?4" +
                                filter());
            bind(select, "", from_, to_);
            select.step();
            return select.number(0);
        }
        // Whole days by the roll-up; of a day that is cut, those which no whole day has counted.
        FastRows select(database_,
                        "SELECT session_id FROM usage_sessions "
                        "WHERE day >= ?3 AND day < ?4" +
                            rollup_filter());
        bind(select, "", whole_days_from(), to_.substr(0, 10));
        // Told apart here: for SQLite it is a tree, which takes thrice as long.
        std::unordered_set<std::string> ids;
        while (select.step()) ids.emplace(select.text(0));
        return static_cast<std::int64_t>(ids.size()) + count_cut_days();
    }

    // The same for each tool, by one look at the whole days. Only without filters.
    std::map<std::string, std::int64_t> count_whole_days_by_tool() {
        FastRows select(database_,
                        "SELECT tool, session_id FROM usage_sessions WHERE day >= ?3 AND day < ?4");
        bind(select, "", whole_days_from(), to_.substr(0, 10));
        std::map<std::string, std::unordered_set<std::string>, std::less<>> ids;
        while (select.step()) {
            auto tool = ids.find(select.text(0));
            if (tool == ids.end()) tool = ids.try_emplace(std::string(select.text(0))).first;
            tool->second.emplace(select.text(1));
        }
        std::map<std::string, std::int64_t> counts;
        for (const auto& [tool, sessions] : ids)
            counts[tool] = static_cast<std::int64_t>(sessions.size());
        return counts;
    }

    // Sessions of the first and the last day, where those are cut, that no whole day has.
    std::int64_t count_cut_days() {
        std::int64_t count = 0;
        const auto days_to = to_.substr(0, 10);
        const auto first_end = is_first_cut() ? std::min(from_.substr(0, 10) + "~", to_) : from_;
        if (is_first_cut())
            for (const auto& id : sessions_of(from_.substr(0, 10)))
                count += has_call(id, from_, first_end) &&
                         !has_call(id, first_end, std::max(first_end, days_to));
        const auto last_begin = std::max(days_to, first_end);
        if (query_.to && last_begin < to_)
            for (const auto& id : sessions_of(days_to))
                count += has_call(id, last_begin, to_) && !has_call(id, from_, last_begin);
        return count;
    }

    bool is_covered() const { return is_covered_; }

    // That may have some.
    std::vector<std::string> tools() {
        FastRows select(
            database_, is_covered_ ? "SELECT DISTINCT tool FROM usage_sessions WHERE day >= ?3 AND "
                                     "day <= ?4 ORDER BY tool"
                                   : "SELECT DISTINCT coalesce(client_tool, '') FROM requests "
                                     "WHERE session_id IS NOT NULL ORDER BY 1");
        bind(select, "", from_.substr(0, 10), to_.substr(0, 10));
        std::vector<std::string> tools;
        while (select.step()) tools.emplace_back(select.text(0));
        return tools;
    }

private:
    bool is_first_cut() const { return !from_.empty() && from_.substr(10) != "T00:00:00.000000Z"; }
    std::string whole_days_from() const {
        return from_.substr(0, 10) + (is_first_cut() ? "~" : "");
    }

    ColumnOf column_of() const {
        return [this](std::string_view name, std::string_view fallback) {
            return columns_.of(name, fallback);
        };
    }

    // ?1 is a session, ?2 the end of its calls, or ?3 and ?4 a time; ?5 the project, ?6 the tool.
    std::string filter() const {
        std::string sql;
        // The plus: by the session's index, which is the narrower one.
        if (project_id_) sql += " AND +r.project_id = ?5";
        if (query_.tool) sql += " AND coalesce(r.client_tool, '') = ?6";
        return sql;
    }
    std::string rollup_filter() const {
        std::string sql;
        if (project_id_) sql += " AND project_id = ?5";
        if (query_.tool) sql += " AND tool = ?6";
        return sql;
    }
    std::string from_session() const {
        return " FROM requests r LEFT JOIN projects p ON p.id = r.project_id "
               "WHERE r.session_id = ?1 AND r.requested_at < ?2" +
               filter();
    }

    void bind(FastRows& rows, const std::string& session, const std::string& from = {},
              const std::string& to = {}) {
        // Those that the statement does not have are left out.
        const auto text = [&](int index, const std::string& value) {
            if (index <= rows.parameter_count()) rows.bind(index, value);
        };
        text(1, session);
        text(2, to_);
        text(3, from);
        text(4, to);
        if (project_id_ && rows.parameter_count() >= 5) rows.bind(5, *project_id_);
        if (query_.tool) text(6, *query_.tool);
    }

    std::set<std::string> sessions_of(const std::string& day) {
        FastRows select(database_,
                        "SELECT session_id FROM usage_sessions WHERE day = ?3" + rollup_filter());
        bind(select, "", day);
        std::set<std::string> ids;
        while (select.step()) ids.insert(std::string(select.text(0)));
        return ids;
    }

    bool has_call(const std::string& session, const std::string& from, const std::string& to) {
        if (!call_)
            call_.emplace(database_,
                          "SELECT 1 FROM requests r WHERE r.session_id = ?1 AND "
                          "r.requested_at >= ?3 AND r.requested_at < ?4" +
                              filter() + " LIMIT 1");
        bind(*call_, session, from, to);
        const bool has = call_->step();
        call_->reset();
        return has;
    }

    std::string last_call_of(const std::string& session) {
        if (!last_at_)
            last_at_.emplace(database_,
                             "SELECT r.requested_at FROM requests r WHERE "
                             "r.session_id = ?1 AND r.requested_at < ?2" +
                                 filter() + " ORDER BY r.requested_at DESC LIMIT 1");
        bind(*last_at_, session);
        const auto at = last_at_->step() ? std::string(last_at_->text(0)) : std::string();
        last_at_->reset();
        return at;
    }

    // Day by day backwards: a session's last call is on the last day that has it.
    std::vector<Place> find_by_days(const std::optional<Place>& after, std::size_t limit) {
        const auto end = after ? std::min(after->last_at, to_) : to_;
        FastRows previous(
            database_,
            "SELECT max(day) FROM usage_sessions WHERE day < ?3 AND day >= ?4" + rollup_filter());
        std::vector<Place> places;
        std::string day_end = end;
        while (places.size() <= limit) {
            bind(previous, "", day_end, from_.substr(0, 10));
            const bool is_any = previous.step() && !previous.is_null(0);
            const auto day = is_any ? std::string(previous.text(0)) : std::string();
            previous.reset();
            if (!is_any) break;
            std::vector<Place> found;
            for (const auto& id : sessions_of(day)) {
                Place place{last_call_of(id), id};
                if (place.last_at.substr(0, 10) != day || place.last_at < from_) continue;
                if (after && !(*after < place)) continue;
                found.push_back(std::move(place));
            }
            std::sort(found.begin(), found.end());
            std::move(found.begin(), found.end(), std::back_inserter(places));
            day_end = day;
        }
        return places;
    }

    // Without roll-ups: all of them.
    std::vector<Place> find_all(const std::optional<Place>& after) {
        FastRows select(database_,
                        "SELECT r.session_id, max(r.requested_at) FROM requests r WHERE "
                        "r.session_id IS NOT NULL AND r.requested_at < ?2" +
                            filter() + " GROUP BY 1");
        bind(select, "");
        std::vector<Place> places;
        while (select.step()) {
            Place place{std::string(select.text(1)), std::string(select.text(0))};
            if (place.last_at < from_ || (after && !(*after < place))) continue;
            places.push_back(std::move(place));
        }
        std::sort(places.begin(), places.end());
        return places;
    }

    SQLite::Database& database_;
    const SessionQuery& query_;
    Columns columns_;
    std::string from_;
    std::string to_;
    std::optional<std::int64_t> project_id_;
    bool is_covered_ = false;
    std::optional<FastRows> sums_;
    std::optional<FastRows> last_;
    std::optional<FastRows> last_at_;
    std::optional<FastRows> call_;
};

}  // namespace

Result<SessionPage> read_sessions(Reader& reader, const SessionQuery& query) {
    std::optional<Place> after;
    if (!query.cursor.empty()) {
        const auto parsed = parse_cursor(query.cursor);
        if (!parsed) return fail(parsed.error());
        after = *parsed;
    }
    return reader.read<SessionPage>([&](SQLite::Database& database) -> Result<SessionPage> {
        Sessions sessions(database, query);
        if (!sessions.prepare()) return SessionPage();
        auto page = sessions.read_page(after);
        if (query.has_total) page.total = sessions.count();
        return page;
    });
}

Result<std::optional<SessionRow>> read_session(Reader& reader, const std::string& session_id) {
    using Found = std::optional<SessionRow>;
    return reader.read<Found>([&](SQLite::Database& database) -> Result<Found> {
        const SessionQuery everything;
        Sessions sessions(database, everything);
        if (!sessions.prepare()) return Found();
        return sessions.read_one(session_id);
    });
}

Result<std::vector<ToolSessions>> read_tool_sessions(Reader& reader, std::optional<UtcTime> from,
                                                     std::optional<UtcTime> to) {
    using Tools = std::vector<ToolSessions>;
    return reader.read<Tools>([&](SQLite::Database& database) -> Result<Tools> {
        Tools tools;
        SessionQuery query;
        query.from = from;
        query.to = to;
        Sessions all(database, query);
        if (!all.prepare()) return tools;
        auto counts = all.is_covered() ? all.count_whole_days_by_tool()
                                       : std::map<std::string, std::int64_t>();
        SessionQuery of_tool = query;
        of_tool.limit = 1;
        for (const auto& tool : all.tools()) {
            of_tool.tool = tool;
            Sessions sessions(database, of_tool);
            sessions.prepare();
            const auto page = sessions.read_page(std::nullopt);
            if (page.items.empty()) continue;
            const auto count =
                all.is_covered() ? counts[tool] + sessions.count_cut_days() : sessions.count();
            tools.push_back({tool, count, page.items.front().client_version});
        }
        return tools;
    });
}

}  // namespace halton::store
