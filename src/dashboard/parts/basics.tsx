// The small things that pages are made of. Data is only ever put in as text.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, type Data } from "../lib/api";
import { provider_colour } from "../lib/colours";
import { to_hash } from "../lib/route";

export function Head(props: { title: string; about?: ComponentChildren; crumb?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <header class="head">
      <div>
        {props.crumb && <span class="crumb">{props.crumb}</span>}
        <h1>{props.title}</h1>
        {props.about && <p>{props.about}</p>}
      </div>
      {props.children && <div class="controls">{props.children}</div>}
    </header>
  );
}

export function Card(props: { title?: ComponentChildren; about?: ComponentChildren; tools?: ComponentChildren; children: ComponentChildren; id?: string }) {
  return (
    <section class="card" aria-labelledby={props.title && props.id ? `${props.id}-title` : undefined}>
      {(props.title || props.tools) && (
        <div class="card-head">
          <div>
            {props.title && <h2 id={props.id && `${props.id}-title`}>{props.title}</h2>}
            {props.about && <p>{props.about}</p>}
          </div>
          {props.tools && <div class="table-tools">{props.tools}</div>}
        </div>
      )}
      {props.children}
    </section>
  );
}

export function Segments<Value extends string>(props: { label: string; value: Value; options: [Value, string][]; onPick: (value: Value) => void }) {
  return (
    <div class="segments" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onPick(value)}>
          {text}
        </button>
      ))}
    </div>
  );
}

async function copy_text(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed, or an old browser: the way before there was a clipboard to write to.
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const is_done = document.execCommand("copy");
    area.remove();
    return is_done;
  }
}

export function CopyButton(props: { text: () => string; label: string; about?: string; class?: string }) {
  const [said, say] = useState("");
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const copy = async () => {
    say((await copy_text(props.text())) ? "Copied" : "Cannot copy here");
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => say(""), 1600);
  };
  return (
    <button type="button" class={props.class ?? "button"} aria-label={said ? undefined : props.about} onClick={() => void copy()}>
      <span aria-live="polite">{said || props.label}</span>
    </button>
  );
}

/** A line to type in a terminal. */
export function Command(props: { line: string }) {
  return (
    <span class="command">
      <code tabIndex={0}>{props.line}</code>
      <CopyButton class="" text={() => props.line} label="Copy" about={`Copy the command ${props.line}`} />
    </span>
  );
}

/** What somebody has to do: a sentence, or a line to type. */
export function ToDo(props: { text: string | null | undefined; otherwise: string }) {
  const { text } = props;
  if (!text) return <span class="dim">{props.otherwise}</span>;
  return text.startsWith("halton-meter ") ? <Command line={text} /> : <>{sentence(text)}</>;
}

/** The daemon's words begin in lower case, for the terminal. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Why there is nothing here, and what to do about it. */
export function Empty(props: { title: string; children?: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <strong>{props.title}</strong>
      {props.children}
      {props.command && (
        <div>
          <Command line={props.command} />
        </div>
      )}
    </div>
  );
}

/** Shows what was asked for, or why it is not there. */
export function Load<T>(props: { data: Data<T>; children: (value: T) => ComponentChildren; missing?: ComponentChildren }) {
  const { value, error } = props.data;
  if (value !== null) return <>{props.children(value)}</>;
  if (error instanceof ApiError && error.status === 404 && props.missing) return <>{props.missing}</>;
  if (error instanceof ApiError) {
    return (
      <div class="problem" role="alert">
        {error.status === 404 ? "This daemon is older than its dashboard and does not know this page yet." : `The daemon could not answer: ${error.message}.`}
        <div>
          <Command line={error.status === 404 ? "halton-meter restart" : "halton-meter doctor"} />
        </div>
      </div>
    );
  }
  if (error) {
    return (
      <Empty title="The daemon does not answer" command="halton-meter start">
        Your tools go on working; nothing is metered until it is back. This page fills itself then.
      </Empty>
    );
  }
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">Loading</span>
    </div>
  );
}

export function Swatch(props: { colour: string }) {
  return <span class="swatch" aria-hidden="true" style={{ background: props.colour }} />;
}

export function ProviderName(props: { name: string }) {
  return (
    <span class="provider">
      <Swatch colour={provider_colour(props.name)} />
      {props.name}
    </span>
  );
}

export function ProjectLink(props: { slug: string | null | undefined }) {
  return props.slug ? <a href={to_hash("project", props.slug)}>{props.slug}</a> : <span class="dim">–</span>;
}

export function Meter(props: { fraction: number; label: string; tone?: "" | "warn" | "bad" }) {
  const share = Math.max(0, Math.min(1, props.fraction));
  return (
    <div class={`meter ${props.tone ?? ""}`} role="meter" aria-label={props.label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(share * 100)}>
      <span style={{ width: `${share * 100}%` }} />
    </div>
  );
}

export function Tile(props: { label: string; value: ComponentChildren; sub?: ComponentChildren }) {
  return (
    <div class="tile">
      <dt>{props.label}</dt>
      <dd class="value">{props.value}</dd>
      {props.sub !== undefined && <dd class="sub">{props.sub}</dd>}
    </div>
  );
}

export interface Bar {
  key: string;
  name: ComponentChildren;
  amount: string;
  value: number;
  small?: string;
  colour?: string;
}
export function Bars(props: { rows: Bar[] }) {
  const most = Math.max(1, ...props.rows.map((row) => row.value));
  return (
    <ol class="bars">
      {props.rows.map((row) => (
        <li key={row.key}>
          <span class="name">{row.name}</span>
          <span class="amount">{row.amount}</span>
          <span class="track" aria-hidden="true">
            <span style={{ width: `${(row.value / most) * 100}%`, background: row.colour }} />
          </span>
          {row.small && <span class="small">{row.small}</span>}
        </li>
      ))}
    </ol>
  );
}
