// What tables do with rows: sort, filter, copy. Pure.
export type Cell = string | number | boolean | null | undefined;

/** Numbers as numbers, texts as people order them (v2 before v10); what is missing comes last, both ways. */
export function compare(a: Cell, b: Cell, is_descending: boolean): number {
  const a_missing = a === null || a === undefined || a === "";
  const b_missing = b === null || b === undefined || b === "";
  if (a_missing || b_missing) return a_missing === b_missing ? 0 : a_missing ? 1 : -1;
  const order =
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true, sensitivity: "base" });
  return is_descending ? -order : order;
}

/** A copy in order; equals stay as they came. */
export function sorted<Row>(rows: readonly Row[], value: (row: Row) => Cell, is_descending: boolean): Row[] {
  return rows
    .map((row, index) => ({ row, index, key: value(row) }))
    .sort((a, b) => compare(a.key, b.key, is_descending) || a.index - b.index)
    .map((one) => one.row);
}

/** Rows in which every word of the query stands in some cell. */
export function filtered<Row>(rows: readonly Row[], cells: (row: Row) => Cell[], query: string): Row[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  return rows.filter((row) => {
    const text = cells(row).map((cell) => String(cell ?? "").toLowerCase());
    return words.every((word) => text.some((cell) => cell.includes(word)));
  });
}

/** RFC 4180. A text that a spreadsheet would take for a formula is kept a text. */
export function to_csv(header: string[], rows: Cell[][]): string {
  const quote = (cell: Cell): string => {
    if (cell === null || cell === undefined) return "";
    if (typeof cell !== "string") return String(cell);
    const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [header, ...rows].map((row) => row.map(quote).join(",") + "\r\n").join("");
}
