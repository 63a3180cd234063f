// Which models were called, and what they cost.
import { useData } from "../lib/api";
import { count, latency, money, money_digits, percent, short_model, tokens } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { to_hash } from "../lib/route";
import type { ModelSpend, Stats } from "../lib/types";
import { Empty, Head, Load, ProviderName } from "../parts/basics";
import { Caveats, RangePicker, useRange } from "../parts/spend";
import { Table } from "../parts/table";

// What is priced in part has a cost; its calls without one are told below the table.
function has_no_price(row: ModelSpend): boolean {
  return row.unpriced_requests > 0 && row.cost_usd_minor_units === 0 && row.plan_cost_usd_minor_units === 0;
}

export function Models() {
  const { since } = useRange();
  const stats = useData<Stats>(`/v1/stats?since=${since}&zone=local`, 60_000);
  useLiveRefresh(stats.reload);
  return (
    <>
      <Head title="Models" about="As the provider answered, not as the client asked.">
        <RangePicker />
      </Head>
      <Load data={stats}>
        {(value) => {
          const digits = money_digits(value.by_model.map((row) => row.cost_usd_minor_units));
          return (
            <div class="stack">
              <Table
                name="models"
                title={`${count(value.by_model.length)} models`}
                rows={value.by_model}
                row_key={(row) => `${row.provider}/${row.model}`}
                sort="-cost"
                columns={[
                  { key: "model", title: "Model", value: (row) => row.model, show: (row) => <span title={row.model}>{short_model(row.model) || "(not named)"}</span>, class: "text" },
                  { key: "provider", title: "Provider", value: (row) => row.provider, show: (row) => <ProviderName name={row.provider} />, class: "fit" },
                  { key: "calls", title: "Calls", value: (row) => row.requests, show: (row) => count(row.requests), is_number: true },
                  {
                    key: "cost",
                    title: "Cost",
                    value: (row) => (has_no_price(row) ? null : row.cost_usd_minor_units),
                    show: (row) =>
                      has_no_price(row) ? (
                        <a class="tag warn" href={to_hash("prices")}>
                          no price
                        </a>
                      ) : row.cost_usd_minor_units === 0 && row.plan_cost_usd_minor_units > 0 ? (
                        <span class="dim">$0 (plan)</span>
                      ) : (
                        money(row.cost_usd_minor_units, digits)
                      ),
                    is_number: true,
                    class: "strong",
                  },
                  { key: "input", title: "In", value: (row) => row.input_tokens, show: (row) => <span title={count(row.input_tokens)}>{tokens(row.input_tokens)}</span>, is_number: true },
                  {
                    key: "cached",
                    title: "Cache hits",
                    about: "Share of input tokens that came from the provider's cache",
                    value: (row) => (row.input_tokens + row.cache_read_tokens > 0 ? row.cache_read_tokens / (row.input_tokens + row.cache_read_tokens) : null),
                    show: (row) => (row.cache_read_tokens > 0 ? percent(row.cache_read_tokens / (row.input_tokens + row.cache_read_tokens)) : <span class="dim">–</span>),
                    is_number: true,
                  },
                  { key: "output", title: "Out", value: (row) => row.output_tokens, show: (row) => <span title={count(row.output_tokens)}>{tokens(row.output_tokens)}</span>, is_number: true },
                  { key: "thinking", title: "Thinking", value: (row) => row.thinking_tokens, show: (row) => (row.thinking_tokens > 0 ? tokens(row.thinking_tokens) : <span class="dim">–</span>), is_number: true },
                  { key: "plan", title: "Plan, by list", about: "What calls over a subscription would have cost; not billed", value: (row) => row.plan_cost_usd_minor_units, show: (row) => (row.plan_cost_usd_minor_units > 0 ? money(row.plan_cost_usd_minor_units, 2) : <span class="dim">–</span>), is_number: true },
                  { key: "errors", title: "Errors", value: (row) => row.error_requests, show: (row) => (row.error_requests > 0 ? count(row.error_requests) : <span class="dim">–</span>), is_number: true },
                  { key: "latency", title: "Time taken", about: "On average", value: (row) => row.avg_latency_ms, show: (row) => latency(row.avg_latency_ms), is_number: true },
                ]}
                empty={
                  <Empty title="No calls in this period" command="halton-meter run -- claude">
                    Pick a longer period, or start a tool through the meter.
                  </Empty>
                }
              />
              <Caveats summary={value.summary} />
            </div>
          );
        }}
      </Load>
    </>
  );
}
