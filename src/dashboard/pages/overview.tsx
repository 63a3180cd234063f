// What it costs: today, this week, this month, where that leads, and who spends it.
import { useData } from "../lib/api";
import { change, count, day, day_there, local_day, money, money_digits, percent, plural, short_model } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { month_start, sum_since, week_start } from "../lib/money";
import { to_hash } from "../lib/route";
import type { Budgets, Stats } from "../lib/types";
import { provider_colour } from "../lib/colours";
import { type Bar, Bars, Card, Empty, Head, Load, Meter, Tile } from "../parts/basics";
import { Caveats, RangePicker, SpendByDay, useRange } from "../parts/spend";

const TOP = 6;

/** The same day of the month before, or its last one. */
function same_day_last_month(today: string): { from: string; to: string } {
  const value = new Date(`${today}T12:00:00Z`);
  const from = new Date(Date.UTC(value.getUTCFullYear(), value.getUTCMonth() - 1, 1, 12));
  const last = new Date(Date.UTC(value.getUTCFullYear(), value.getUTCMonth(), 0, 12)).getUTCDate();
  const to = new Date(from);
  to.setUTCDate(Math.min(value.getUTCDate(), last));
  return { from: from.toISOString().slice(0, 10), to: to.toISOString().slice(0, 10) };
}

function Tiles(props: { stats: Stats; budgets: Budgets | null }) {
  const { stats } = props;
  const today = day_there(stats.utc_offset_minutes);
  const days = stats.by_day;
  const calls_since = (from: string) => days.reduce((sum, one) => sum + (one.date >= from ? one.requests : 0), 0);
  const week = week_start(today);
  const month = month_start(today);
  const before = same_day_last_month(today);
  const last_month = days.reduce((sum, one) => sum + (one.date >= before.from && one.date <= before.to ? one.cost_usd_minor_units : 0), 0);
  const this_month = sum_since(days, month);
  const forecast = props.budgets?.forecast;
  // The budget for everything in a month, when there is one: the forecast is measured by it.
  const budget = props.budgets?.items.find((one) => one.period === "month" && one.state !== "disabled" && !one.project && !one.provider && !one.model && !one.tool);
  const expected = forecast?.forecast_usd_minor_units ?? null;
  return (
    <dl class="tiles">
      <Tile label="Today" value={money(sum_since(days, today))} sub={plural(calls_since(today), "call")} />
      <Tile label="This week" value={money(sum_since(days, week))} sub={`${plural(calls_since(week), "call")} since Monday`} />
      <Tile
        label={`This month`}
        value={money(this_month)}
        sub={last_month > 0 ? `${change(this_month, last_month)} on last month by ${day(before.to)}` : plural(calls_since(month), "call")}
      />
      <Tile
        label="Forecast for the month"
        value={expected === null ? "–" : money(expected)}
        sub={
          budget ? (
            <>
              <Meter
                fraction={budget.limit_usd_minor_units > 0 ? (expected ?? budget.spent_usd_minor_units) / budget.limit_usd_minor_units : 1}
                tone={budget.state === "over" ? "bad" : (expected ?? 0) > budget.limit_usd_minor_units || budget.state === "near" ? "warn" : ""}
                label={`Forecast against the budget ${budget.name}`}
              />
              <span>
                {percent(budget.limit_usd_minor_units > 0 ? (expected ?? budget.spent_usd_minor_units) / budget.limit_usd_minor_units : null)} of the {money(budget.limit_usd_minor_units)} budget
              </span>
            </>
          ) : expected === null ? (
            "too early to say"
          ) : (
            <>
              at this pace; <a href={to_hash("policies")}>no budget set</a>
            </>
          )
        }
      />
    </dl>
  );
}

interface Top {
  key: string;
  name: string;
  href?: string;
  cost: number;
  requests: number;
  plan: number;
  unpriced: number;
  colour?: string;
}

