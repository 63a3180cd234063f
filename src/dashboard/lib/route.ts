// The address of a page: "#/models?range=30&q=opus". All that a page is asked for stands in it, so
// that it can be kept, sent and gone back to. Pure.
export interface Route {
  page: string;
  name: string; // what the page is about: a project, a session; empty for most
  query: Record<string, string>;
}

export function parse_route(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const slash = path.indexOf("/");
  const query: Record<string, string> = {};
  if (mark >= 0) for (const [key, value] of new URLSearchParams(text.slice(mark + 1))) query[key] = value;
  return {
    page: (slash < 0 ? path : path.slice(0, slash)) || "overview",
    name: slash < 0 ? "" : decode(path.slice(slash + 1)),
    query,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function to_hash(page: string, name = "", query: Record<string, string | undefined> = {}): string {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "") words.set(key, value);
  const text = words.toString();
  return `#/${page}${name ? `/${encodeURIComponent(name)}` : ""}${text ? `?${text}` : ""}`;
}
