// Reckonings of the overview that are not the daemon's business. Pure.

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
