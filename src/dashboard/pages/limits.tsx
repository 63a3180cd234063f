// How full the windows of a subscription are, as the provider says on its answers: no guess.
import { useEffect, useState } from "preact/hooks";
import { useData } from "../lib/api";
import { ago, moment, percent, span } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import type { Limit, Page } from "../lib/types";
import { Card, Empty, Head, Load, Meter, ProviderName } from "../parts/basics";

const NAMES: Record<string, string> = { "5h": "5-hour window", "7d": "Weekly window", overage: "Beyond the plan" };

function title_of(limit: Limit): string {
  const own = NAMES[limit.name];
  if (own) return own;
  const minutes = limit.window_minutes ?? 0;
  if (minutes === 0) return limit.name;
  const window = minutes === 300 ? "5 hours" : minutes === 10080 ? "week" : span(minutes * 60);
  return `${limit.name} (${window})`;
}

function Window(props: { limit: Limit; now: number }) {
  const { limit, now } = props;
  const resets = limit.resets_at ? Date.parse(limit.resets_at) : NaN;
  const is_over = limit.is_over ?? resets < now;
  const used = limit.used_fraction;
  const is_rejected = limit.status === "rejected";
  const tone = is_over ? "" : is_rejected || (used ?? 0) >= 1 ? "bad" : (used ?? 0) >= 0.8 ? "warn" : "";
  return (
    <li class="limit">
      <div class="row">
        <span>{title_of(limit)}</span>
        {is_rejected && !is_over && <span class="tag bad">used up</span>}
        {limit.status && limit.status !== "allowed" && !is_rejected && <span class="tag warn">{limit.status.replaceAll("_", " ")}</span>}
      </div>
      <div class="row">
        <span class="big">{is_over ? "Reset" : used === null ? "–" : percent(used)}</span>
        <span class="dim">{is_over ? "use unknown until the next call" : used === null ? "use is not told" : "used"}</span>
      </div>
      <Meter fraction={is_over ? 0 : (used ?? 0)} tone={tone} label={`${limit.provider} ${title_of(limit)}: used`} />
      <div class="foot">
        {limit.resets_at ? (
          is_over ? (
            <>It was reset {ago(limit.resets_at, now)}.</>
          ) : (
            <>
              Resets in <strong>{span((resets - now) / 1000)}</strong>, {moment(limit.resets_at)}
            </>
          )
        ) : (
          "When it resets is not told."
        )}
        <br />
        Told {ago(limit.observed_at, now)}
      </div>
    </li>
  );
}

export function Limits() {
  const limits = useData<Page<Limit>>("/v1/limits", 60_000);
  useLiveRefresh(limits.reload);
  const [now, set_now] = useState(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => set_now(Date.now()), 10_000);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <>
      <Head title="Limits" about="Real use of your subscriptions, read from the providers’ answers. Nothing here is estimated." />
      <Load data={limits}>
        {({ items }) => {
          if (items.length === 0)
            return (
              <Card>
                <Empty title="No provider has told a limit yet" command="halton-meter run -- claude">
                  Providers tell with calls that go over a subscription, such as Claude or ChatGPT plans. Calls with an API key have no such window: a <a href="#/policies">budget</a> is what bounds those.
                </Empty>
              </Card>
            );
          const groups = new Map<string, Limit[]>();
          for (const limit of items) {
            const key = `${limit.provider}\n${limit.plan ?? ""}`;
            groups.set(key, [...(groups.get(key) ?? []), limit]);
          }
          return (
            <div class="stack">
              {[...groups.entries()].map(([key, windows]) => (
                <Card
                  key={key}
                  id={`limits-${windows[0]!.provider}`}
                  title={
                    <>
                      <ProviderName name={windows[0]!.provider} />
                      {windows[0]!.plan && <span class="tag plan">{windows[0]!.plan} plan</span>}
                    </>
                  }
                >
                  <ul class="limits">
                    {windows.map((limit) => (
                      <Window key={limit.name} limit={limit} now={now} />
                    ))}
                  </ul>
                </Card>
              ))}
            </div>
          );
        }}
      </Load>
    </>
  );
}
