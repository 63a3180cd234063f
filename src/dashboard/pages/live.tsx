// Calls as they end.
import { useEffect, useRef, useState } from "preact/hooks";
import { useData } from "../lib/api";
import { count } from "../lib/format";
import { useLive, useLiveState } from "../lib/live";
import type { Call, Page } from "../lib/types";
import { Empty, Head, Load } from "../parts/basics";
import { call_columns } from "../parts/calls";
import { Table } from "../parts/table";

const SHOWN_MAX = 200;

export function Live() {
  const recent = useData<Page<Call>>("/v1/requests?limit=100");
  const [fresh, set_fresh] = useState<Call[]>([]);
  const [is_paused, pause] = useState(false);
  const waiting = useRef<Call[]>([]);
  const [waiting_count, set_waiting_count] = useState(0);
  const is_open = useLive((call) => {
    if (is_paused) {
      waiting.current = [call, ...waiting.current].slice(0, SHOWN_MAX);
      set_waiting_count(waiting.current.length);
    } else {
      set_fresh((now) => [call, ...now].slice(0, SHOWN_MAX));
    }
  });
  const state = useLiveState();
  // What happened while the stream was away is read once it stands again.
  const was_open = useRef(true);
  useEffect(() => {
    if (is_open && !was_open.current) recent.reload();
    was_open.current = is_open;
  }, [is_open]);
  const toggle = () => {
    if (is_paused) {
      const held = waiting.current;
      waiting.current = [];
      set_waiting_count(0);
      set_fresh((now) => [...held, ...now].slice(0, SHOWN_MAX));
    }
    pause(!is_paused);
  };
  return (
    <>
      <Head
        title="Live"
        about={
          <span role="status">
            {is_open ? "Each call appears when its answer has ended." : "Not connected to the daemon’s stream; it is tried again."}
            {state && is_open && ` ${count(state.running_calls)} running now, ${count(state.request_count_last_hour)} in the last hour.`}
          </span>
        }
      >
        <button type="button" class="button" aria-pressed={is_paused} onClick={toggle}>
          {is_paused ? `Go on${waiting_count > 0 ? ` (${waiting_count} new)` : ""}` : "Pause"}
        </button>
      </Head>
      <Load data={recent}>
        {(page) => {
          const seen = new Set<string>();
          const is_fresh = new Set(fresh.map((call) => call.id));
          const rows = [...fresh, ...page.items].filter((call) => !seen.has(call.id) && seen.add(call.id)).slice(0, SHOWN_MAX);
          return (
            <Table
              name="calls"
              title="Latest calls"
              rows={rows}
              row_key={(call) => call.id}
              row_class={(call) => (is_fresh.has(call.id) ? "fresh" : "")}
              columns={call_columns("time", "project", "tool", "provider", "model", "cost", "input", "cached", "output", "latency", "state")}
              empty={
                <Empty title="Nothing has been metered yet" command="halton-meter run -- claude">
                  Leave this page open and start a tool through the meter: its first call appears here within a second.
                </Empty>
              }
            />
          );
        }}
      </Load>
    </>
  );
}
