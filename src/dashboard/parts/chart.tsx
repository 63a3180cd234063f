// Bars by day, one band for each provider, on a canvas by uPlot; the same numbers are in a table
// below for who cannot see or point.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { resolve_colour } from "../lib/colours";
import { axis_money, count, day, money } from "../lib/format";
import { stacked } from "../lib/money";
import { Swatch } from "./basics";

export interface Band {
  name: string;
  colour: string;
  values: number[];
}

const HEIGHT = 240;

export function DayBars(props: { dates: string[]; bands: Band[]; unit: "cost" | "calls"; label: string; zone: string }) {
  const { dates, bands, unit } = props;
  const place = useRef<HTMLDivElement>(null);
  const [hovered, hover] = useState<{ index: number; left: number } | null>(null);
  const [theme, set_theme] = useState(0);
  const text = (value: number) => (unit === "cost" ? money(value) : count(value));
  const sums = useMemo(() => dates.map((_, i) => bands.reduce((sum, band) => sum + (band.values[i] ?? 0), 0)), [dates, bands]);

  useEffect(() => {
    const redraw = () => set_theme((n) => n + 1);
    const media = window.matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", redraw);
    window.addEventListener("themechange", redraw);
    return () => {
      media.removeEventListener("change", redraw);
      window.removeEventListener("themechange", redraw);
    };
  }, []);

  useEffect(() => {
    const root = place.current;
    if (!root) return;
    const edges = stacked(bands.map((band) => band.values));
    const card = resolve_colour("var(--card)");
    const ink = resolve_colour("var(--text-3)");
    const line = resolve_colour("var(--line)");
    const bars = uPlot.paths.bars!({ size: [0.72, 34], align: 0, radius: 0 });
    // The tallest first: each next band is drawn over the foot of the one before.
    const drawn = bands.map((band, i) => ({ band, edge: edges[i]! })).reverse();
    const options: uPlot.Options = {
      width: root.clientWidth,
      height: HEIGHT,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [-0.6, dates.length - 0.4] },
        y: { range: (_, __, max) => [0, max > 0 ? max * 1.06 : 1] },
      },
      axes: [
        {
          stroke: ink,
          grid: { show: false },
          ticks: { show: false },
          font: "12px system-ui, sans-serif",
          size: 28,
          splits: () => {
            const step = Math.max(1, Math.ceil(dates.length / Math.max(2, Math.floor(root.clientWidth / 76))));
            const all: number[] = [];
            for (let i = dates.length - 1; i >= 0; i -= step) all.unshift(i);
            return all;
          },
          values: (_, splits) => splits.map((i) => (dates[i] ? day(dates[i]) : "")),
        },
        {
          stroke: ink,
          grid: { stroke: line, width: 1 },
          ticks: { show: false },
          font: "12px system-ui, sans-serif",
          size: 60,
          gap: 8,
          values: (_, splits) => (unit === "cost" ? axis_money(splits) : splits.map((value) => (Number.isInteger(value) ? count(value) : ""))),
        },
      ],
      series: [
        {},
        ...drawn.map(({ band }) => ({
          label: band.name,
          fill: resolve_colour(band.colour),
          // A hair of the card between bands: told apart without colours.
          stroke: card,
          width: dates.length > 120 ? 0 : 1,
          paths: bars,
          points: { show: false },
        })),
      ],
      hooks: {
        setCursor: [
          (plot) => {
            const index = plot.cursor.idx;
            hover(index === null || index === undefined || plot.cursor.left! < 0 ? null : { index, left: plot.valToPos(index, "x") + plot.bbox.left / devicePixelRatio });
          },
        ],
      },
    };
    const plot = new uPlot(options, [dates.map((_, i) => i), ...drawn.map(({ edge }) => edge)], root);
    plot.root.setAttribute("aria-hidden", "true");
    const watch = new ResizeObserver(() => {
      if (root.clientWidth > 0 && root.clientWidth !== plot.width) plot.setSize({ width: root.clientWidth, height: HEIGHT });
    });
    watch.observe(root);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [dates, bands, unit, theme]);

  const total = sums.reduce((a, b) => a + b, 0);
  return (
    <figure aria-label={`${props.label}: ${text(total)} in ${dates.length} days`}>
      <div class="chart" ref={place}>
        {hovered && dates[hovered.index] && (
          <div class="chart-tip" style={{ top: 0, left: hovered.left > (place.current?.clientWidth ?? 0) / 2 ? undefined : `${hovered.left + 14}px`, right: hovered.left > (place.current?.clientWidth ?? 0) / 2 ? `${(place.current?.clientWidth ?? 0) - hovered.left + 14}px` : undefined }}>
            <b>{day(dates[hovered.index]!, true)}</b>
            {bands
              .filter((band) => (band.values[hovered.index] ?? 0) > 0)
              .map((band) => (
                <div key={band.name}>
                  <span>
                    <Swatch colour={band.colour} />
                    {band.name}
                  </span>
                  <span>{text(band.values[hovered.index]!)}</span>
                </div>
              ))}
            <div>
              <span>Total</span>
              <strong>{text(sums[hovered.index]!)}</strong>
            </div>
          </div>
        )}
      </div>
      <details class="data">
        <summary>Numbers of this chart</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label={`${props.label}, numbers`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Day ({props.zone})</th>
                {bands.map((band) => (
                  <th key={band.name} scope="col" class="num">
                    {band.name}
                  </th>
                ))}
                <th scope="col" class="num">
                  Total
                </th>
              </tr>
            </thead>
            <tbody>
              {dates.map((date, i) => (
                <tr key={date}>
                  <td class="fit">{day(date, true)}</td>
                  {bands.map((band) => (
                    <td key={band.name} class="num">
                      {text(band.values[i] ?? 0)}
                    </td>
                  ))}
                  <td class="num strong">{text(sums[i]!)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

export function Legend(props: { bands: Band[]; text: (value: number) => string }) {
  return (
    <ul class="legend">
      {props.bands.map((band) => (
        <li key={band.name}>
          <Swatch colour={band.colour} />
          {band.name} <span class="dim">{props.text(band.values.reduce((a, b) => a + b, 0))}</span>
        </li>
      ))}
    </ul>
  );
}
