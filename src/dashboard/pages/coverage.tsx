// How much of the traffic is metered, and what is not, with the reason.
import { useData } from "../lib/api";
import { ago, count, moment, percent, plural } from "../lib/format";
import type { Passthrough } from "../lib/types";
import { Empty, Head, Load, sentence, Tile, ToDo } from "../parts/basics";
import { RangePicker, useRange } from "../parts/spend";
import { Table } from "../parts/table";

// Reasons for which a call to a provider went by: these cost numbers. All others are other traffic.
const OF_PROVIDERS = (item: { host?: string | null }) => Boolean(item.host);

export function Coverage() {
  const { since } = useRange("7");
  const data = useData<Passthrough>(`/v1/passthrough?since=${since}`, 20_000);
  return (
    <>
      <Head title="Coverage" about="What was metered, and what passed by unread and why. Which other hosts you go to is not written down.">
        <RangePicker standard="7" />
      </Head>
      <Load data={data}>
        {(value) => {
          const missed = value.items.filter(OF_PROVIDERS).reduce((sum, item) => sum + item.connections, 0);
          const other = value.items.filter((item) => !OF_PROVIDERS(item)).reduce((sum, item) => sum + item.connections, 0);
          const dropped = (value.dropped?.queue_full ?? 0) + (value.dropped?.error ?? 0);
          const metered = value.metered_requests ?? 0;
          const unseen = (value.unseen?.connections ?? 0) + (value.unseen?.requests ?? 0);
          const refusing = value.refusing_clients ?? [];
          return (
            <div class="stack">
              <dl class="tiles">
                <Tile label="Metered calls" value={count(metered)} sub="each one has a row" />
                <Tile label="Passed at providers" value={count(missed)} sub={missed === 0 ? "nothing went by unmetered" : `${plural(missed, "connection")} that could have held calls`} />
                <Tile label="Refusing tools" value={count(refusing.length)} sub={refusing.length === 0 ? "every tool lets itself be metered" : "they work, unmetered"} />
                <Tile label="Dropped rows" value={count(dropped)} sub={dropped === 0 ? "none since the daemon started" : "since the daemon started: see Health"} />
              </dl>
              {refusing.length > 0 && (
                <Table
                  name="refusing"
                  title="Tools that refuse to be metered"
                  about="They do not trust our certificate. Each is left alone from its first refusal on, so that it works."
                  rows={refusing}
                  row_key={(row) => `${row.program}/${row.host}`}
                  sort="-count"
                  columns={[
                    { key: "program", title: "Program", value: (row) => row.program, show: (row) => row.program || <span class="dim">not known</span>, class: "text" },
                    { key: "host", title: "Host", value: (row) => row.host, show: (row) => <span title={row.host}>{row.host}</span>, class: "clip" },
                    { key: "count", title: "Connections", value: (row) => row.count, show: (row) => count(row.count), is_number: true },
                    { key: "since", title: "Since", value: (row) => row.since, show: (row) => <span title={moment(row.since)}>{ago(row.since, Date.now())}</span>, class: "fit", is_descending_first: true },
                  ]}
                  empty={null}
                />
              )}
              <Table
                name="passthrough"
                title="Not metered, by reason"
                about={other > 0 ? `${plural(other, "connection")} went to hosts that are no providers: that is as it should be` : undefined}
                rows={value.items}
                row_key={(row) => `${row.reason}/${row.program}/${row.host}`}
                columns={[
                  {
                    key: "reason",
                    title: "Reason",
                    value: (row) => row.reason,
                    show: (row) => (
                      <>
                        {sentence(row.meaning || row.reason)}
                        <div class="dim mono">{row.reason}</div>
                      </>
                    ),
                    class: "text wide",
                  },
                  { key: "program", title: "Program", value: (row) => row.program, show: (row) => row.program || <span class="dim">–</span>, class: "text" },
                  { key: "host", title: "Provider’s host", value: (row) => row.host, show: (row) => (row.host ? <span title={row.host}>{row.host}</span> : <span class="dim">other traffic</span>), class: "clip" },
                  { key: "connections", title: "Connections", value: (row) => row.connections, show: (row) => count(row.connections), is_number: true },
                  { key: "last", title: "Last", value: (row) => row.last_at, show: (row) => <span title={moment(row.last_at)}>{ago(row.last_at, Date.now())}</span>, class: "fit", is_descending_first: true },
                  { key: "todo", title: "What you do", value: (row) => row.what_to_do, show: (row) => <ToDo text={row.what_to_do} otherwise="nothing" />, class: "text wide" },
                ]}
                empty={
                  <Empty title="Nothing passed by unmetered in this period" command={metered === 0 ? "halton-meter run -- claude" : undefined}>
                    {metered === 0 ? "Nothing was metered either: no tool went through the meter. This starts one that does." : `All that went through the meter is in the numbers (${percent(1)}).`}
                  </Empty>
                }
              />
              {unseen > 0 && (
                <p class="note">
                  On metered connections, {plural(value.unseen?.requests ?? 0, "request")} of an unknown form and {plural(value.unseen?.connections ?? 0, "connection")} that made no sense to the meter passed unread since the daemon started.
                </p>
              )}
            </div>
          );
        }}
      </Load>
    </>
  );
}
