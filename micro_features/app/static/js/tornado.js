/** Tornado chart: how far each setting moves one number when it alone goes through its plausible range. */

import { h, svg } from "./dom.js";
import { isNumber, number, settingText, unitText } from "./format.js";

const WIDTH = 720;
const NAMES = 200;
const ROW = 34;
const TOP = 26;
const EDGE = 64; // room for the value beside a bar

/**
 * @typedef {{feature: string, setting: string, low: number, high: number, at_low: number|null, at_high: number|null,
 *   base: number|null}} Row
 */

/** How far a row moves its number; 0 where it is not known. */
export function span({ at_low: low, at_high: high, base }) {
  const known = [low, high, base].filter(isNumber);
  return known.length ? Math.max(...known) - Math.min(...known) : 0;
}

/** Rows of a feature, the setting that matters most first. */
export function ranked(rows, feature) {
  return rows.filter((row) => row.feature === feature).sort((one, other) => span(other) - span(one));
}

/**
 * @param {Array<Row>} rows of one feature, in order
 * @param {{label: string, unit: string}} about the feature
 * @param {function(string): {label: string, unit: string}} setting what a setting is called
 * @returns {SVGElement|HTMLElement}
 */
export function tornado(rows, about, setting) {
  const base = rows.find((row) => isNumber(row.base))?.base;
  const ends = rows.flatMap((row) => [row.at_low, row.at_high]).filter(isNumber);
  if (!isNumber(base) || ends.length === 0) {
    return h(
      "p",
      { class: "hint" },
      `${about.label} is not measured on this picture under these settings, so nothing can be said about it.`,
    );
  }
  const low = Math.min(base, ...ends);
  const high = Math.max(base, ...ends);
  const x = (value) => NAMES + EDGE + (WIDTH - NAMES - 2 * EDGE) * (high > low ? (value - low) / (high - low) : 0.5);
  const height = TOP + rows.length * ROW + 34;
  const unit = unitText(about.unit);
  const chart = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${height}`,
    class: "tornado",
    role: "img",
    "aria-label": `${about.label}: ${number(base)} ${unit} now; the table below has all numbers`,
  });
  rows.forEach((row, place) => chart.append(bar(row, place, { x, base, setting })));
  chart.append(
    svg("line", { class: "base", x1: x(base), x2: x(base), y1: TOP - 6, y2: height - 30 }),
    svg("text", { x: x(base), y: TOP - 12, "text-anchor": "middle", class: "strong" }, `now ${number(base)}`),
    svg(
      "text",
      { x: (NAMES + WIDTH) / 2, y: height - 8, "text-anchor": "middle" },
      unit ? `${about.label}, ${unit}` : about.label,
    ),
  );
  return chart;
}

function bar(row, place, { x, base, setting }) {
  const y = TOP + place * ROW;
  const { label, unit } = setting(row.setting);
  const sides = [
    ["low", row.low, row.at_low],
    ["high", row.high, row.at_high],
  ];
  const known = sides.filter(([, , value]) => isNumber(value));
  const least = Math.min(base, ...known.map(([, , value]) => value));
  const most = Math.max(base, ...known.map(([, , value]) => value));
  const group = svg(
    "g",
    {},
    svg("text", { x: NAMES - 8, y: y + 13, "text-anchor": "end", class: "strong" }, label),
    svg(
      "text",
      { x: NAMES - 8, y: y + 26, "text-anchor": "end", class: "soft" },
      `${settingText(row.low)} to ${settingText(row.high, unit)}`,
    ),
  );
  for (const [side, , value] of known) {
    // Two half bars, one above the other: both ends may lie on the same side of what is now.
    const from = Math.min(x(value), x(base));
    group.append(
      svg("rect", {
        class: side,
        x: from,
        y: y + (side === "low" ? 4 : 15),
        width: Math.max(1, Math.abs(x(value) - x(base))),
        height: 11,
      }),
    );
  }
  group.append(
    svg("text", { x: x(least) - 5, y: y + 19, "text-anchor": "end" }, least === base ? "" : number(least)),
    svg("text", { x: x(most) + 5, y: y + 19 }, most === base ? "" : number(most)),
  );
  for (const [side, at, value] of sides) {
    if (isNumber(value)) continue;
    group.append(
      svg(
        "text",
        { x: x(most) + EDGE - 4, y: y + (side === "low" ? 13 : 26), class: "soft", "text-anchor": "start" },
        `withheld at ${settingText(at)}`,
      ),
    );
  }
  return group;
}

/** The chart's numbers as a table. */
export function tornadoTable(rows, about, setting) {
  const unit = unitText(about.unit);
  return h(
    "table",
    { class: "figures" },
    h("caption", {}, `${about.label}${unit ? `, ${unit}` : ""}, when one setting alone is moved`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Setting", "from", "to", "at its low end", "at its high end", "range"].map((text, column) =>
          h("th", { scope: "col", class: column ? "number" : null }, text),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, setting(row.setting).label),
          [
            settingText(row.low),
            settingText(row.high, setting(row.setting).unit),
            number(row.at_low),
            number(row.at_high),
            number(span(row)),
          ].map((text) => h("td", { class: "number" }, text)),
        ),
      ),
    ),
  );
}
