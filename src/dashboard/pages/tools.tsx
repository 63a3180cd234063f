// Which programs call.
import { useData } from "../lib/api";
import { ago, count, moment, money, money_digits, plural } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { to_hash } from "../lib/route";
import type { Tools as Answer } from "../lib/types";
import { Empty, Head, Load } from "../parts/basics";
import { RangePicker, useRange } from "../parts/spend";
import { Table } from "../parts/table";

export function Tools() {
  const { since } = useRange();
  const tools = useData<Answer>(`/v1/tools?since=${since}`, 60_000);
  useLiveRefresh(tools.reload);
  return (
    <>
      <Head title="Tools" about="The programs that call, as they name themselves.">
        <RangePicker />
      </Head>
      <Load data={tools}>
        {({ items }) => {
          const digits = money_digits(items.map((row) => row.cost_usd_minor_units));
          return (
            <Table
              name="tools"
              title={plural(items.length, "tool")}
              rows={items}
              row_key={(row) => row.tool ?? ""}
              sort="-calls"
              columns={[
                { key: "tool", title: "Tool", value: (row) => row.tool ?? "not told", class: "text" },
                { key: "version", title: "Version", about: "Of its newest call that tells one", value: (row) => row.version, class: "text" },
                { key: "calls", title: "Calls", value: (row) => row.requests, show: (row) => count(row.requests), is_number: true },
                { key: "sessions", title: "Sessions", value: (row) => row.sessions, show: (row) => (row.sessions > 0 ? <a href={to_hash("sessions", "", { "sessions.q": row.tool ?? undefined })}>{count(row.sessions)}</a> : <span class="dim">–</span>), is_number: true },
                { key: "cost", title: "Cost", value: (row) => row.cost_usd_minor_units, show: (row) => money(row.cost_usd_minor_units, digits), is_number: true, class: "strong" },
                { key: "plan", title: "Plan, by list", about: "What calls over a subscription would have cost; not billed", value: (row) => row.plan_cost_usd_minor_units, show: (row) => (row.plan_cost_usd_minor_units > 0 ? money(row.plan_cost_usd_minor_units, 2) : <span class="dim">–</span>), is_number: true },
                { key: "errors", title: "Errors", value: (row) => row.error_requests, show: (row) => (row.error_requests > 0 ? count(row.error_requests) : <span class="dim">–</span>), is_number: true },
                { key: "last", title: "Last call", value: (row) => row.last_at, show: (row) => <span title={moment(row.last_at)}>{ago(row.last_at, Date.now())}</span>, class: "fit", is_descending_first: true },
              ]}
              empty={
                <Empty title="No tool has called in this period" command="halton-meter run -- claude">
                  Tools that were refused, or passed by unmetered, are on the <a href={to_hash("coverage")}>coverage</a> page.
                </Empty>
              }
            />
          );
        }}
      </Load>
    </>
  );
}
