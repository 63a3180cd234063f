// Values to the text that people read. Pure: locale and zone come in with `Style`, so that the
// same value gives the same text in a test.
export interface Style {
  locale?: string;
  zone?: string;
}

const style: Style = {};
export function use_style(wanted: Style): void {
  Object.assign(style, wanted);
}

// 1 USD = 100,000 minor units (millicents).
export const UNITS_PER_USD = 100_000;

/** Money from minor units. Unknown is not zero. Without `digits`: two from a dollar on, as many as
 *  the value needs below. With them: what would look like nothing is "<$0.01". */
export function money(units: number | null | undefined, digits?: number): string {
  if (units === null || units === undefined) return "no price";
  const sign = units < 0 ? "−" : "";
  const size = Math.abs(units);
  if (size === 0) return digits === undefined ? "$0.00" : "$0";
  const wanted = digits ?? (size >= UNITS_PER_USD ? 2 : size >= 1000 ? 3 : size >= 100 ? 4 : 5);
  const least = UNITS_PER_USD / 10 ** wanted;
  if (size > 0 && size * 2 < least) return `<$${(1 / 10 ** wanted).toFixed(wanted)}`;
  const text = (size / UNITS_PER_USD).toLocaleString(style.locale, {
    minimumFractionDigits: wanted,
    maximumFractionDigits: wanted,
  });
  return `${sign}$${text}`;
}

/** Digits with which a column of amounts stands in line: cents where dollars are, else finer. */
export function money_digits(column: (number | null | undefined)[]): number {
  let most = 0;
  for (const units of column) most = Math.max(most, Math.abs(units ?? 0));
  return most === 0 || most >= UNITS_PER_USD ? 2 : most >= 1000 ? 4 : 5;
}

/** The marks of an axis, all with the digits that their distance needs: $0, $0.50, $1.00; $12k. */
export function axis_money(marks: number[]): string[] {
  const step = Math.abs((marks[1] ?? marks[0] ?? 0) - (marks[0] ?? 0)) / UNITS_PER_USD;
  return marks.map((units) => {
    const usd = units / UNITS_PER_USD;
    if (usd === 0) return "$0";
    if (step >= 1e6) return `$${trim(usd / 1e6)}M`;
    if (step >= 1e3) return `$${trim(usd / 1e3)}k`;
    if (step >= 1 && Number.isInteger(step)) return `$${usd.toLocaleString(style.locale)}`;
    return `$${usd.toFixed(step >= 0.1 || step === 0 ? 2 : step >= 0.01 ? 3 : 5)}`;
  });
}

function trim(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toFixed(1)));
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toLocaleString(style.locale);
}

/** Tokens: 950, 12.3k, 4.56M. */
export function tokens(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value < 1000) return String(value);
  if (value < 999_950) return `${(value / 1e3).toFixed(value < 99_950 ? 1 : 0)}k`;
  if (value < 999_950_000) return `${(value / 1e6).toFixed(value < 9_995_000 ? 2 : 1)}M`;
  return `${(value / 1e9).toFixed(2)}B`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function percent(fraction: number | null | undefined): string {
  if (fraction === null || fraction === undefined || !Number.isFinite(fraction)) return "–";
  const value = fraction * 100;
  if (value > 0 && value < 0.1) return "<0.1 %";
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** A change against the period before: "+12 %", "−3 %", "–" where there was nothing before. */
export function change(now: number, before: number): string {
  if (before === 0) return "–";
  const value = Math.round(((now - before) / before) * 100);
  return value > 0 ? `+${count(value)} %` : value < 0 ? `−${count(-value)} %` : "±0 %";
}

export function latency(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return span(ms / 1000);
}

/** A length of time in its two largest units: "2 h 14 min". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / 86400);
  const hours = Math.floor((whole % 86400) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (days > 0) return hours > 0 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes > 0) return minutes < 10 && whole % 60 > 0 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  return `${whole} s`;
}

/** "3 min ago", "in 2 h". */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return "never";
  const seconds = (now - Date.parse(at)) / 1000;
  if (Number.isNaN(seconds)) return "–";
  if (seconds < 0) return `in ${coarse(-seconds)}`;
  return seconds < 5 ? "just now" : `${coarse(seconds)} ago`;
}

function coarse(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function in_zone(at: Date, options: Intl.DateTimeFormatOptions): string {
  const key = JSON.stringify([style, options]);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(style.locale, { ...options, timeZone: style.zone });
    formats.set(key, format);
  }
  return format.format(at);
}

function parse(at: string | null | undefined): Date | null {
  if (!at) return null;
  const value = new Date(at);
  return Number.isNaN(value.getTime()) ? null : value;
}

/** Date and time of day, local. */
export function moment(at: string | null | undefined): string {
  const value = parse(at);
  return value
    ? in_zone(value, { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" })
    : "–";
}

export function clock_time(at: string | null | undefined): string {
  const value = parse(at);
  return value ? in_zone(value, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }) : "–";
}

/** A whole day "2026-11-21", which has no zone any more. */
export function day(date: string, with_weekday = false): string {
  const value = new Date(`${date}T12:00:00Z`);
  if (Number.isNaN(value.getTime())) return date;
  return new Intl.DateTimeFormat(style.locale, {
    month: "short",
    day: "numeric",
    ...(with_weekday ? { weekday: "short" } : {}),
    timeZone: "UTC",
  }).format(value);
}

/** A whole day with its year. */
export function full_day(date: string): string {
  const value = new Date(`${date}T12:00:00Z`);
  return Number.isNaN(value.getTime())
    ? date
    : new Intl.DateTimeFormat(style.locale, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" }).format(value);
}

/** The zone that times are shown in: "Europe/Berlin (UTC+1)". */
export function zone_name(at = new Date()): string {
  const name = style.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local";
  const part = new Intl.DateTimeFormat("en", { timeZone: style.zone, timeZoneName: "shortOffset" })
    .formatToParts(at)
    .find((one) => one.type === "timeZoneName")?.value;
  const offset = !part || part === "GMT" ? "UTC" : part.replace("GMT", "UTC");
  return name === "UTC" ? "UTC" : `${name} (${offset})`;
}

/** The local day of a moment, "2026-11-21", by calendar and not by 24 hours. */
export function local_day(at: Date, days_before = 0): string {
  const parts = new Intl.DateTimeFormat("en", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: style.zone }).formatToParts(at);
  // In parts, for no language writes "2026-11-21" in every browser.
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  const value = new Date(`${part("year")}-${part("month")}-${part("day")}T12:00:00Z`);
  value.setUTCDate(value.getUTCDate() - days_before);
  return value.toISOString().slice(0, 10);
}

/** Today where the daemon's days begin and end; here, when it does not say. */
export function day_there(utc_offset_minutes: number | undefined, now = new Date()): string {
  return utc_offset_minutes === undefined ? local_day(now) : new Date(now.getTime() + utc_offset_minutes * 60_000).toISOString().slice(0, 10);
}

/** Model ids carry a date that only tables of prices need: "claude-sonnet-4-5-20250929". */
export function short_model(model: string): string {
  return model.replace(/-20\d{6}$/, "");
}
