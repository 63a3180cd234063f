// Budgets, rules, and what they did.
import { useState, useEffect } from "preact/hooks";
import { get, useData } from "../lib/api";
import { day, moment, money, plural } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { nano_money } from "../lib/money";
import { to_hash } from "../lib/route";
import type { AuditEvent, Budget, Budgets, Page, Policies as Answer, Policy } from "../lib/types";
import { Card, Empty, Head, Load, Meter, ProjectLink, sentence } from "../parts/basics";
import { Table } from "../parts/table";

const PERIODS: Record<string, string> = { day: "today", week: "this week", month: "this month" };

function BudgetRow(props: { budget: Budget }) {
  const { budget } = props;
  const share = budget.limit_usd_minor_units > 0 ? budget.spent_usd_minor_units / budget.limit_usd_minor_units : 1;
  const expected = budget.forecast_usd_minor_units;
  const will_be_over = expected !== null && expected > budget.limit_usd_minor_units;
  const tone = budget.state === "over" || share >= 1 ? "bad" : budget.state === "near" || will_be_over ? "warn" : "";
  return (
    <li class="limit">
      <div class="row">
        <strong>{budget.name}</strong>
        <span class={`tag ${tone}`}>{budget.state === "disabled" ? "switched off" : tone === "bad" ? "over" : will_be_over ? "will be over" : budget.state === "near" ? "near" : "within"}</span>
      </div>
      <div class="row">
        <span>
          <span class="big">{money(budget.spent_usd_minor_units)}</span> <span class="dim">of {money(budget.limit_usd_minor_units)}</span>
        </span>
        <span class="dim">{PERIODS[budget.period] ?? budget.period}</span>
      </div>
      <Meter fraction={share} tone={tone} label={`Spent of the budget ${budget.name}`} />
      <div class="foot">
        {expected === null ? "Too early to say where it leads." : `At this pace ${money(expected)} by its end.`} For {budget.scope}; over it: {budget.action}.
        {budget.unpriced_requests > 0 && ` ${plural(budget.unpriced_requests, "call")} without a price not counted.`}
      </div>
    </li>
  );
}

function rule_text(policy: Policy): string {
  if (policy.limit_usd_minor_units === null) return `calls of ${policy.scope}`.replace("of all calls", "of any kind");
  const period = policy.period ? ` a ${policy.period}` : "";
  return `${money(policy.limit_usd_minor_units)}${period} for ${policy.scope}${policy.counts_plan ? ", plan traffic included" : ""}`;
}

/** What an event says: its own sentence where it has one, else what is in it. */
function detail_text(event: AuditEvent): string {
  const { detail } = event;
  if (detail === null || detail === undefined) return "";
  if (typeof detail !== "object") return String(detail);
  const facts = detail as Record<string, unknown>;
  if (typeof facts.message === "string") return sentence(facts.message);
  return Object.entries(facts)
    .filter(([key, value]) => value !== null && key !== "policy_id")
    .map(([key, value]) => {
      const name = key.replace(/_nanousd$|_usd_minor_units$/, "").replaceAll("_", " ");
      if (typeof value === "number" && key.endsWith("_nanousd")) return `${name} ${nano_money(value)}`;
      if (typeof value === "number" && key.endsWith("_minor_units")) return `${name} ${money(value)}`;
      return `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`;
    })
    .join(", ");
}

