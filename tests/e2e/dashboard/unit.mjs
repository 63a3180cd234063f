// The pure functions of src/dashboard/lib, by Node's own test runner: node --test unit.mjs
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { install } from "../../../src/dashboard/build.mjs";

const source = fileURLToPath(new URL("../../../src/dashboard/", import.meta.url));
const { cache, why } = install(source, "dashboard");
if (!cache) throw new Error(`npm cannot get the packages: ${why}`);
const esbuild = createRequire(path.join(cache, "package.json"))("esbuild");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "halton-dashboard-unit-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

async function load(name) {
  const out = path.join(folder, `${name}.mjs`);
  esbuild.buildSync({ entryPoints: [path.join(source, "lib", `${name}.ts`)], bundle: true, format: "esm", outfile: out });
  return import(pathToFileURL(out).href);
}
const format = await load("format");
const table = await load("table");
const route = await load("route");
const money = await load("money");
const colours = await load("colours");
format.use_style({ locale: "en-US", zone: "Europe/Berlin" });

test("money has the digits that it needs, and unknown is not zero", () => {
  assert.equal(format.money(null), "no price");
  assert.equal(format.money(undefined), "no price");
  assert.equal(format.money(0), "$0.00");
  assert.equal(format.money(1), "$0.00001");
  assert.equal(format.money(123), "$0.0012");
  assert.equal(format.money(99_999), "$1.000");
  assert.equal(format.money(100_000), "$1.00");
  assert.equal(format.money(123_456_789), "$1,234.57");
  assert.equal(format.money(-250_000), "−$2.50");
});

test("money in a column stands in line, and what is little is not nothing", () => {
  assert.equal(format.money_digits([100_000, 5, null]), 2);
  assert.equal(format.money_digits([99_999, 5]), 4);
  assert.equal(format.money_digits([12]), 5);
  assert.equal(format.money_digits([]), 2);
  assert.equal(format.money(5, 2), "<$0.01");
  assert.equal(format.money(500, 2), "$0.01");
  assert.equal(format.money(0, 2), "$0");
  assert.equal(format.money(1, 5), "$0.00001");
});

test("an axis has as many digits as its steps need", () => {
  assert.deepEqual(format.axis_money([0, 50_000, 100_000]), ["$0", "$0.50", "$1.00"]);
  assert.deepEqual(format.axis_money([0, 1000, 2000]), ["$0", "$0.010", "$0.020"]);
  assert.deepEqual(format.axis_money([0, 500_000, 1_000_000]), ["$0", "$5", "$10"]);
  assert.deepEqual(format.axis_money([0, 200_000_000]), ["$0", "$2k"]);
});

test("tokens and counts", () => {
  assert.equal(format.tokens(null), "–");
  assert.equal(format.tokens(0), "0");
  assert.equal(format.tokens(999), "999");
  assert.equal(format.tokens(1234), "1.2k");
  assert.equal(format.tokens(999_949), "1000k");
  assert.equal(format.tokens(999_951), "1.00M");
  assert.equal(format.tokens(12_345_678), "12.3M");
  assert.equal(format.tokens(2_000_000_000), "2.00B");
  assert.equal(format.count(1234567), "1,234,567");
  assert.equal(format.plural(1, "retry", "retries"), "1 retry");
  assert.equal(format.plural(0, "retry", "retries"), "0 retries");
});

test("shares and changes", () => {
  assert.equal(format.percent(0), "0 %");
  assert.equal(format.percent(0.0004), "<0.1 %");
  assert.equal(format.percent(0.056), "5.6 %");
  assert.equal(format.percent(1.23), "123 %");
  assert.equal(format.percent(NaN), "–");
  assert.equal(format.change(110, 100), "+10 %");
  assert.equal(format.change(75, 100), "−25 %");
  assert.equal(format.change(5, 0), "–");
});

test("times are told in the zone, by calendar days, through a change of the clocks", () => {
  assert.equal(format.moment("2026-11-21T18:05:09.123456Z"), "Nov 21, 2026, 19:05");
  assert.equal(format.clock_time("2026-07-01T22:00:01.000000Z"), "00:00:01");
  assert.equal(format.moment("no time"), "–");
  assert.equal(format.moment(null), "–");
  assert.equal(format.local_day(new Date("2026-11-21T23:30:00Z")), "2026-11-22");
  // The night of 25 October has 25 hours there.
  assert.equal(format.local_day(new Date("2026-10-25T23:30:00Z"), 1), "2026-10-25");
  assert.equal(format.local_day(new Date("2026-03-29T22:30:00Z"), 1), "2026-03-29");
  assert.equal(format.day_there(-120, new Date("2026-11-21T01:30:00Z")), "2026-11-20");
  assert.equal(format.day_there(undefined, new Date("2026-11-21T23:30:00Z")), "2026-11-22");
  assert.equal(format.zone_name(new Date("2026-11-21T12:00:00Z")), "Europe/Berlin (UTC+1)");
  assert.equal(format.zone_name(new Date("2026-07-21T12:00:00Z")), "Europe/Berlin (UTC+2)");
  assert.equal(format.day("2026-11-21", true), "Sat, Nov 21");
  assert.equal(format.day("broken"), "broken");
});

test("lengths of time", () => {
  assert.equal(format.latency(812.4), "812 ms");
  assert.equal(format.latency(12_340), "12.3 s");
  assert.equal(format.latency(null), "–");
  assert.equal(format.span(59.6), "1 min");
  assert.equal(format.span(125), "2 min 5 s");
  assert.equal(format.span(8040), "2 h 14 min");
  assert.equal(format.span(3 * 86400 + 3600), "3 d 1 h");
  const now = Date.parse("2026-11-21T12:00:00Z");
  assert.equal(format.ago("2026-11-21T11:57:00Z", now), "3 min ago");
  assert.equal(format.ago("2026-11-21T14:00:00Z", now), "in 2 h");
  assert.equal(format.ago(null, now), "never");
});

