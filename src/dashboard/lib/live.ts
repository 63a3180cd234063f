// Calls as they happen: one event stream for the whole page, opened while somebody listens.
import { useEffect, useRef, useState } from "preact/hooks";
import { suspect_offline, useLink } from "./api";
import type { Call, LiveState } from "./types";

type Listener = (call: Call) => void;
const listeners = new Set<Listener>();
const state_watchers = new Set<(is_open: boolean) => void>();
const load_watchers = new Set<(state: LiveState) => void>();
let source: EventSource | null = null;
let is_open = false;

function tell(now_open: boolean): void {
  is_open = now_open;
  for (const watcher of [...state_watchers]) watcher(is_open);
}

function open(): void {
  if (source || listeners.size === 0) return;
  const own = new EventSource("/v1/live");
  source = own;
  own.addEventListener("open", () => tell(true));
  own.addEventListener("call", (event) => {
    let call: Call;
    try {
      call = JSON.parse((event as MessageEvent<string>).data) as Call;
    } catch {
      return; // one line that is none loses nobody the next
    }
    for (const listener of [...listeners]) listener(call);
  });
  for (const name of ["hello", "state"])
    own.addEventListener(name, (event) => {
      try {
        const state = JSON.parse((event as MessageEvent<string>).data) as LiveState;
        for (const watcher of [...load_watchers]) watcher(state);
      } catch {
        // the next one comes soon
      }
    });
  own.addEventListener("error", () => {
    tell(false);
    void suspect_offline();
    // A browser gives up after an answer that is no stream: begin anew.
    if (own.readyState === EventSource.CLOSED) {
      close();
      window.setTimeout(open, 2000);
    }
  });
}

function close(): void {
  source?.close();
  source = null;
  tell(false);
}

/** Calls `listener` for each call that ends. True while the stream stands. */
export function useLive(listener: Listener, is_wanted = true): boolean {
  const latest = useRef(listener);
  latest.current = listener;
  const [open_now, set_open_now] = useState(is_open);
  const { generation } = useLink();
  useEffect(() => {
    if (!is_wanted) return;
    const own: Listener = (call) => latest.current(call);
    listeners.add(own);
    state_watchers.add(set_open_now);
    open();
    set_open_now(is_open);
    return () => {
      listeners.delete(own);
      state_watchers.delete(set_open_now);
      if (listeners.size === 0) close();
    };
  }, [is_wanted]);
  // The daemon is back: do not wait for the browser's own pause to end.
  useEffect(() => {
    if (generation > 0 && listeners.size > 0 && !is_open) {
      close();
      open();
    }
  }, [generation]);
  return open_now;
}

/** Runs `refresh` soon after calls came in, at most once in `pause_ms`. */
export function useLiveRefresh(refresh: () => void, pause_ms = 800): void {
  const timer = useRef(0);
  const last = useRef(0);
  useLive(() => {
    if (timer.current) return;
    const wait = Math.max(100, last.current + pause_ms - Date.now());
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      last.current = Date.now();
      refresh();
    }, wait);
  });
  useEffect(() => () => window.clearTimeout(timer.current), []);
}

/** What the daemon says of itself along the way; null until it has. Needs a listener to be there. */
export function useLiveState(): LiveState | null {
  const [state, set_state] = useState<LiveState | null>(null);
  useEffect(() => {
    load_watchers.add(set_state);
    return () => void load_watchers.delete(set_state);
  }, []);
  return state;
}
