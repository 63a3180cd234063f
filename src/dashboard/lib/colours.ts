// One colour for a provider wherever it is shown. The first ones have their own; others share what
// is left, by their name, so that a reload does not change them.
const OWN: Record<string, number> = { anthropic: 0, openai: 1, gemini: 2, vertex: 2, xai: 3, mistral: 4, groq: 4, deepseek: 5, openrouter: 5, bedrock: 4, azure: 5 };

export function provider_slot(name: string): number {
  const own = OWN[name];
  if (own !== undefined) return own;
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
  return 3 + (hash % 3);
}

/** Colours for providers that stand beside each other: each its own where it can be, none twice. */
export function apart(names: string[]): string[] {
  const taken = new Set<number>();
  const slots = names.map((name) => {
    const own = provider_slot(name);
    if (taken.has(own)) return -1;
    taken.add(own);
    return own;
  });
  const free = [0, 1, 2, 3, 4, 5].filter((slot) => !taken.has(slot));
  return slots.map((slot) => `var(--p${slot >= 0 ? slot : (free.shift() ?? 6)})`);
}

/** For styles. */
export function provider_colour(name: string): string {
  return name === "other" ? "var(--p6)" : `var(--p${provider_slot(name)})`;
}

/** What a style's colour is right now, for a canvas, which knows no variables. */
export function resolve_colour(style: string): string {
  const probe = document.createElement("span");
  probe.style.color = style;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
