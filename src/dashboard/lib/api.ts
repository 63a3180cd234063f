// Asking the daemon, and knowing whether it is there. One place fetches; pages use `useData`.
// When the daemon is away, it is asked every second until it answers, and then all that is on the
// screen is read again: nobody has to reload.
import { useEffect, useRef, useState } from "preact/hooks";

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

// --- is it there? ----------------------------------------------------------------------------

export interface Link {
  is_online: boolean;
  since: number; // when that began
  generation: number; // grows with each return
}

let link: Link = { is_online: true, since: Date.now(), generation: 0 };
const watchers = new Set<(link: Link) => void>();
let probe = 0;

function set_online(is_online: boolean): void {
  if (link.is_online === is_online) return;
  link = { is_online, since: Date.now(), generation: link.generation + (is_online ? 1 : 0) };
  for (const watcher of [...watchers]) watcher(link);
  if (!is_online && !probe) probe = window.setInterval(look, 1000);
}

async function look(): Promise<void> {
  try {
    const answer = await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(3000) });
    if (!answer.ok) return;
    window.clearInterval(probe);
    probe = 0;
    set_online(true);
  } catch {
    // still away
  }
}

/** Others learn of the daemon's end too: the live stream does so first. */
export async function suspect_offline(): Promise<void> {
  try {
    await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(3000) });
  } catch {
    set_online(false);
  }
}

export function useLink(): Link {
  const [value, set_value] = useState(link);
  useEffect(() => {
    watchers.add(set_value);
    set_value(link);
    return () => void watchers.delete(set_value);
  }, []);
  return value;
}

// --- asking ----------------------------------------------------------------------------------

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, { headers: { accept: "application/json" }, cache: "no-store", signal });
  } catch (error) {
    if (!signal?.aborted) set_online(false);
    throw error;
  }
  if (!answer.ok) {
    let detail = "";
    try {
      const body = (await answer.json()) as { detail?: unknown };
      if (typeof body.detail === "string") detail = body.detail;
    } catch {
      // not JSON: the status says enough
    }
    throw new ApiError(answer.status, detail || `the daemon answered ${answer.status}`);
  }
  return (await answer.json()) as T;
}

export interface Data<T> {
  value: T | null; // the last good answer for this path
  error: Error | null;
  is_loading: boolean;
  reload: () => void;
}

// The last answers, so that going back to a page shows it at once.
const kept = new Map<string, unknown>();
const KEPT_MAX = 60;

/** What the daemon says at `path`; null asks nothing. Asked again when it has come back, every
 *  `every_ms` while the page is looked at, and when `reload` is called. */
export function useData<T>(path: string | null, every_ms = 0): Data<T> {
  const [, redraw] = useState(0);
  const { generation } = useLink();
  const state = useRef({ path: "" as string | null, error: null as Error | null, is_loading: false, ask: () => {} });
  const current = state.current;
  if (current.path !== path) {
    current.path = path;
    current.error = null;
    current.is_loading = path !== null;
  }
  useEffect(() => {
    if (path === null) return;
    let running: AbortController | null = null;
    let again = false;
    const ask = async (): Promise<void> => {
      if (running) {
        again = true;
        return;
      }
      running = new AbortController();
      const own = running;
      current.is_loading = true;
      try {
        const value = await get<T>(path, own.signal);
        kept.delete(path);
        kept.set(path, value);
        if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
        if (current.path === path) current.error = null;
      } catch (error) {
        if (own.signal.aborted) return;
        if (current.path === path) current.error = error as Error;
      }
      running = null;
      current.is_loading = false;
      redraw((n) => n + 1);
      if (again) {
        again = false;
        void ask();
      }
    };
    current.ask = () => void ask();
    void ask();
    const timer = every_ms > 0 ? window.setInterval(() => { if (!document.hidden) void ask(); }, every_ms) : 0;
    return () => {
      window.clearInterval(timer);
      running?.abort();
    };
  }, [path, generation, every_ms]);
  return {
    value: path === null ? null : ((kept.get(path) as T | undefined) ?? null),
    error: current.error,
    is_loading: current.is_loading,
    reload: () => current.ask(),
  };
}
