// Calls page by page: the newest, and older ones when asked for.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, useData } from "../lib/api";
import { useLiveRefresh } from "../lib/live";
import { count } from "../lib/format";
import type { Call, Page } from "../lib/types";
import { Load } from "./basics";
import { type Column, Table } from "./table";

const PAGE_ROWS = 50;

export function CallList(props: { path: string; name: string; title: string; columns: Column<Call>[]; empty: ComponentChildren; tools?: ComponentChildren }) {
  const first = useData<Page<Call>>(`${props.path}${props.path.includes("?") ? "&" : "?"}limit=${PAGE_ROWS}`);
  useLiveRefresh(first.reload);
  const [older, set_older] = useState<Call[]>([]);
  const [cursor, set_cursor] = useState<string | null | undefined>(undefined); // of the last page read
  const [problem, set_problem] = useState("");
  const path = useRef(props.path);
  useEffect(() => {
    path.current = props.path;
    set_older([]);
    set_cursor(undefined);
    set_problem("");
  }, [props.path]);
  return (
    <Load data={first}>
      {(page) => {
        const next = cursor === undefined ? page.next_cursor : cursor;
        const seen = new Set<string>();
        const rows = [...page.items, ...older].filter((call) => !seen.has(call.id) && seen.add(call.id));
        const more = async () => {
          const asked = props.path;
          try {
            const answer = await get<Page<Call>>(`${asked}${asked.includes("?") ? "&" : "?"}limit=${PAGE_ROWS}&cursor=${encodeURIComponent(next!)}`);
            if (path.current !== asked) return;
            // What has moved from the first page into the gap stays in the list.
            set_older((before) => [...(before.length > 0 ? before : page.items), ...answer.items]);
            set_cursor(answer.next_cursor ?? null);
            set_problem("");
          } catch (error) {
            set_problem((error as Error).message);
          }
        };
        return (
          <Table
            name={props.name}
            title={props.title}
            about={page.total !== undefined ? `${count(rows.length)} of ${count(page.total)}, newest first` : undefined}
            columns={props.columns}
            rows={rows}
            row_key={(call) => call.id}
            empty={props.empty}
            tools={props.tools}
            foot={
              next ? (
                <div class="more">
                  <button type="button" class="button" onClick={() => void more()}>
                    {problem ? `Cannot read more (${problem}); try again` : "Show older calls"}
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
