// A table that sorts, filters and copies. What it is asked for stands in the address, under its
// own name, so that a table keeps its order over a reload.
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type Cell, filtered, sorted, to_csv } from "../lib/table";
import { useQuery } from "./router";
import { Card, CopyButton, Empty } from "./basics";

export interface Column<Row> {
  key: string;
  title: string;
  value: (row: Row) => Cell; // to sort, filter and copy
  show?: (row: Row) => ComponentChildren; // how it looks; the value without it
  is_number?: boolean;
  class?: string;
  is_descending_first?: boolean;
  about?: string;
}

const SHOWN_STEP = 50;

export function Table<Row>(props: {
  name: string; // of its words in the address, and of the CSV
  title: ComponentChildren;
  about?: ComponentChildren;
  columns: Column<Row>[];
  rows: Row[];
  row_key: (row: Row) => string;
  row_class?: (row: Row) => string;
  sort?: string; // "-cost": the first order
  empty: ComponentChildren;
  tools?: ComponentChildren;
  foot?: ComponentChildren;
  has_filter?: boolean;
}) {
  const [query, set_query] = useQuery();
  const sort_word = `${props.name}.sort`;
  const filter_word = `${props.name}.q`;
  const order = query[sort_word] ?? props.sort ?? "";
  const wanted = query[filter_word] ?? "";
  const [shown, set_shown] = useState(SHOWN_STEP);
  const is_descending = order.startsWith("-");
  const by = props.columns.find((column) => column.key === order.replace(/^-/, ""));
  const rows = useMemo(() => {
    const kept = wanted ? filtered(props.rows, (row) => props.columns.map((column) => column.value(row)), wanted) : props.rows;
    return by ? sorted(kept, by.value, is_descending) : [...kept];
  }, [props.rows, wanted, order]);

  const pick = (column: Column<Row>) => {
    const first = column.is_descending_first ?? column.is_number ?? false;
    const next = by?.key === column.key ? !is_descending : first;
    const word = `${next ? "-" : ""}${column.key}`;
    set_query({ [sort_word]: word === props.sort ? undefined : word });
  };
  const csv = () =>
    to_csv(
      props.columns.map((column) => column.key),
      rows.map((row) => props.columns.map((column) => column.value(row))),
    );
  const has_filter = props.has_filter !== false && (props.rows.length > 5 || wanted !== "");
  const tools =
    props.rows.length > 0 || wanted ? (
      <>
        {props.tools}
        {has_filter && (
          <input
            type="search"
            placeholder="Filter"
            aria-label={`Filter ${props.name}`}
            value={wanted}
            onInput={(event) => set_query({ [filter_word]: event.currentTarget.value || undefined }, true)}
          />
        )}
        <CopyButton text={csv} label="Copy CSV" about={`Copy CSV of ${props.name}`} />
      </>
    ) : (
      props.tools
    );
  return (
    <Card title={props.title} about={props.about} tools={tools} id={`table-${props.name}`}>
      {props.rows.length === 0 ? (
        props.empty
      ) : rows.length === 0 ? (
        <Empty title={`Nothing matches “${wanted}”`}>
          <button type="button" class="button" onClick={() => set_query({ [filter_word]: undefined })}>
            Clear the filter
          </button>
        </Empty>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={typeof props.title === "string" ? `${props.title}, table` : `${props.name}, table`}>
          <table>
            <thead>
              <tr>
                {props.columns.map((column) => (
                  <th
                    key={column.key}
                    scope="col"
                    class={column.is_number ? "num" : undefined}
                    aria-sort={by?.key === column.key ? (is_descending ? "descending" : "ascending") : undefined}
                  >
                    <button type="button" title={column.about} onClick={() => pick(column)}>
                      {column.title}
                      <span class="arrow" aria-hidden="true">
                        {is_descending ? "▼" : "▲"}
                      </span>
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, shown).map((row) => (
                <tr key={props.row_key(row)} class={props.row_class?.(row)}>
                  {props.columns.map((column) => (
                    <td key={column.key} class={[column.is_number ? "num" : "", column.class ?? ""].join(" ").trim() || undefined}>
                      {column.show ? column.show(row) : (column.value(row) ?? <span class="dim">–</span>)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > shown && (
        <div class="more">
          <button type="button" class="button" onClick={() => set_shown(shown + SHOWN_STEP)}>
            Show {Math.min(SHOWN_STEP, rows.length - shown)} more of {rows.length}
          </button>
        </div>
      )}
      {props.foot}
    </Card>
  );
}
