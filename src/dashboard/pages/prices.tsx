// What a token costs, from when on, who says so; and which models nobody knows the price of.
import { useData } from "../lib/api";
import { count, full_day, plural } from "../lib/format";
import type { Price, PriceOverride, Prices as Answer } from "../lib/types";
import { Empty, Head, Load, ProviderName, Segments, Tile } from "../parts/basics";
import { useQuery } from "../parts/router";
import { type Column, Table } from "../parts/table";

// Nano-dollars for a thousand tokens are a thousandth of a micro-dollar each: 1e6 of them are $1
// for a million tokens.
function per_million(rates: Record<string, number> | undefined, kind: string): number | null {
  const rate = rates?.[kind];
  return rate === undefined || rate === null ? null : rate / 1e6;
}

export function rate(value: number | null): string {
  if (value === null) return "–";
  if (value === 0) return "$0";
  return `$${value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: value < 0.1 ? 4 : 3 })}`;
}

function rate_column<Row extends { nanousd_per_1k: Record<string, number> }>(kind: string, title: string, about: string): Column<Row> {
  return {
    key: kind,
    title,
    about,
    value: (row) => per_million(row.nanousd_per_1k, kind),
    show: (row) => {
      const value = per_million(row.nanousd_per_1k, kind);
      return value === null ? <span class="dim">–</span> : rate(value);
    },
    is_number: true,
  };
}

function condition(row: { tier: string; above_tokens: number | null }): string {
  return [row.tier && row.tier !== "standard" ? row.tier : "", row.above_tokens ? `above ${count(row.above_tokens)} tokens` : ""].filter(Boolean).join(", ");
}

export function Prices() {
  const [query, set_query] = useQuery();
  const is_all = query.list === "all";
  const prices = useData<Answer>(`/v1/prices${is_all ? "" : "?used=1"}`);
  return (
    <>
      <Head title="Prices" about="In US dollars for a million tokens. The price of the day of the call is kept with the call." />
      <Load data={prices}>
        {(value) => (
          <div class="stack">
            <dl class="tiles three">
              <Tile label="Price list of" value={value.bundle_date ? full_day(value.local_date ?? value.bundle_date) : "–"} sub={value.local_date ? `imported, over the program’s own of ${full_day(value.bundle_date)}` : "inside of the program"} />
              <Tile label="Your own prices" value={count(value.overrides.length)} sub={value.overrides.length > 0 ? "from config.toml; they win" : "none in config.toml"} />
              <Tile label="Models without a price" value={count(value.unpriced_models.length)} sub={value.unpriced_models.length > 0 ? "called in the last 30 days" : "every called model has one"} />
            </dl>
            {value.unpriced_models.length > 0 && (
              <Table
                name="unknown"
                title="Called, and nobody knows their price"
                about="Their calls have no cost, which is not a cost of nothing. A price that is added counts for old calls after “halton-meter reprice”."
                rows={value.unpriced_models}
                row_key={(row) => `${row.provider}/${row.model}`}
                sort="-calls"
                columns={[
                  { key: "model", title: "Model", value: (row) => row.model, show: (row) => row.model || "(not named)", class: "text strong" },
                  { key: "provider", title: "Provider", value: (row) => row.provider, show: (row) => <ProviderName name={row.provider} />, class: "fit" },
                  { key: "calls", title: "Calls in 30 days", value: (row) => row.requests, show: (row) => count(row.requests), is_number: true },
                ]}
                empty={null}
              />
            )}
            {value.overrides.length > 0 && (
              <Table<PriceOverride>
                name="overrides"
                title="Your own prices"
                rows={value.overrides}
                row_key={(row) => JSON.stringify(row)}
                columns={[
                  { key: "model", title: "Model", value: (row) => row.model, class: "text strong" },
                  { key: "provider", title: "Provider", value: (row) => row.provider, show: (row) => <ProviderName name={row.provider} />, class: "fit" },
                  rate_column("input", "In", "Fresh input"),
                  rate_column("output", "Out", "Output"),
                  rate_column("cache_read", "Cache read", "Input from the cache"),
                  { key: "from", title: "From", value: (row) => row.from, class: "fit" },
                  { key: "to", title: "To", value: (row) => row.to, show: (row) => row.to ?? <span class="dim">open</span>, class: "fit" },
                ]}
                empty={null}
              />
            )}
            <Table<Price>
              name="prices"
              title={is_all ? "All models" : "Models that were called in the last 90 days"}
              rows={value.items}
              row_key={(row) => `${row.provider}/${row.model}/${row.tier}/${row.above_tokens}/${row.from}`}
              sort="model"
              tools={
                <Segments
                  label="Which models"
                  value={is_all ? "all" : "used"}
                  options={[
                    ["used", "Called"],
                    ["all", "All"],
                  ]}
                  onPick={(picked) => set_query({ list: picked === "all" ? "all" : undefined })}
                />
              }
              columns={[
                {
                  key: "model",
                  title: "Model",
                  value: (row) => row.model,
                  show: (row) => (
                    <>
                      {row.model}
                      {condition(row) && <div class="dim">{condition(row)}</div>}
                    </>
                  ),
                  class: "text",
                },
                { key: "provider", title: "Provider", value: (row) => row.provider, show: (row) => <ProviderName name={row.provider} />, class: "fit" },
                rate_column("input", "In", "Fresh input"),
                rate_column("cache_read", "Cache read", "Input from the cache"),
                rate_column("cache_write", "Write 5 min", "Input written to the five-minute cache"),
                rate_column("cache_write_1h", "Write 1 h", "Input written to the one-hour cache"),
                rate_column("output", "Out", "Output"),
                { key: "from", title: "Since", value: (row) => row.from, show: (row) => row.from ?? <span class="dim">ever</span>, class: "fit" },
                { key: "source", title: "Source", value: (row) => row.source, show: (row) => <span class="dim">{row.source}</span>, class: "fit" },
              ]}
              empty={
                <Empty title={is_all ? "The list is empty" : "No model has been called in the last 90 days"} command="halton-meter pricing list">
                  {is_all ? "That should not be: the program carries a list." : "“All” shows the whole list; in a terminal:"}
                </Empty>
              }
              foot={<p class="note see-also">{plural(value.items.length, "price")} here. To add one or to import a newer list: halton-meter pricing --help</p>}
            />
          </div>
        )}
      </Load>
    </>
  );
}

