// What overview and project share: how far back, spend by day, and what to know about the numbers.
import { apart, provider_colour } from "../lib/colours";
import { count, day_there, local_day, money, plural } from "../lib/format";
import { leaders } from "../lib/money";
import { to_hash } from "../lib/route";
import type { Stats, Summary } from "../lib/types";
import { Card, Empty, Segments } from "./basics";
import { type Band, DayBars, Legend } from "./chart";
import { useQuery } from "./router";

export const RANGES: [string, string][] = [
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "1 year"],
];
const BANDS_MAX = 6;

/** The days that are looked at, and the first of them. */
export function useRange(standard = "30"): { days: string; since: string } {
  const [query] = useQuery();
  const days = RANGES.some(([value]) => value === query.range) ? query.range! : standard;
  return { days, since: local_day(new Date(), Number(days) - 1) };
}

export function RangePicker(props: { standard?: string }) {
  const { days } = useRange(props.standard);
  const [, set_query] = useQuery();
  return <Segments label="Period" value={days} options={RANGES} onPick={(value) => set_query({ range: value === (props.standard ?? "30") ? undefined : value })} />;
}

function all_dates(since: string, stats: Stats): string[] {
  const until = [stats.by_day.at(-1)?.date ?? since, day_there(stats.utc_offset_minutes)].sort().at(-1)!;
  const dates: string[] = [];
  const value = new Date(`${since}T12:00:00Z`);
  while (dates.length < 400) {
    const date = value.toISOString().slice(0, 10);
    dates.push(date);
    if (date >= until) break;
    value.setUTCDate(value.getUTCDate() + 1);
  }
  return dates;
}

export function SpendByDay(props: { stats: Stats; since: string; zone: string }) {
  const [query, set_query] = useQuery();
  const unit = query.show === "calls" ? "calls" : "cost";
  const { stats } = props;
  const dates = all_dates(props.since, stats);
  const place = new Map(dates.map((date, i) => [date, i]));
  const value = (row: { requests: number; cost_usd_minor_units: number }) => (unit === "cost" ? row.cost_usd_minor_units : row.requests);
  const names = leaders(stats.by_day_by_provider, (row) => row.provider, value, BANDS_MAX);
  const colours = apart(names);
  const bands: Band[] = names.map((name, i) => ({ name, colour: colours[i]!, values: dates.map(() => 0) }));
  const rest: Band = { name: "other", colour: provider_colour("other"), values: dates.map(() => 0) };
  for (const row of stats.by_day_by_provider) {
    const i = place.get(row.date);
    if (i !== undefined) (bands[names.indexOf(row.provider)] ?? rest).values[i]! += value(row);
  }
  if (rest.values.some((one) => one > 0)) bands.push(rest);
  const shown = bands.filter((band) => band.values.some((one) => one > 0));
  const has_calls = stats.summary.total_requests > 0;
  return (
    <Card
      title={unit === "cost" ? "Spend by day" : "Calls by day"}
      about={`Days in ${props.zone}`}
      id="by-day"
      tools={
        <Segments
          label="Show"
          value={unit}
          options={[
            ["cost", "Cost"],
            ["calls", "Calls"],
          ]}
          onPick={(picked) => set_query({ show: picked === "cost" ? undefined : picked })}
        />
      }
    >
      {!has_calls ? (
        <Empty title="No calls in this period" command="halton-meter run -- claude">
          A day appears here with its first metered call. Start a tool through the meter, or pick a longer period.
        </Empty>
      ) : shown.length === 0 ? (
        <Empty title="Calls, but nothing that costs">
          All {count(stats.summary.total_requests)} calls were covered by a plan, free, or have <a href={to_hash("prices")}>no price</a>. Pick “Calls” to see them.
        </Empty>
      ) : (
        <>
          <Legend bands={shown} text={(sum) => (unit === "cost" ? money(sum) : count(sum))} />
          <DayBars dates={dates} bands={shown} unit={unit} label={unit === "cost" ? "Spend by day" : "Calls by day"} zone={props.zone} />
        </>
      )}
    </Card>
  );
}

/** What one must know to read the sums right. Nothing, when there is nothing to know. */
export function Caveats(props: { summary: Summary }) {
  const { summary } = props;
  const lines = [];
  if (summary.unpriced_requests)
    lines.push(
      <li key="unpriced">
        <span>
          {plural(summary.unpriced_requests, "call")} without a known price {summary.unpriced_requests === 1 ? "is" : "are"} not in these sums. <a href={to_hash("prices")}>See which models</a>
        </span>
      </li>,
    );
  if (summary.incomplete_requests)
    lines.push(
      <li key="incomplete">
        <span>{plural(summary.incomplete_requests, "call")} ended before all tokens were told; what was told is counted.</span>
      </li>,
    );
  if (summary.estimated_requests)
    lines.push(
      <li key="estimated">
        <span>{plural(summary.estimated_requests, "call")} {summary.estimated_requests === 1 ? "is" : "are"} estimated where the provider leaves a detail open.</span>
      </li>,
    );
  if (summary.plan_requests)
    lines.push(
      <li key="plan">
        <span>
          {plural(summary.plan_requests, "call")} went over a subscription: {money(summary.plan_cost_usd_minor_units ?? 0)} by the list, not billed and not in these sums.
        </span>
      </li>,
    );
  return lines.length > 0 ? <ul class="notes">{lines}</ul> : null;
}
