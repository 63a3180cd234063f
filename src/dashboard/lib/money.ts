// Reckonings that are not the daemon's business. Pure.
import type { CostStep } from "./types";

/** The sum of what days cost from `from` on (dates as texts, both in one zone). */
export function sum_since(days: { date: string; cost_usd_minor_units: number }[], from: string): number {
  let sum = 0;
  for (const one of days) if (one.date >= from) sum += one.cost_usd_minor_units;
  return sum;
}

/** The Monday of a day's week. */
export function week_start(date: string): string {
  const value = new Date(`${date}T12:00:00Z`);
  value.setUTCDate(value.getUTCDate() - ((value.getUTCDay() + 6) % 7));
  return value.toISOString().slice(0, 10);
}

export function month_start(date: string): string {
  return `${date.slice(0, 7)}-01`;
}

/** Each stack's upper edges, series by series, for bars that are drawn over one another. */
export function stacked(series: number[][]): number[][] {
  const sums: number[] = [];
  return series.map((values) => values.map((value, i) => (sums[i] = (sums[i] ?? 0) + value)));
}

/** The names that matter most, at most `most`; the others are one. */
export function leaders<T>(rows: T[], name: (row: T) => string, value: (row: T) => number, most: number): string[] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(name(row), (sums.get(name(row)) ?? 0) + value(row));
  return [...sums.entries()]
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, most)
    .map(([one]) => one);
}

export interface CostLine {
  what: string;
  count: string;
  price: string;
  amount: number | null; // nano-dollars; null: not listed
  is_exact: boolean;
}

/** The steps of a cost with what each comes to, and their sum, in nano-dollars. */
export function cost_lines(steps: CostStep[]): { lines: CostLine[]; sum: number } {
  let sum = 0;
  const lines = steps.map((step): CostLine => {
    const line = (count: string, price: string, amount: number | null): CostLine => {
      sum += amount ?? 0;
      return { what: step.what.replaceAll("_", " "), count, price, amount, is_exact: step.exact };
    };
    if (step.percent !== undefined) return line(`${step.percent} %`, "of what is above", (sum * (step.percent - 100)) / 100);
    const count = step.count ?? 0;
    const shown = count.toLocaleString("en-US");
    if (step.nanousd_each !== undefined) return step.nanousd_each === null ? line(shown, "not listed", null) : line(shown, `${nano_money(step.nanousd_each)} each`, count * step.nanousd_each);
    const rate = step.nanousd_per_1k ?? null;
    return rate === null ? line(shown, "not listed", null) : line(shown, `${nano_money(rate * 1000)} a million`, (count * rate) / 1000);
  });
  return { lines, sum };
}

/** Nano-dollars with all their digits and no more: $3.00, $0.000025. */
export function nano_money(nano: number): string {
  const text = (Math.abs(nano) / 1e9).toFixed(9).replace(/0{1,7}$/, "");
  return `${nano < 0 ? "−" : ""}$${text}`;
}
