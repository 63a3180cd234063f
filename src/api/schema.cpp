#include "api/schema.h"

#include <array>

namespace halton::api {
namespace {

// clang-format off
constexpr std::array problem_fields{
    Field{"detail", "any", "one sentence; of a 422 a list of {loc, msg, type}, one for each wrong value"},
};

constexpr std::array ports_fields{
    Field{"edge", "int", "the proxy port of tools"},
    Field{"internal", "int", "the port of the daemon that the edge passes connections to"},
    Field{"api", "int", "the port of this API"},
};

constexpr std::array health_fields{
    Field{"status", "text", "ok; starting or draining go with 503"},
    Field{"version", "text", "of the daemon"},
    Field{"root", "text", "fingerprint of the CA that the daemon signs with"},
    Field{"uptime_s", "int", "seconds since the daemon started"},
    Field{"ports", "#Ports", "as in effective-ports.json"},
};

constexpr std::array refusing_client_fields{
    Field{"program", "text", "base name of the executable"},
    Field{"host", "text", "which it does not let be decrypted"},
    Field{"count", "int", "connections"},
    Field{"since", "time", "first refusal"},
};

constexpr std::array unseen_fields{
    Field{"connections", "int", "whose bytes made no sense, from there on"},
    Field{"requests", "int", "of a form that is not followed"},
};

constexpr std::array policy_facts_fields{
    Field{"state", "text", "starting, ok, unreadable, slow"},
    Field{"last_error", "text?", ""},
    Field{"active", "int", "policies that are looked at"},
    Field{"blocking", "int", "of them, those that may block"},
    Field{"blocked", "int", "calls, since the daemon started, as below"},
    Field{"undecided", "int", "calls that went through because nothing could be said in time"},
    Field{"failures", "int", "reads of the table that failed"},
    Field{"audit_dropped", "int", "events that could not be written"},
    Field{"hooks_failed", "int", ""},
};

constexpr std::array body_facts_fields{
    Field{"memory_bytes", "int", "of bodies of calls that run"},
    Field{"refused", "int", "not captured for want of room, since the daemon started, as below"},
    Field{"written", "int", ""},
    Field{"waiting", "int", ""},
    Field{"dropped", "int", ""},
    Field{"pruned", "int", "deleted because they were old, or too many"},
};

constexpr std::array daemon_status_fields{
    Field{"last_seen_at", "time?", "of the newest metered call"},
    Field{"request_count_last_hour", "int", "metered calls in the last 60 minutes"},
    Field{"version", "text", ""},
    Field{"state", "text", "starting, ok, draining"},
    Field{"running_calls", "int", "calls that have begun and not ended"},
    Field{"rows_written", "int", "since the daemon started, as all counts here"},
    Field{"rows_dropped_queue_full", "int", ""},
    Field{"rows_dropped_error", "int", ""},
    Field{"rows_waiting", "int", "not yet in the database"},
    Field{"rows_recovered", "int", "left by a daemon that was killed"},
    Field{"kill_safe", "bool", "waiting rows outlive a kill"},
    Field{"store_state", "text", "starting, ok, retrying, incompatible_schema, stopped"},
    Field{"store_last_error", "text?", ""},
    Field{"passthrough", "{int}", "reason to connections that passed unread"},
    Field{"unseen", "#Unseen", "what passed on metered connections and was not read"},
    Field{"refusing_clients", "[#RefusingClient]", ""},
    Field{"policies", "#PolicyFacts", ""},
    Field{"bodies", "#BodyFacts", ""},
};

constexpr std::array project_stats_fields{
    Field{"requests_this_month", "int", "calendar month in UTC, as below"},
    Field{"cost_usd_this_month_minor_units", "int", "millicents: 1 USD = 100000"},
    Field{"previous_month_cost_usd_minor_units", "int", "millicents"},
    Field{"all_time_cost_usd_minor_units", "int", "millicents"},
    Field{"all_time_requests", "int", ""},
    Field{"last_active_at", "time?", "newest call"},
    Field{"primary_model", "text?", "with the most calls"},
    Field{"primary_provider", "text?", "with the most calls"},
    Field{"top_model", "text?", "with the highest cost of all time"},
    Field{"top_provider", "text?", "with the highest cost of all time"},
};

constexpr std::array project_fields{
    Field{"id", "text", ""},
    Field{"name", "text", "as shown"},
    Field{"slug", "text", "may hold / and :"},
    Field{"created_at", "time", ""},
    Field{"archived_at", "time?", "not null: archived"},
    Field{"stats", "#ProjectStats", ""},
    Field{"folder", "text?", "the folder that goes by the slug"},
    Field{"old_slugs", "[text]", "names it had; their calls land here"},
    Field{"body_capture", "bool?", "null: as set globally"},
};

constexpr std::array summary_fields{
    Field{"total_requests", "int", ""},
    Field{"total_input_tokens", "int", ""},
    Field{"total_output_tokens", "int", ""},
    Field{"total_thinking_tokens", "int", ""},
    Field{"total_cache_read_tokens", "int", ""},
    Field{"total_cache_write_tokens", "int", ""},
    Field{"total_cost_usd_minor_units", "int", "millicents; without what a subscription covers"},
    Field{"cache_hit_rate", "num", "cache reads / (input + cache reads), 0 to 1"},
    Field{"active_projects", "int", "with a call in the time asked for"},
    Field{"models_in_use", "int", "with a call in the time asked for"},
    Field{"last_request_at", "time?", ""},
    Field{"total_cost_nanousd", "int", "the same cost, exact"},
    Field{"unpriced_requests", "int", "metered calls whose price is not known: not in the cost"},
    Field{"estimated_requests", "int", "whose cost is an estimate"},
    Field{"incomplete_requests", "int", "whose counts may lack something"},
    Field{"error_requests", "int", "that did not succeed"},
    Field{"plan_requests", "int", "covered by a subscription"},
    Field{"plan_cost_usd_minor_units", "int", "millicents that those would have cost by the list; in no cost"},
    Field{"plan_cost_nanousd", "int", "the same, exact"},
};

constexpr std::array day_fields{
    Field{"date", "date", "in the zone of the answer"},
    Field{"requests", "int", ""},
    Field{"cost_usd_minor_units", "int", "millicents"},
    Field{"plan_cost_usd_minor_units", "int", "millicents by the list, covered by a subscription"},
};

constexpr std::array day_provider_fields{
    Field{"date", "date", "in the zone of the answer"},
    Field{"provider", "text", ""},
    Field{"requests", "int", ""},
    Field{"cost_usd_minor_units", "int", "millicents; over all providers of a day exactly the day's"},
    Field{"plan_cost_usd_minor_units", "int", "millicents"},
};

constexpr std::array provider_sum_fields{
    Field{"provider", "text", ""},
    Field{"*", "#Sums", ""},
};

constexpr std::array model_sum_fields{
    Field{"provider", "text", ""},
    Field{"model", "text", "the full id"},
    Field{"*", "#Sums", ""},
};

constexpr std::array project_sum_fields{
    Field{"slug", "text", ""},
    Field{"name", "text", "as shown"},
    Field{"*", "#Sums", ""},
};

constexpr std::array tool_sum_fields{
    Field{"tool", "text?", "null: told by nothing"},
    Field{"*", "#Sums", ""},
};

constexpr std::array stats_fields{
    Field{"summary", "#Summary", ""},
    Field{"by_day", "[#DaySum]", "ascending, without gaps"},
    Field{"by_day_by_provider", "[#DayProviderSum]", "ascending; only days with calls"},
    Field{"by_provider", "[#ProviderSum]", "highest cost first"},
    Field{"by_model", "[#ModelSum]", "highest cost first"},
    Field{"by_project", "[#ProjectSum]", "highest cost first"},
    Field{"by_tool", "[#ToolSum]", "highest cost first"},
    Field{"zone", "text", "of the days: UTC, or the machine's, as Europe/Berlin"},
    Field{"utc_offset_minutes", "int", "of that zone now, east positive"},
};

constexpr std::array call_fields{
    Field{"id", "text", ""},
    Field{"provider", "text", ""},
    Field{"model", "text", "as answered, the full id"},
    Field{"mode", "text", "standard or streaming"},
    Field{"input_tokens", "int", "as the provider counts them"},
    Field{"output_tokens", "int", ""},
    Field{"thinking_tokens", "int", ""},
    Field{"cache_read_tokens", "int", ""},
    Field{"cache_write_tokens", "int", ""},
    Field{"cost_usd_minor_units", "int?", "millicents; null: the price is not known, which is not zero"},
    Field{"latency_ms", "num?", "milliseconds to the last byte"},
    Field{"tokens_complete", "bool", "false: the counts may lack something"},
    Field{"requested_at", "time", ""},
    Field{"status", "text", "success, error, aborted, blocked (by a policy)"},
    Field{"cost_nanousd", "int?", "the same cost, exact"},
    Field{"cost_state", "text?", "exact, estimated, unknown"},
    Field{"billing_mode", "text?", "metered, plan (covered by a subscription), free, deferred"},
    Field{"project", "text", "slug"},
    Field{"request_kind", "text", "chat, embedding, image, audio, realtime, other"},
    Field{"rates_source", "text?", "bundled-YYYY-MM-DD, override, provider"},
    Field{"price_id", "text?", "provider/model@first day of the price"},
    Field{"price_date", "date?", "of the list that has it"},
    Field{"requested_model", "text?", "when the client asked for another name"},
    Field{"http_status", "int?", "null: no answer came"},
    Field{"error_class", "text?", "one of ten; any word may come"},
    Field{"error_wire_class", "text?", "one of seven"},
    Field{"provider_error_code", "text?", "the provider's own"},
    Field{"retryable", "bool?", ""},
    Field{"time_to_first_byte_ms", "num?", "milliseconds"},
    Field{"client_tool", "text?", "claude-code, ..."},
    Field{"client_version", "text?", ""},
    Field{"session_id", "text?", ""},
    Field{"agent_name", "text?", "of a sub-agent"},
    Field{"git_branch", "text?", ""},
    Field{"retry_count", "int?", "how often the client had tried before, as it says"},
};

constexpr std::array page_fields{
    Field{"items", "[#Request]", "newest first; of a session oldest first"},
    Field{"next_cursor", "text?", "of the next page; null: this is the last. Stays valid"},
    Field{"total", "int", "all calls that match, not those of the page"},
};

constexpr std::array explanation_fields{
    Field{"text", "[text]", "the way to the cost, for people, a line a step"},
    Field{"id", "text", ""},
    Field{"requested_at", "time", ""},
    Field{"project", "text?", ""},
    Field{"provider", "text", ""},
    Field{"model", "text", ""},
    Field{"status", "text", ""},
    Field{"http_status", "int?", ""},
    Field{"billing_mode", "text", ""},
    Field{"tokens_complete", "bool", ""},
    Field{"cost_nanousd", "int?", "of the row"},
    Field{"cost_state", "text?", ""},
    Field{"reason", "text", "by what it is charged, or why it is not"},
    Field{"next", "text?", "a command that helps"},
    Field{"cost_by_todays_prices_nanousd", "int?", ""},
    Field{"price_id", "text?", "the row of the price list"},
    Field{"price_date", "date?", "of the list"},
    Field{"rates_source", "text?", ""},
    Field{"parts", "[any]", "what was looked up, with steps of what was counted times its price"},
};

constexpr std::array request_more_fields{
    Field{"cache_write_1h_tokens", "int", "of cache_write_tokens"},
    Field{"service_tier", "text?", ""},
    Field{"method", "text?", ""},
    Field{"host", "text?", ""},
    Field{"path", "text?", "without its query"},
    Field{"provider_request_id", "text?", ""},
    Field{"user_agent", "text?", ""},
    Field{"thread_id", "text?", ""},
    Field{"turn_id", "text?", ""},
    Field{"attribution_layer", "text?", "what told the project"},
    Field{"source_workdir", "text?", "where the client ran"},
};

constexpr std::array request_detail_fields{
    Field{"request", "#Request", ""},
    Field{"detail", "#RequestMore", "the rest of its row"},
    Field{"has_body", "bool", "whether /v1/bodies/{id} has something"},
    Field{"explanation", "#Explanation?", "how the cost came about; null: the row is of an older version"},
};

constexpr std::array sums_fields{
    Field{"requests", "int", ""},
    Field{"error_requests", "int", "that did not succeed"},
    Field{"incomplete_requests", "int", "whose counts may lack something"},
    Field{"unpriced_requests", "int", "metered, and the price is not known"},
    Field{"estimated_requests", "int", ""},
    Field{"plan_requests", "int", "covered by a subscription"},
    Field{"plan_unpriced_requests", "int", ""},
    Field{"input_tokens", "int", ""},
    Field{"output_tokens", "int", ""},
    Field{"thinking_tokens", "int", ""},
    Field{"cache_read_tokens", "int", ""},
    Field{"cache_write_tokens", "int", ""},
    Field{"cost_usd_minor_units", "int", "millicents; without what a subscription covers"},
    Field{"cost_nanousd", "int", "the same, exact"},
    Field{"plan_cost_usd_minor_units", "int", "millicents that covered calls would have cost by the list; in no cost"},
    Field{"plan_cost_nanousd", "int", "the same, exact"},
    Field{"avg_latency_ms", "num?", "milliseconds"},
};

constexpr std::array usage_item_fields{
    Field{"key", "{any}", "a word or null for each grouping asked for, named as it: day, model, ..."},
    Field{"*", "#Sums", ""},
};

constexpr std::array usage_fields{
    Field{"by", "[text]", "the groupings, as asked for"},
    Field{"since", "time", "included"},
    Field{"until", "time", "excluded"},
    Field{"totals", "#Sums", "over everything that matches, also when items are cut off"},
    Field{"items", "[#UsageItem]", "by time ascending; without a time by cost, highest first"},
    Field{"is_cut", "bool", "more groups than limit: the items are the first ones"},
    Field{"zone", "text", "of periods but hours, which are of UTC"},
    Field{"utc_offset_minutes", "int", "of that zone now, east positive"},
};

constexpr std::array error_group_fields{
    Field{"provider", "text", ""},
    Field{"error_class", "text", "one of ten, unknown for none"},
    Field{"error_wire_class", "text", "one of seven"},
    Field{"provider_error_code", "text?", ""},
    Field{"http_status", "int?", "null: no answer came"},
    Field{"retryable", "bool?", ""},
    Field{"requests", "int", ""},
    Field{"first_at", "time", ""},
    Field{"last_at", "time", ""},
    Field{"meaning", "text", "the class as a sentence"},
    Field{"what_to_do", "text", "for who operates it"},
};

constexpr std::array errors_fields{
    Field{"since", "time", "included"},
    Field{"until", "time", "excluded"},
    Field{"total_requests", "int", "of all calls in the time"},
    Field{"error_requests", "int", ""},
    Field{"items", "[#ErrorGroup]", "most first"},
};

constexpr std::array passthrough_item_fields{
    Field{"reason", "text", "a stable word"},
    Field{"meaning", "text", "the reason as a sentence"},
    Field{"what_to_do", "text?", "null: nothing is to be done"},
    Field{"program", "text?", "null: not known"},
    Field{"host", "text?", "a provider's; null: elsewhere, which is not written down"},
    Field{"connections", "int", ""},
    Field{"first_at", "time", ""},
    Field{"last_at", "time", ""},
};

constexpr std::array dropped_fields{
    Field{"queue_full", "int", "since the daemon started"},
    Field{"error", "int", "since the daemon started"},
};

constexpr std::array passthrough_fields{
    Field{"since", "date", "UTC, included"},
    Field{"metered_requests", "int", "calls since then, to compare with"},
    Field{"items", "[#PassthroughItem]", "most first"},
    Field{"refusing_clients", "[#RefusingClient]", "that do not let themselves be metered now"},
    Field{"unseen", "#Unseen", ""},
    Field{"dropped", "#Dropped", "finished calls that could not be written"},
};

constexpr std::array tool_fields{
    Field{"tool", "text?", "null: told by nothing"},
    Field{"version", "text?", "of its newest call that tells one"},
    Field{"last_at", "time?", "newest call"},
    Field{"sessions", "int", ""},
    Field{"*", "#Sums", ""},
};

constexpr std::array tools_fields{
    Field{"since", "time", "included"},
    Field{"until", "time", "excluded"},
    Field{"items", "[#Tool]", "most calls first"},
};

constexpr std::array session_fields{
    Field{"session_id", "text", ""},
    Field{"client_tool", "text?", ""},
    Field{"client_version", "text?", ""},
    Field{"project", "text", "slug of its newest call"},
    Field{"git_branch", "text?", "of its newest call"},
    Field{"started_at", "time", ""},
    Field{"last_at", "time", ""},
    Field{"models", "[text]", "most calls first"},
    Field{"retry_count", "int", "calls that say they are a retry"},
    Field{"*", "#Sums", ""},
};

constexpr std::array session_page_fields{
    Field{"items", "[#Session]", "last active first"},
    Field{"next_cursor", "text?", ""},
    Field{"total", "int", "all that match"},
};

constexpr std::array session_detail_fields{
    Field{"session", "#Session", ""},
    Field{"requests", "#RequestPage", "oldest first"},
};

constexpr std::array limit_fields{
    Field{"provider", "text", ""},
    Field{"name", "text", "5h, 7d, overage; codex primary"},
    Field{"plan", "text?", "as the provider calls it"},
    Field{"status", "text?", "allowed, rejected"},
    Field{"used_fraction", "num?", "0 to 1, above 1 with overdraft"},
    Field{"resets_at", "time?", ""},
    Field{"is_over", "bool", "it has been reset since: the use is unknown until the next call"},
    Field{"window_minutes", "int?", ""},
    Field{"observed_at", "time", "when the provider said so"},
};

constexpr std::array limits_fields{
    Field{"items", "[#Limit]", "empty: no provider has told one"},
};

constexpr std::array price_fields{
    Field{"provider", "text", ""},
    Field{"model", "text", ""},
    Field{"also", "[text]", "other ids of the same model"},
    Field{"from", "date?", "first day of the price; null: since ever"},
    Field{"source", "text", "bundled-YYYY-MM-DD or local"},
    Field{"tier", "text", "standard, batch, flex, priority"},
    Field{"above_tokens", "int?", "for calls with more input than this; null: for all"},
    Field{"nanousd_per_1k", "{int}", "input, output, cache_read, ...: nano-dollars for a thousand tokens"},
    Field{"nanousd_per_1k_units", "{int}", "query, page, image, character, second"},
    Field{"web_search_nanousd", "int?", "for a search"},
    Field{"request_nanousd", "int?", "for a call"},
};

constexpr std::array price_override_fields{
    Field{"provider", "text", ""},
    Field{"model", "text", ""},
    Field{"tier", "text", ""},
    Field{"above_tokens", "int?", ""},
    Field{"from", "date?", ""},
    Field{"to", "date?", "included"},
    Field{"nanousd_per_1k", "{int}", ""},
};

constexpr std::array unpriced_fields{
    Field{"provider", "text", ""},
    Field{"model", "text", ""},
    Field{"requests", "int", "of the last 30 days, with counts and without a price"},
};

constexpr std::array prices_fields{
    Field{"bundle_date", "date", "of the list in the program"},
    Field{"local_date", "date?", "of the imported one; null: there is none"},
    Field{"items", "[#Price]", "a row for each model, tier and band"},
    Field{"overrides", "[#PriceOverride]", "negotiated, from config.toml"},
    Field{"unpriced_models", "[#UnpricedModel]", "called, and nobody knows their price"},
};

constexpr std::array finding_fields{
    Field{"health", "text", "good, off, unknown, odd, broken"},
    Field{"ok", "bool", ""},
    Field{"code", "text", "stable"},
    Field{"detail", "text", ""},
    Field{"action", "text", "one command to paste, or empty"},
};

constexpr std::array doctor_layer_fields{
    Field{"id", "text", ""},
    Field{"title", "text", ""},
    Field{"health", "text", "good, off, unknown, odd, broken"},
    Field{"ok", "bool", ""},
    Field{"code", "text", "stable"},
    Field{"detail", "text", ""},
    Field{"action", "text", "one command to paste, or empty"},
    Field{"caused_by", "text?", "id of the layer that is to blame"},
};

constexpr std::array doctor_tool_fields{
    Field{"name", "text", ""},
    Field{"title", "text", ""},
    Field{"pid", "int?", ""},
    Field{"more", "int", "further processes of the same kind"},
    Field{"findings", "[#Finding]", ""},
};

constexpr std::array doctor_fields{
    Field{"verdict", "text", "HEALTHY, INCONSISTENT, BROKEN"},
    Field{"checked_at", "time", ""},
    Field{"platform", "text", ""},
    Field{"version", "text", ""},
    Field{"install_mode", "text", ""},
    Field{"layers", "[#DoctorLayer]", ""},
    Field{"tools", "[#DoctorTool]", "running tools, as the daemon sees them"},
    Field{"warnings", "[text]", "about the config"},
};

constexpr std::array policy_fields{
    Field{"id", "text", ""},
    Field{"name", "text", ""},
    Field{"enabled", "bool", ""},
    Field{"priority", "int", "the lowest is looked at first"},
    Field{"kind", "text", "model or budget"},
    Field{"action", "text", "log, warn, block"},
    Field{"scope", "text", "whom it concerns, in words"},
    Field{"project", "text?", "slug; null: all, as below"},
    Field{"provider", "text?", ""},
    Field{"model", "text?", "with * and ?"},
    Field{"tool", "text?", ""},
    Field{"limit_usd_minor_units", "int?", "millicents; of a budget"},
    Field{"limit_nanousd", "int?", ""},
    Field{"period", "text?", "day, week, month"},
    Field{"counts_plan", "bool", "what a subscription covers counts too"},
    Field{"created_at", "text?", ""},
    Field{"updated_at", "text?", "null: never changed"},
};

constexpr std::array policies_fields{
    Field{"items", "[#Policy]", "in the order in which they are looked at"},
    Field{"problems", "[text]", "of rows that make no sense, and are left out"},
};

constexpr std::array budget_fields{
    Field{"policy_id", "text", ""},
    Field{"name", "text", ""},
    Field{"scope", "text", "whom it is for, in words"},
    Field{"project", "text?", "slug"},
    Field{"provider", "text?", ""},
    Field{"model", "text?", ""},
    Field{"tool", "text?", ""},
    Field{"action", "text", "log, warn, block"},
    Field{"period", "text", "day, week, month"},
    Field{"period_start", "time", ""},
    Field{"period_end", "time", "excluded"},
    Field{"limit_usd_minor_units", "int", "millicents"},
    Field{"spent_usd_minor_units", "int", "millicents"},
    Field{"forecast_usd_minor_units", "int?", "at the period's end at the current pace; null: too early to say"},
    Field{"percent", "int", "of the limit, rounded down"},
    Field{"state", "text", "ok, near (80 % or more), over, disabled"},
    Field{"requests", "int", "of the period"},
    Field{"unpriced_requests", "int", "of them: not in the sum"},
};

constexpr std::array forecast_fields{
    Field{"period_start", "time", ""},
    Field{"period_end", "time", ""},
    Field{"spent_usd_minor_units", "int", "millicents"},
    Field{"forecast_usd_minor_units", "int?", "millicents at the end, at the current pace; null: too early to say"},
};

constexpr std::array budgets_fields{
    Field{"items", "[#Budget]", ""},
    Field{"forecast", "#Forecast", "of the calendar month, also without a budget"},
};

constexpr std::array audit_event_fields{
    Field{"id", "text", ""},
    Field{"occurred_at", "time", ""},
    Field{"event_type", "text", ""},
    Field{"actor", "text?", ""},
    Field{"project", "text?", "slug"},
    Field{"request_id", "text?", ""},
    Field{"detail", "any", "an object, a text or null"},
};

constexpr std::array audit_fields{
    Field{"items", "[#AuditEvent]", "newest first"},
    Field{"next_cursor", "text?", ""},
    Field{"total", "int", "all that match"},
};

constexpr std::array body_side_fields{
    Field{"text", "text?", "redacted before it was stored; null: not kept, or no text"},
    Field{"bytes", "int", "of the whole body, decoded"},
    Field{"is_truncated", "bool", "longer than what is kept"},
    Field{"content_type", "text?", ""},
};

constexpr std::array body_fields{
    Field{"request_id", "text", ""},
    Field{"captured_at", "text", ""},
    Field{"requested_at", "text", ""},
    Field{"project", "text", "slug"},
    Field{"provider", "text", ""},
    Field{"model", "text", ""},
    Field{"redaction_count", "int", "places that were blacked out"},
    Field{"redaction_kinds", "text", "bearer=2 jwt=1"},
    Field{"request", "#BodySide", ""},
    Field{"response", "#BodySide", ""},
};

constexpr std::array cloud_fields{
    Field{"enabled", "bool", "false: this version sends nothing anywhere"},
    Field{"state", "text", "NOT-CONFIGURED"},
    Field{"workspace_id", "text?", ""},
    Field{"machine_id", "text?", ""},
    Field{"last_sync_at", "time?", ""},
    Field{"unsynced_rows", "int?", ""},
    Field{"paused_reason", "text?", ""},
    Field{"last_error", "text?", ""},
};

constexpr std::array live_state_fields{
    Field{"running_calls", "int", "calls that have begun and not ended"},
    Field{"request_count_last_hour", "int", ""},
};

constexpr std::array live_hello_fields{
    Field{"*", "#LiveState", ""},
    Field{"resumed", "bool", "everything since Last-Event-ID follows; else read /v1/requests"},
};

constexpr std::array live_lost_fields{
    Field{"lost_events", "int", "that this client was too slow for, since it was told last"},
};

constexpr std::array project_change_fields{
    Field{"name", "text", "as shown"},
    Field{"slug", "text", "a new one; the old one leads to it"},
    Field{"archived", "bool", ""},
    Field{"body_capture", "bool?", "null: as set globally"},
};

constexpr std::array policy_change_fields{
    Field{"enabled", "bool", ""},
};

constexpr std::array new_policy_fields{
    Field{"name", "text", "needed"},
    Field{"kind", "text", "model or budget; needed"},
    Field{"action", "text", "log, warn, block; log when it is not said"},
    Field{"project", "text?", "slug; null: all, as below"},
    Field{"provider", "text?", ""},
    Field{"model", "text?", "with * and ?"},
    Field{"tool", "text?", ""},
    Field{"priority", "int", "100 when it is not said"},
    Field{"limit_usd", "text", "of a budget: 12.50"},
    Field{"period", "text", "of a budget: day, week, month"},
    Field{"counts_plan", "bool", ""},
};

constexpr std::array done_fields{
    Field{"done", "bool", "true"},
};

constexpr std::array all_schemas{
    Schema{"Problem", "Why an answer is not what was asked for", problem_fields},
    Schema{"Ports", "", ports_fields},
    Schema{"Health", "", health_fields},
    Schema{"RefusingClient", "A client that refuses our certificate", refusing_client_fields},
    Schema{"Unseen", "", unseen_fields},
    Schema{"PolicyFacts", "", policy_facts_fields},
    Schema{"BodyFacts", "Captured bodies", body_facts_fields},
    Schema{"DaemonStatus", "", daemon_status_fields},
    Schema{"ProjectStats", "", project_stats_fields},
    Schema{"Project", "", project_fields},
    Schema{"Summary", "", summary_fields},
    Schema{"DaySum", "", day_fields},
    Schema{"DayProviderSum", "", day_provider_fields},
    Schema{"ProviderSum", "", provider_sum_fields},
    Schema{"ModelSum", "", model_sum_fields},
    Schema{"ProjectSum", "", project_sum_fields},
    Schema{"ToolSum", "", tool_sum_fields},
    Schema{"Stats", "", stats_fields},
    Schema{"Request", "One metered call", call_fields},
    Schema{"RequestPage", "", page_fields},
    Schema{"Explanation", "", explanation_fields},
    Schema{"RequestMore", "", request_more_fields},
    Schema{"RequestDetail", "", request_detail_fields},
    Schema{"Sums", "", sums_fields},
    Schema{"UsageItem", "", usage_item_fields},
    Schema{"Usage", "", usage_fields},
    Schema{"ErrorGroup", "", error_group_fields},
    Schema{"Errors", "", errors_fields},
    Schema{"PassthroughItem", "", passthrough_item_fields},
    Schema{"Dropped", "", dropped_fields},
    Schema{"Passthrough", "What was not metered, and why", passthrough_fields},
    Schema{"Tool", "", tool_fields},
    Schema{"Tools", "", tools_fields},
    Schema{"Session", "One session of an agent", session_fields},
    Schema{"SessionPage", "", session_page_fields},
    Schema{"SessionDetail", "", session_detail_fields},
    Schema{"Limit", "How full a window of a subscription is", limit_fields},
    Schema{"Limits", "", limits_fields},
    Schema{"Price", "", price_fields},
    Schema{"PriceOverride", "", price_override_fields},
    Schema{"UnpricedModel", "", unpriced_fields},
    Schema{"Prices", "", prices_fields},
    Schema{"Finding", "", finding_fields},
    Schema{"DoctorLayer", "", doctor_layer_fields},
    Schema{"DoctorTool", "", doctor_tool_fields},
    Schema{"Doctor", "As halton-meter doctor --json", doctor_fields},
    Schema{"Policy", "", policy_fields},
    Schema{"Policies", "", policies_fields},
    Schema{"Budget", "", budget_fields},
    Schema{"Forecast", "", forecast_fields},
    Schema{"Budgets", "", budgets_fields},
    Schema{"AuditEvent", "", audit_event_fields},
    Schema{"Audit", "", audit_fields},
    Schema{"BodySide", "", body_side_fields},
    Schema{"Body", "A captured body", body_fields},
    Schema{"CloudState", "There is no cloud part: nothing leaves the machine", cloud_fields},
    Schema{"LiveState", "Data of the event state of /v1/live", live_state_fields},
    Schema{"LiveHello", "Data of its first event, hello", live_hello_fields},
    Schema{"LiveLost", "Data of its event lost", live_lost_fields},
    Schema{"ProjectChange", "What is not named stays", project_change_fields, true},
    Schema{"PolicyChange", "", policy_change_fields, true},
    Schema{"NewPolicy", "", new_policy_fields, true},
    Schema{"Done", "", done_fields},
};
// clang-format on

}  // namespace

std::span<const Schema> schemas() { return all_schemas; }

const Schema* find_schema(std::string_view name) {
    for (const Schema& schema : all_schemas)
        if (schema.name == name) return &schema;
    return nullptr;
}

}  // namespace halton::api