test("model names lose the date that only price lists need", () => {
  assert.equal(format.short_model("claude-sonnet-4-5-20250929"), "claude-sonnet-4-5");
  assert.equal(format.short_model("gpt-5.1"), "gpt-5.1");
});

test("sorting: numbers as numbers, v2 before v10, what is missing last both ways, equals as they came", () => {
  const rows = [{ a: 10 }, { a: null }, { a: 9 }, { a: undefined }];
  assert.deepEqual(table.sorted(rows, (row) => row.a, false).map((row) => row.a), [9, 10, null, undefined]);
  assert.deepEqual(table.sorted(rows, (row) => row.a, true).map((row) => row.a), [10, 9, null, undefined]);
  assert.deepEqual(table.sorted(["v10", "v2", "V1"], (row) => row, false), ["V1", "v2", "v10"]);
  const same = [{ k: 1, n: "a" }, { k: 1, n: "b" }, { k: 0, n: "c" }];
  assert.deepEqual(table.sorted(same, (row) => row.k, true).map((row) => row.n), ["a", "b", "c"]);
});

test("filtering: every word, in any cell, whatever its case", () => {
  const rows = [["claude-opus", "anthropic"], ["gpt-5", "openai"]];
  const cells = (row) => row;
  assert.equal(table.filtered(rows, cells, "OPUS anth").length, 1);
  assert.equal(table.filtered(rows, cells, "opus openai").length, 0);
  assert.equal(table.filtered(rows, cells, "  ").length, 2);
  assert.equal(table.filtered(rows, cells, ".*").length, 0);
});

test("CSV: quoted by RFC 4180, and no cell becomes a formula", () => {
  assert.equal(
    table.to_csv(["a", "b"], [['x "y", z', 1], ["two\nlines", null], ["=1+1", -5], [true, "@cmd"]]),
    'a,b\r\n"x ""y"", z",1\r\n"two\nlines",\r\n\'=1+1,-5\r\ntrue,\'@cmd\r\n',
  );
});

test("addresses: there and back, whatever is in them", () => {
  assert.deepEqual(route.parse_route(""), { page: "overview", name: "", query: {} });
  assert.deepEqual(route.parse_route("#/models?range=7&models.q=a%26b"), { page: "models", name: "", query: { range: "7", "models.q": "a&b" } });
  for (const name of ["web/checkout", "client:acme/a?b=c#d", "<img src=x onerror=alert(1)>", "100 %"]) {
    const hash = route.to_hash("project", name, { q: name, none: "", gone: undefined });
    assert.deepEqual(route.parse_route(hash), { page: "project", name, query: { q: name } });
  }
  assert.equal(route.parse_route("#/project/%E0%A4%A").name, "%E0%A4%A");
});

test("weeks, months, and what leads", () => {
  assert.equal(money.week_start("2026-11-21"), "2026-11-16");
  assert.equal(money.week_start("2026-11-22"), "2026-11-16");
  assert.equal(money.week_start("2026-11-16"), "2026-11-16");
  assert.equal(money.month_start("2026-11-21"), "2026-11-01");
  const days = [{ date: "2026-11-20", cost_usd_minor_units: 5 }, { date: "2026-11-21", cost_usd_minor_units: 7 }];
  assert.equal(money.sum_since(days, "2026-11-21"), 7);
  assert.deepEqual(money.stacked([[1, 2], [3, 4]]), [[1, 2], [4, 6]]);
  const rows = [["a", 1], ["b", 5], ["a", 3], ["c", 2]];
  assert.deepEqual(money.leaders(rows, (row) => row[0], (row) => row[1], 2), ["b", "a"]);
});

test("a cost is the sum of its steps, to the nano-dollar", () => {
  const { lines, sum } = money.cost_lines([
    { what: "input", count: 25, nanousd_per_1k: 1_000_000, exact: true },
    { what: "cache_read", count: 1_000_000, nanousd_per_1k: 300_000, exact: true },
    { what: "output", count: 12, nanousd_per_1k: 5_000_000, exact: false },
    { what: "long context", percent: 200, exact: true },
    { what: "web_search", count: 3, nanousd_each: 10_000_000, exact: true },
    { what: "audio", count: 7, nanousd_per_1k: null, exact: true },
  ]);
  assert.deepEqual(lines.map((line) => line.amount), [25_000, 300_000_000, 60_000, 300_085_000, 30_000_000, null]);
  assert.equal(sum, 630_170_000);
  assert.equal(lines[1].price, "$0.30 a million");
  assert.equal(lines[1].what, "cache read");
  assert.equal(lines[5].price, "not listed");
  assert.equal(money.nano_money(630_170_000), "$0.63017");
  assert.equal(money.nano_money(3_000_000_000), "$3.00");
  assert.equal(money.nano_money(25), "$0.000000025");
  assert.equal(money.nano_money(0), "$0.00");
});

test("a provider keeps its colour, known or not", () => {
  assert.equal(colours.provider_colour("anthropic"), "var(--p0)");
  assert.equal(colours.provider_colour("other"), "var(--p6)");
  assert.equal(colours.provider_colour("somebody"), colours.provider_colour("somebody"));
  const beside = colours.apart(["anthropic", "openai", "groq", "mistral", "bedrock", "openrouter"]);
  assert.equal(new Set(beside).size, 6);
  assert.equal(beside[0], "var(--p0)");
  assert.match(colours.provider_colour("<script>"), /^var\(--p[0-6]\)$/);
});