function Audit() {
  const first = useData<Page<AuditEvent>>("/v1/audit?limit=50", 30_000);
  useLiveRefresh(first.reload, 2000);
  const [older, set_older] = useState<{ items: AuditEvent[]; cursor: string | null } | null>(null);
  useEffect(() => set_older(null), []);
  return (
    <Load data={first}>
      {(page) => {
        const cursor = older ? older.cursor : (page.next_cursor ?? null);
        const seen = new Set<string>();
        const rows = [...page.items, ...(older?.items ?? [])].filter((event) => !seen.has(String(event.id)) && seen.add(String(event.id)));
        const more = async () => {
          const answer = await get<Page<AuditEvent>>(`/v1/audit?limit=50&cursor=${encodeURIComponent(cursor!)}`);
          set_older({ items: [...(older?.items ?? []), ...answer.items], cursor: answer.next_cursor ?? null });
        };
        return (
          <Table
            name="audit"
            title="Audit"
            about="What policies did and what was changed, newest first. Nothing is ever taken out of it."
            rows={rows}
            row_key={(row) => String(row.id)}
            columns={[
              { key: "time", title: "Time", value: (row) => row.occurred_at, show: (row) => moment(row.occurred_at), class: "fit", is_descending_first: true },
              { key: "type", title: "What", value: (row) => row.event_type, show: (row) => <span class={`tag ${/blocked|over/.test(row.event_type) ? "bad" : /matched|warn/.test(row.event_type) ? "warn" : ""}`}>{row.event_type}</span>, class: "fit" },
              { key: "actor", title: "By", value: (row) => row.actor, show: (row) => row.actor ?? <span class="dim">–</span>, class: "text" },
              { key: "project", title: "Project", value: (row) => row.project, show: (row) => <ProjectLink slug={row.project} />, class: "text" },
              { key: "call", title: "Call", value: (row) => row.request_id, show: (row) => (row.request_id ? <a href={to_hash("call", row.request_id)}>{row.request_id.slice(0, 8)}</a> : <span class="dim">–</span>), class: "fit" },
              { key: "detail", title: "Detail", value: (row) => detail_text(row), class: "text" },
            ]}
            empty={<Empty title="Nothing has happened yet">Events appear when a policy matches, a setting is changed or the daemon starts.</Empty>}
            foot={
              cursor ? (
                <div class="more">
                  <button type="button" class="button" onClick={() => void more()}>
                    Show older events
                  </button>
                </div>
              ) : undefined
            }
          />
        );
      }}
    </Load>
  );
}

export function Policies() {
  const policies = useData<Answer>("/v1/policies", 60_000);
  const budgets = useData<Budgets>("/v1/budgets", 60_000);
  useLiveRefresh(budgets.reload);
  return (
    <>
      <Head title="Policies and audit" about="Budgets and rules warn; they block a call only where you asked for that. A broken policy lets calls through." />
      <div class="stack">
        <Load data={budgets}>
          {({ items, forecast }) => (
            <Card
              title="Budgets"
              id="budgets"
              about={
                forecast.forecast_usd_minor_units !== null
                  ? `All together: ${money(forecast.spent_usd_minor_units)} this month, at this pace ${money(forecast.forecast_usd_minor_units)} by ${day(forecast.period_end.slice(0, 10))}`
                  : `All together: ${money(forecast.spent_usd_minor_units)} this month`
              }
            >
              {items.length === 0 ? (
                <Empty title="No budget is set" command="halton-meter policy add team --budget 100 --per month">
                  A budget says where your spending leads before the money is gone.
                </Empty>
              ) : (
                <ul class="limits">
                  {items.map((budget) => (
                    <BudgetRow key={budget.policy_id} budget={budget} />
                  ))}
                </ul>
              )}
            </Card>
          )}
        </Load>
        <Load data={policies}>
          {({ items, problems }) => (
            <Table
              name="policies"
              title="Policies"
              rows={items}
              row_key={(row) => String(row.id)}
              columns={[
                {
                  key: "name",
                  title: "Name",
                  value: (row) => row.name,
                  class: "text strong",
                },
                { key: "kind", title: "Kind", value: (row) => row.kind, show: (row) => row.kind.replaceAll("_", " "), class: "fit" },
                { key: "rule", title: "Rule", value: (row) => rule_text(row), class: "text" },
                { key: "project", title: "Project", value: (row) => row.project, show: (row) => (row.project ? <ProjectLink slug={row.project} /> : "all"), class: "text" },
                { key: "action", title: "Action", value: (row) => row.action, show: (row) => <span class={`tag ${row.action === "block" ? "bad" : row.action === "warn" ? "warn" : ""}`}>{row.action}</span>, class: "fit" },
                { key: "enabled", title: "State", value: (row) => (row.enabled ? "on" : "off"), show: (row) => (row.enabled ? "on" : <span class="dim">off</span>), class: "fit" },
                { key: "priority", title: "Priority", about: "The lowest is looked at first", value: (row) => row.priority, is_number: true },
                { key: "created", title: "Since", value: (row) => row.created_at, show: (row) => moment(row.created_at), class: "fit", is_descending_first: true },
              ]}
              empty={
                <Empty title="No policy is set" command="halton-meter policy add --help">
                  Nothing is warned of and nothing is blocked.
                </Empty>
              }
              foot={
                problems.length > 0 ? (
                  <ul class="notes see-also">
                    {problems.map((line) => (
                      <li key={line}>
                        <span>Not applied: {line}</span>
                      </li>
                    ))}
                  </ul>
                ) : undefined
              }
            />
          )}
        </Load>
        <Audit />
      </div>
    </>
  );
}
