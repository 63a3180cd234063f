// One line for a call, wherever calls are listed.
import { clock_time, count, latency, moment, money, short_model, tokens } from "../lib/format";
import { to_hash } from "../lib/route";
import type { Call } from "../lib/types";
import { ProjectLink, ProviderName } from "./basics";
import type { Column } from "./table";

export function is_failed(call: Call): boolean {
  return call.status !== "success";
}

// What would be too long for a table; the errors page has the full names.
const SHORT: Record<string, string> = { context_length_exceeded: "too long", quota_exceeded: "no quota" };

/** What a call is to its reader, in one word or two. */
export function CallState(props: { call: Call }) {
  const { call } = props;
  if (call.status === "blocked") return <span class="tag bad">blocked</span>;
  if (call.status === "aborted") return <span class="tag warn">aborted</span>;
  if (is_failed(call))
    return (
      <a class="tag bad" href={to_hash("errors")}>
        {call.http_status ? `${call.http_status} ` : ""}
        {SHORT[call.error_class ?? ""] ?? (call.error_class ?? "error").replaceAll("_", " ")}
      </a>
    );
  if (!call.tokens_complete) return <span class="tag warn">cut off</span>;
  return <span class="dim">ok</span>;
}

/** The money of a call. A plan's call costs nothing more: its list price is told as that. */
export function CallCost(props: { call: Call }) {
  const { call } = props;
  if (call.cost_usd_minor_units === null || call.cost_usd_minor_units === undefined) return is_failed(call) ? <span class="dim">–</span> : <span class="tag warn">no price</span>;
  const amount = money(call.cost_usd_minor_units);
  if (call.cost_usd_minor_units === 0) return <span class="dim">$0</span>;
  if (call.billing_mode === "plan")
    return (
      <span class="dim" title="Covered by a subscription: what it would have cost by the list">
        ({amount})
      </span>
    );
  return (
    <>
      {call.cost_state === "estimated" && (
        <span class="dim" title="Estimated">
          ≈{" "}
        </span>
      )}
      {amount}
    </>
  );
}

function CallTime(props: { call: Call; text: string }) {
  return (
    <a href={to_hash("call", props.call.id)} title={`${moment(props.call.requested_at)}: how its cost came about`}>
      {props.text}
    </a>
  );
}

export function cache_share(call: Call): number | null {
  const all = call.input_tokens + call.cache_read_tokens;
  return call.cache_read_tokens > 0 && all > 0 ? call.cache_read_tokens / Math.max(all, 1) : null;
}

type Key = "time" | "date" | "project" | "tool" | "provider" | "model" | "input" | "output" | "cached" | "cost" | "latency" | "state";
const all: Record<Key, Column<Call>> = {
  time: { key: "time", title: "Time", value: (c) => c.requested_at, show: (c) => <CallTime call={c} text={clock_time(c.requested_at)} />, class: "fit", is_descending_first: true },
  date: { key: "time", title: "Time", value: (c) => c.requested_at, show: (c) => <CallTime call={c} text={moment(c.requested_at)} />, class: "fit", is_descending_first: true },
  project: { key: "project", title: "Project", value: (c) => c.project, show: (c) => <span title={c.project}><ProjectLink slug={c.project} /></span>, class: "clip" },
  tool: {
    key: "tool",
    title: "Tool",
    value: (c) => c.client_tool,
    show: (c) =>
      c.session_id ? (
        <a href={to_hash("session", c.session_id)} title="Its session">
          {c.client_tool ?? "session"}
        </a>
      ) : (
        (c.client_tool ?? <span class="dim">–</span>)
      ),
    class: "clip",
  },
  provider: { key: "provider", title: "Provider", value: (c) => c.provider, show: (c) => <ProviderName name={c.provider} />, class: "clip" },
  model: { key: "model", title: "Model", value: (c) => c.model, show: (c) => <span title={c.model}>{short_model(c.model) || "–"}</span>, class: "clip wide" },
  input: { key: "input_tokens", title: "In", about: "Input tokens, as the provider reports them", value: (c) => c.input_tokens, show: (c) => <span title={count(c.input_tokens)}>{tokens(c.input_tokens)}</span>, is_number: true },
  output: { key: "output_tokens", title: "Out", about: "Output tokens", value: (c) => c.output_tokens, show: (c) => <span title={count(c.output_tokens)}>{tokens(c.output_tokens)}</span>, is_number: true },
  cached: { key: "cache_read_tokens", title: "Cached", about: "Input tokens read from the provider's cache", value: (c) => c.cache_read_tokens, show: (c) => (c.cache_read_tokens > 0 ? tokens(c.cache_read_tokens) : <span class="dim">–</span>), is_number: true },
  cost: { key: "cost_usd_minor_units", title: "Cost", value: (c) => c.cost_usd_minor_units, show: (c) => <CallCost call={c} />, is_number: true, class: "strong" },
  latency: { key: "latency_ms", title: "Took", about: "Time to the last byte", value: (c) => c.latency_ms, show: (c) => latency(c.latency_ms), is_number: true },
  state: { key: "status", title: "State", value: (c) => (is_failed(c) ? (c.error_class ?? c.status) : c.status), show: (c) => <CallState call={c} />, class: "fit" },
};

export function call_columns(...keys: Key[]): Column<Call>[] {
  return keys.map((key) => all[key]);
}