function TopList(props: { title: string; rows: Top[]; all: string; id: string }) {
  const total = props.rows.reduce((sum, row) => sum + row.cost, 0);
  const has_cost = total > 0;
  const value = (row: Top) => (has_cost ? row.cost : row.requests);
  const digits = money_digits(props.rows.map((row) => Math.max(row.cost, row.plan)));
  const rows = [...props.rows].sort((a, b) => value(b) - value(a)).slice(0, TOP);
  return (
    <Card
      title={props.title}
      id={props.id}
      tools={
        <a href={to_hash(props.all)}>
          All<span class="visually-hidden"> {props.all}</span>
        </a>
      }
    >
      {rows.length === 0 ? (
        <p class="note">Nothing in this period.</p>
      ) : (
        <Bars
          rows={rows.map(
            (row): Bar => ({
              key: row.key,
              name: row.href ? <a href={row.href}>{row.name}</a> : row.name,
              amount: row.cost === 0 && row.plan > 0 ? `(${money(row.plan, digits)})` : row.cost === 0 && row.unpriced > 0 ? "no price" : money(row.cost, digits),
              value: value(row),
              small: `${plural(row.requests, "call")}${row.cost === 0 && row.plan > 0 ? ", covered by a plan" : has_cost && row.cost > 0 ? `, ${Math.round((row.cost / total) * 100)} %` : ""}`,
              colour: row.colour,
            }),
          )}
        />
      )}
    </Card>
  );
}

export function Overview() {
  const { since } = useRange();
  const today = local_day(new Date());
  const tiles_from = [same_day_last_month(today).from, week_start(today)].sort()[0]!;
  const head = useData<Stats>(`/v1/stats?since=${tiles_from}&zone=local`, 60_000);
  const stats = useData<Stats>(`/v1/stats?since=${since}&zone=local`, 60_000);
  const budgets = useData<Budgets>("/v1/budgets", 60_000);
  useLiveRefresh(() => {
    head.reload();
    stats.reload();
    budgets.reload();
  });
  return (
    <>
      <Head title="Overview">
        <RangePicker />
      </Head>
      <div class="stack">
        <Load data={head}>{(value) => <Tiles stats={value} budgets={budgets.value} />}</Load>
        <Load data={stats}>
          {(value) =>
            value.summary.total_requests === 0 && head.value?.summary.total_requests === 0 && !value.summary.last_request_at ? (
              <Card>
                <Empty title="No call has been metered yet" command="halton-meter run -- claude">
                  Start any tool through the meter and its first call appears here within a second. If you have, the <a href={to_hash("coverage")}>coverage</a> page says what passed by unmetered and why.
                </Empty>
              </Card>
            ) : (
              <>
                <SpendByDay stats={value} since={since} zone={value.zone ?? "UTC"} />
                <div class="columns">
                  <TopList
                    title="Projects"
                    id="top-projects"
                    all="projects"
                    rows={(value.by_project ?? []).map((row) => ({ key: row.slug, name: row.name || row.slug, href: to_hash("project", row.slug), cost: row.cost_usd_minor_units, requests: row.requests, plan: row.plan_cost_usd_minor_units, unpriced: row.unpriced_requests }))}
                  />
                  <TopList
                    title="Models"
                    id="top-models"
                    all="models"
                    rows={value.by_model.map((row) => ({ key: `${row.provider}/${row.model}`, name: short_model(row.model) || "(not named)", cost: row.cost_usd_minor_units, requests: row.requests, plan: row.plan_cost_usd_minor_units, unpriced: row.unpriced_requests, colour: provider_colour(row.provider) }))}
                  />
                  <TopList
                    title="Tools"
                    id="top-tools"
                    all="tools"
                    rows={(value.by_tool ?? []).map((row) => ({ key: row.tool ?? "", name: row.tool ?? "not told", cost: row.cost_usd_minor_units, requests: row.requests, plan: row.plan_cost_usd_minor_units, unpriced: row.unpriced_requests }))}
                  />
                </div>
                <Caveats summary={value.summary} />
                <p class="note">
                  {count(value.summary.total_requests)} calls in this period; {count(value.summary.total_input_tokens)} tokens in, {count(value.summary.total_output_tokens)} out,{" "}
                  {Math.round(value.summary.cache_hit_rate * 100)} % of input from cache.
                </p>
              </>
            )
          }
        </Load>
      </div>
    </>
  );
}
