// The dashboard's frame: navigation, the state of the daemon, the theme, and the page in the middle.
import { type ComponentType, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { useData, useLink } from "./lib/api";
import { ago, zone_name } from "./lib/format";
import { useLive, useLiveState } from "./lib/live";
import { to_hash } from "./lib/route";
import type { DaemonStatus } from "./lib/types";
import { Command, Empty, Head, Segments } from "./parts/basics";
import { RouteContext, useHashRoute } from "./parts/router";
import { Coverage } from "./pages/coverage";
import { Errors } from "./pages/errors";
import { Health } from "./pages/health";
import { Limits } from "./pages/limits";
import { Live } from "./pages/live";
import { Models } from "./pages/models";
import { Overview } from "./pages/overview";
import { Policies } from "./pages/policies";
import { Prices } from "./pages/prices";
import { CallPage } from "./pages/call";
import { ProjectPage, Projects } from "./pages/projects";
import { SessionPage, Sessions } from "./pages/sessions";
import { Tools } from "./pages/tools";

interface PageRow {
  title: string;
  view: ComponentType;
  group?: string; // where it stands in the navigation; none: it is reached from another page
  under?: string; // the entry that stays marked
}
const PAGES: Record<string, PageRow> = {
  overview: { title: "Overview", view: Overview, group: "Spend" },
  projects: { title: "Projects", view: Projects, group: "Spend" },
  project: { title: "Project", view: ProjectPage, under: "projects" },
  models: { title: "Models", view: Models, group: "Spend" },
  tools: { title: "Tools", view: Tools, group: "Spend" },
  sessions: { title: "Sessions", view: Sessions, group: "Spend" },
  session: { title: "Session", view: SessionPage, under: "sessions" },
  call: { title: "Call", view: CallPage, under: "live" },
  live: { title: "Live", view: Live, group: "Now" },
  limits: { title: "Limits", view: Limits, group: "Now" },
  errors: { title: "Errors", view: Errors, group: "Now" },
  policies: { title: "Policies and audit", view: Policies, group: "Now" },
  coverage: { title: "Coverage", view: Coverage, group: "Trust" },
  prices: { title: "Prices", view: Prices, group: "Trust" },
  health: { title: "Health", view: Health, group: "Trust" },
};
const GROUPS = ["Spend", "Now", "Trust"];

type Theme = "system" | "light" | "dark";
const THEME_KEY = "halton-meter.theme";
function read_theme(): Theme {
  try {
    const kept = localStorage.getItem(THEME_KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}
function apply_theme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
apply_theme(read_theme());

function ThemePicker() {
  const [theme, set_theme] = useState(read_theme);
  const pick = (wanted: Theme) => {
    set_theme(wanted);
    apply_theme(wanted);
    try {
      if (wanted === "system") localStorage.removeItem(THEME_KEY);
      else localStorage.setItem(THEME_KEY, wanted);
    } catch {
      // nothing may be kept here: it holds until the page is left
    }
    window.dispatchEvent(new Event("themechange"));
  };
  return (
    <Segments
      label="Theme"
      value={theme}
      options={[
        ["system", "System"],
        ["light", "Light"],
        ["dark", "Dark"],
      ]}
      onPick={pick}
    />
  );
}

function State() {
  const { is_online } = useLink();
  const status = useData<DaemonStatus>("/v1/daemon/status", 30_000);
  // The stream stands on each page, so that the end of the daemon is known at once.
  useLive(() => status.reload());
  const live = useLiveState();
  const at = status.value?.last_seen_at ?? null;
  const state = !is_online ? "offline" : at && Date.now() - Date.parse(at) < 120_000 ? "live" : "idle";
  const words = { offline: "Daemon is down", live: "Metering", idle: at ? `Last call ${ago(at, Date.now())}` : "No call yet" }[state];
  return (
    <div class="state" role="status">
      <span class={`dot ${state}`} aria-hidden="true" />
      <span>
        {words}
        {state === "live" && live && live.running_calls > 0 ? `, ${live.running_calls} running` : ""}
      </span>
    </div>
  );
}

function OfflineBanner() {
  const link = useLink();
  const [, tick] = useState(0);
  useEffect(() => {
    if (link.is_online) return;
    const timer = window.setInterval(() => tick((n) => n + 1), 1000);
    return () => window.clearInterval(timer);
  }, [link.is_online]);
  return (
    <div aria-live="assertive">
      {!link.is_online && (
        <div class="banner">
          <div>
            <strong>The daemon stopped answering</strong> {ago(new Date(link.since).toISOString(), Date.now())}. Your tools go on working, unmetered. What you see is as it was then; it comes back by itself.
          </div>
          <Command line="halton-meter start" />
        </div>
      )}
    </div>
  );
}

function App() {
  const route = useHashRoute();
  const [is_open, set_open] = useState(false);
  const main = useRef<HTMLElement>(null);
  const is_first = useRef(true);
  const page = PAGES[route.page];
  const place = `${route.page}/${route.name}`;
  useEffect(() => {
    document.title = `${route.name || (page?.title ?? "Not found")} · halton-meter`;
    set_open(false);
    if (is_first.current) {
      is_first.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place]);
  const View = page?.view;
  return (
    <RouteContext.Provider value={route}>
      <button type="button" class="skip button" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <div class="frame">
        <header class={`side ${is_open ? "is-open" : ""}`}>
          <a class="brand" href="#/overview">
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <rect width="32" height="32" rx="7" fill="#1d4f5c" />
              <path d="M7 23v-6M13 23V9M19 23v-9M25 23v-4" stroke="#fff" stroke-width="3.4" stroke-linecap="round" />
            </svg>
            halton-meter
          </a>
          <button type="button" class="button menu-button" aria-expanded={is_open} aria-controls="nav" onClick={() => set_open(!is_open)}>
            {is_open ? "Close" : "Menu"}
          </button>
          <nav class="nav" id="nav" aria-label="Pages">
            {GROUPS.map((group) => (
              <div key={group}>
                <p class="nav-title" id={`nav-${group}`}>{group}</p>
                <ul aria-labelledby={`nav-${group}`}>
                  {Object.entries(PAGES)
                    .filter(([, row]) => row.group === group)
                    .map(([name, row]) => (
                      <li key={name}>
                        <a href={to_hash(name)} aria-current={(page?.under ?? route.page) === name ? "page" : undefined}>
                          {row.title}
                        </a>
                      </li>
                    ))}
                </ul>
              </div>
            ))}
          </nav>
          <div class="side-foot">
            <State />
            <div>Times in {zone_name()}</div>
            <ThemePicker />
          </div>
        </header>
        <main ref={main} tabIndex={-1} id="page">
          <OfflineBanner />
          {View ? (
            <View key={place} />
          ) : (
            <>
              <Head title="There is no such page" />
              <Empty title={`No page is called “${route.page}”`}>
                <a href="#/overview">Go to the overview</a>
              </Empty>
            </>
          )}
        </main>
      </div>
    </RouteContext.Provider>
  );
}

const root = document.getElementById("app")!;
root.replaceChildren();
render(<App />, root);
