// Sessions of agents: all of them, and one as a line of calls.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, useData } from "../lib/api";
import { clock_time, count, latency, moment, money, money_digits, percent, plural, short_model, span, tokens } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { to_hash } from "../lib/route";
import type { Call, Page, Session, SessionDetail } from "../lib/types";
import { Card, Empty, Head, Load, ProjectLink, Tile } from "../parts/basics";
import { CallCost, CallState, cache_share, is_failed } from "../parts/calls";
import { useRoute } from "../parts/router";
import { RangePicker, useRange } from "../parts/spend";
import { Table } from "../parts/table";

const PAUSE_S = 300; // longer than a provider keeps its cache
const PAGE_ROWS = 200;

function seconds_of(session: Session): number {
  return (Date.parse(session.last_at) - Date.parse(session.started_at)) / 1000;
}

function hit_rate(session: Session): number | null {
  const all = session.input_tokens + session.cache_read_tokens;
  return all > 0 ? session.cache_read_tokens / all : null;
}

export function Sessions() {
  const { since } = useRange("7");
  const sessions = useData<Page<Session>>(`/v1/sessions?since=${since}&limit=${PAGE_ROWS}`, 60_000);
  useLiveRefresh(sessions.reload);
  return (
    <>
      <Head title="Sessions" about="What an agent did between its start and its end, where the tool tells its session.">
        <RangePicker standard="7" />
      </Head>
      <Load data={sessions}>
        {({ items, total }) => {
          const digits = money_digits(items.map((row) => row.cost_usd_minor_units));
          return (
            <Table
              name="sessions"
              title={total !== undefined && total > items.length ? `The last ${count(items.length)} of ${count(total)} sessions` : plural(items.length, "session")}
              rows={items}
              row_key={(row) => row.session_id}
              sort="-last"
              columns={[
                { key: "last", title: "Last call", value: (row) => row.last_at, show: (row) => <a href={to_hash("session", row.session_id)}>{moment(row.last_at)}</a>, class: "fit", is_descending_first: true },
                { key: "tool", title: "Tool", value: (row) => row.client_tool, class: "fit" },
                { key: "project", title: "Project", value: (row) => row.project, show: (row) => <ProjectLink slug={row.project} />, class: "clip" },
                { key: "branch", title: "Branch", value: (row) => row.git_branch, show: (row) => (row.git_branch ? <span class="mono" title={row.git_branch}>{row.git_branch}</span> : <span class="dim">–</span>), class: "clip" },
                { key: "length", title: "Length", value: (row) => seconds_of(row), show: (row) => span(seconds_of(row)), is_number: true },
                { key: "calls", title: "Calls", value: (row) => row.requests, show: (row) => count(row.requests), is_number: true },
                { key: "cached", title: "Cache hits", value: (row) => hit_rate(row), show: (row) => percent(hit_rate(row)), is_number: true },
                {
                  key: "cost",
                  title: "Cost",
                  value: (row) => row.cost_usd_minor_units,
                  show: (row) =>
                    row.cost_usd_minor_units === 0 && row.plan_cost_usd_minor_units > 0 ? (
                      <span class="dim" title="Covered by a subscription: what it would have cost by the list">
                        ({money(row.plan_cost_usd_minor_units, digits)})
                      </span>
                    ) : (
                      money(row.cost_usd_minor_units, digits)
                    ),
                  is_number: true,
                  class: "strong",
                },
                { key: "errors", title: "Errors", value: (row) => row.error_requests, show: (row) => (row.error_requests > 0 ? <span class="tag bad">{count(row.error_requests)}</span> : <span class="dim">–</span>), is_number: true },
                { key: "session", title: "Session", value: (row) => row.session_id, show: (row) => <span class="mono dim">{row.session_id.slice(0, 8)}</span>, class: "fit" },
              ]}
              empty={
                <Empty title="No session in this period" command="halton-meter run -- claude">
                  Agents such as Claude Code and Codex tell their session; plain scripts do not, and their calls are on the <a href={to_hash("live")}>live</a> page.
                </Empty>
              }
            />
          );
        }}
      </Load>
    </>
  );
}

