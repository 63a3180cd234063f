// What failed at the providers, and who has to do something about it.
import { useData } from "../lib/api";
import { ago, count, moment, percent, plural } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { to_hash } from "../lib/route";
import type { Errors as Answer } from "../lib/types";
import { Card, Empty, Head, Load, ProviderName, Tile, ToDo } from "../parts/basics";
import { CallList } from "../parts/call_list";
import { call_columns } from "../parts/calls";
import { RangePicker, useRange } from "../parts/spend";
import { Table } from "../parts/table";

export function Errors() {
  const { since } = useRange("7");
  const errors = useData<Answer>(`/v1/errors?since=${since}`, 60_000);
  useLiveRefresh(errors.reload);
  return (
    <>
      <Head title="Errors" about="Answers in which a provider refused or failed. That the daemon was away is not an error, and never in here.">
        <RangePicker standard="7" />
      </Head>
      <Load data={errors}>
        {({ items, total_requests, error_requests }) => {
          const retryable = items.reduce((sum, row) => sum + (row.retryable ? row.requests : 0), 0);
          return items.length === 0 ? (
            <Card>
              <Empty title="No provider error in this period">{total_requests > 0 ? `All ${plural(total_requests, "call")} were answered well.` : "There were no calls either. Pick a longer period, or start a tool through the meter."}</Empty>
            </Card>
          ) : (
            <div class="stack">
              <dl class="tiles three">
                <Tile label="Failed calls" value={count(error_requests)} sub={`${percent(total_requests > 0 ? error_requests / total_requests : 0)} of ${plural(total_requests, "call")}`} />
                <Tile label="May be tried again" value={count(retryable)} sub="as they are: back off, then retry" />
                <Tile label="Need a change" value={count(Math.max(0, error_requests - retryable))} sub="in the request, the key or the billing" />
              </dl>
              <Table
                name="errors"
                title="By kind"
                rows={items}
                row_key={(row) => `${row.provider}/${row.error_class}/${row.provider_error_code}/${row.http_status}/${row.retryable}`}
                sort="-calls"
                columns={[
                  {
                    key: "class",
                    title: "Class",
                    value: (row) => row.error_class,
                    show: (row) => row.error_class.replaceAll("_", " "),
                    class: "fit strong",
                  },
                  { key: "wire", title: "Bucket", about: "One of seven that classes are counted under elsewhere", value: (row) => row.error_wire_class, show: (row) => <span class="tag">{row.error_wire_class.replaceAll("_", " ")}</span>, class: "fit" },
                  { key: "provider", title: "Provider", value: (row) => row.provider, show: (row) => <ProviderName name={row.provider} />, class: "fit" },
                  { key: "status", title: "HTTP", value: (row) => row.http_status, show: (row) => row.http_status ?? <span class="dim">none</span>, is_number: true },
                  { key: "code", title: "Provider’s code", value: (row) => row.provider_error_code, show: (row) => (row.provider_error_code ? <span class="mono">{row.provider_error_code}</span> : <span class="dim">–</span>), class: "text" },
                  { key: "calls", title: "Calls", value: (row) => row.requests, show: (row) => count(row.requests), is_number: true },
                  { key: "last", title: "Last", value: (row) => row.last_at, show: (row) => <span title={moment(row.last_at)}>{ago(row.last_at, Date.now())}</span>, class: "fit", is_descending_first: true },
                  { key: "todo", title: "What you do", value: (row) => row.what_to_do, show: (row) => <ToDo text={row.what_to_do} otherwise="–" />, class: "text wide" },
                ]}
                empty={null}
              />
              <CallList
                path={`/v1/requests?status=error&since=${since}`}
                name="failed"
                title="Failed calls"
                columns={call_columns("date", "project", "tool", "provider", "model", "latency", "state")}
                empty={<Empty title="No failed call in this period" />}
              />
            </div>
          );
        }}
      </Load>
      <p class="note see-also">
        Connections that were not metered at all are on the <a href={to_hash("coverage")}>coverage</a> page.
      </p>
    </>
  );
}
