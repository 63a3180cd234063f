// Where we are, from the address and back into it.
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { parse_route, type Route, to_hash } from "../lib/route";

export const RouteContext = createContext<Route>({ page: "overview", name: "", query: {} });

export function useHashRoute(): Route {
  const [route, set_route] = useState(() => parse_route(location.hash));
  useEffect(() => {
    const follow = () => set_route(parse_route(location.hash));
    window.addEventListener("hashchange", follow);
    window.addEventListener("popstate", follow);
    return () => {
      window.removeEventListener("hashchange", follow);
      window.removeEventListener("popstate", follow);
    };
  }, []);
  return route;
}

export type Change = Record<string, string | undefined>;

/** The words behind the page's name, and how to change them. Typing does not fill the history. */
export function useQuery(): [Record<string, string>, (change: Change, is_typing?: boolean) => void] {
  const route = useContext(RouteContext);
  return [
    route.query,
    (change, is_typing = false) => {
      const now = parse_route(location.hash);
      const hash = to_hash(now.page, now.name, { ...now.query, ...change });
      if (is_typing) history.replaceState(null, "", hash);
      else history.pushState(null, "", hash);
      window.dispatchEvent(new PopStateEvent("popstate"));
    },
  ];
}

export function useRoute(): Route {
  return useContext(RouteContext);
}