function TimelineCall(props: { call: Call }) {
  const { call } = props;
  const share = cache_share(call);
  return (
    <li class={is_failed(call) ? "failed" : undefined}>
      <span class="when">{clock_time(call.requested_at)}</span>
      <span class="rail" aria-hidden="true" />
      <div class="what">
        <div class="line">
          <a href={to_hash("call", call.id)}>{short_model(call.model) || "(model not named)"}</a>
          {call.agent_name && <span class="tag accent">{call.agent_name}</span>}
          {(call.retry_count ?? 0) > 0 && <span class="tag warn">retry {call.retry_count}</span>}
          {(is_failed(call) || !call.tokens_complete) && <CallState call={call} />}
        </div>
        <span class="cost">
          <CallCost call={call} />
        </span>
        <div class="facts">
          <span>{tokens(call.input_tokens)} in</span>
          <span>{tokens(call.output_tokens)} out</span>
          {share !== null && <span>{percent(share)} cached</span>}
          {call.cache_write_tokens > 0 && <span>{tokens(call.cache_write_tokens)} written to cache</span>}
          {call.thinking_tokens > 0 && <span>{tokens(call.thinking_tokens)} thinking</span>}
          <span>{latency(call.latency_ms)}</span>
        </div>
      </div>
    </li>
  );
}

function Timeline(props: { calls: Call[] }) {
  const lines: ComponentChildren[] = [];
  let end = 0;
  for (const call of props.calls) {
    const start = Date.parse(call.requested_at);
    const idle = (start - end) / 1000;
    if (end > 0 && idle > PAUSE_S)
      lines.push(
        <li class="pause" key={`pause-${call.id}`}>
          <span class="when" />
          <span class="rail" aria-hidden="true" />
          <div class="what">{span(idle)} of nothing; a five-minute cache is gone after that</div>
        </li>,
      );
    lines.push(<TimelineCall key={call.id} call={call} />);
    end = start + (call.latency_ms ?? 0);
  }
  return <ol class="timeline">{lines}</ol>;
}

export function SessionPage() {
  const { name } = useRoute();
  const path = `/v1/sessions/${encodeURIComponent(name)}`;
  const detail = useData<SessionDetail>(`${path}?limit=${PAGE_ROWS}`);
  useLiveRefresh(detail.reload);
  const [more, set_more] = useState<{ calls: Call[]; cursor: string | null } | null>(null);
  useEffect(() => set_more(null), [name]);
  return (
    <>
      <Head title={`Session ${name.length > 20 ? `${name.slice(0, 8)}…` : name}`} crumb={<a href={to_hash("sessions")}>Sessions</a>} />
      <Load
        data={detail}
        missing={
          <Card>
            <Empty title="There is no such session">
              It may have been deleted with its calls. <a href={to_hash("sessions")}>All sessions</a>
            </Empty>
          </Card>
        }
      >
        {({ session, requests }) => {
          const calls = [...requests.items, ...(more?.calls ?? [])];
          const agents = [...new Set(calls.map((call) => call.agent_name).filter(Boolean))];
          const cursor = more ? more.cursor : (requests.next_cursor ?? null);
          const read_more = async () => {
            const answer = await get<SessionDetail>(`${path}?limit=${PAGE_ROWS}&cursor=${encodeURIComponent(cursor!)}`);
            set_more({ calls: [...(more?.calls ?? []), ...answer.requests.items], cursor: answer.requests.next_cursor ?? null });
          };
          return (
            <div class="stack">
              <dl class="tiles">
                <Tile
                  label="Cost"
                  value={session.cost_usd_minor_units === 0 && session.plan_cost_usd_minor_units > 0 ? `(${money(session.plan_cost_usd_minor_units)})` : money(session.cost_usd_minor_units)}
                  sub={session.plan_requests > 0 ? `${plural(session.plan_requests, "call")} covered by a plan` : session.unpriced_requests > 0 ? `${plural(session.unpriced_requests, "call")} without a price` : "all of it billed"}
                />
                <Tile label="Calls" value={count(session.requests)} sub={`${plural(session.error_requests, "error")}, ${plural(session.retry_count, "retry", "retries")}`} />
                <Tile label="From cache" value={percent(hit_rate(session))} sub={`${tokens(session.cache_read_tokens)} of ${tokens(session.input_tokens + session.cache_read_tokens)} input tokens`} />
                <Tile label="Length" value={span(seconds_of(session))} sub={`from ${moment(session.started_at)}`} />
              </dl>
              <Card
                title="Calls, one after the other"
                id="timeline"
                about={
                  <>
                    {session.client_tool ?? "a tool"} {session.client_version} in <ProjectLink slug={session.project} />
                    {session.git_branch && (
                      <>
                        {" "}
                        on <span class="mono">{session.git_branch}</span>
                      </>
                    )}
                    {agents.length > 0 && `, with ${agents.join(", ")}`}
                  </>
                }
              >
                <Timeline calls={calls} />
                {cursor && (
                  <div class="more">
                    <button type="button" class="button" onClick={() => void read_more()}>
                      Show more calls
                    </button>
                  </div>
                )}
              </Card>
            </div>
          );
        }}
      </Load>
    </>
  );
}

