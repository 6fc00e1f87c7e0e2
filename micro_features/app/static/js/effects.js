/** What new settings change in every picture: numbers before and after, as a table that can be sorted. */

import { h, replace } from "./dom.js";
import { featureLabel, isNumber, number, percent, unitText } from "./format.js";

/**
 * Change of a row's feature, for sorting: in percent; what appears or is withheld counts as the biggest.
 * @param {{before: Object, after: Object}} row
 * @param {string} feature
 */
export function changeOf(row, feature) {
  const before = row.before?.[feature] ?? null;
  const after = row.after?.[feature] ?? null;
  if (before === after) return 0;
  if (!isNumber(before) || !isNumber(after)) return Infinity;
  const change = percent(after, before);
  return change === null ? Infinity : change;
}

/** The biggest change of a row, in percent, whichever feature it is. */
export function biggest(row, features) {
  if (row.error) return Infinity;
  return Math.max(0, ...features.map((name) => Math.abs(changeOf(row, name))));
}

/**
 * Flags that differ: what is good before and not after, or the other way.
 * @param {{flags_before?: Array, flags_after?: Array}} row
 * @returns {Array<{name: string, good: boolean, text: string}>} as they are after
 */
export function flagChanges(row) {
  const before = new Map((row.flags_before ?? []).map((flag) => [flag.name, flag.good]));
  return (row.flags_after ?? []).filter((flag) => before.has(flag.name) && before.get(flag.name) !== flag.good);
}

/**
 * @param {Array<Object>} rows as the job "compare" gives them
 * @param {Array<{name: string, unit: string}>} features those of the live table; what changes in no picture is named
 *   below the table alone
 * @param {function(number): string} nameOf a picture's name
 * @returns {HTMLElement}
 */
export function effectsTable(rows, features, nameOf) {
  const measured = features.filter(({ name }) =>
    rows.some((row) => isNumber(row.before?.[name]) || isNumber(row.after?.[name])),
  );
  const shown = measured.filter(({ name }) => rows.some((row) => changeOf(row, name) !== 0));
  const still = measured.filter((feature) => !shown.includes(feature)).map(({ name }) => featureLabel(name));
  const names = shown.map(({ name }) => name);
  let order = { column: "biggest", down: true };
  const body = h("tbody");
  const knowsFlags = rows.some((row) => row.flags_after);
  const heads = [
    ["picture", "Picture", ""],
    ["biggest", "Biggest change", ""],
    ...(knowsFlags ? [["flags", "Flags that change", ""]] : []),
    ...shown.map(({ name, unit }) => [name, featureLabel(name), unitText(unit)]),
  ];
  const cells = heads.map(([column, label, unit]) => {
    const button = h(
      "button",
      {
        type: "button",
        class: "sort",
        on: {
          click: () => {
            order = { column, down: order.column === column ? !order.down : column !== "picture" };
            fill();
          },
        },
      },
      label,
      unit && h("small", {}, ` ${unit}`),
    );
    return h("th", { scope: "col", class: ["picture", "flags"].includes(column) ? null : "number" }, button);
  });
  const key = (row) => {
    if (order.column === "picture") return nameOf(row.index);
    if (order.column === "biggest") return biggest(row, names);
    if (order.column === "flags") return flagChanges(row).length;
    return Math.abs(changeOf(row, order.column));
  };
  const fill = () => {
    const direction = order.down ? -1 : 1;
    const compare = (one, other) => {
      const [a, b] = [key(one), key(other)];
      return typeof a === "string"
        ? direction * a.localeCompare(b, undefined, { numeric: true })
        : a === b
          ? one.index - other.index
          : direction * (a < b ? -1 : 1);
    };
    cells.forEach((cell, place) =>
      cell.setAttribute(
        "aria-sort",
        heads[place][0] !== order.column ? "none" : order.down ? "descending" : "ascending",
      ),
    );
    replace(
      body,
      [...rows].sort(compare).map((row) => line(row, shown, names, nameOf, knowsFlags)),
    );
  };
  fill();
  return h(
    "div",
    {},
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "What changes, picture by picture" },
      h("table", { class: "figures effects" }, h("thead", {}, h("tr", {}, cells)), body),
    ),
    still.length > 0 && h("p", { class: "hint" }, `The same in every picture: ${still.join(", ")}.`),
  );
}

function line(row, shown, names, nameOf, knowsFlags) {
  const picture = h("th", { scope: "row" }, nameOf(row.index));
  if (row.error) return h("tr", { class: "failed" }, picture, h("td", { colspan: shown.length + 2 }, `✕ ${row.error}`));
  const most = biggest(row, names);
  return h(
    "tr",
    {},
    picture,
    h("td", { class: "number" }, most === Infinity ? "appears or goes" : `${number(most, 2)} %`),
    knowsFlags &&
      h(
        "td",
        {},
        flagChanges(row).map((flag) =>
          h("div", { class: flag.good ? "good" : "bad" }, `${flag.good ? "✓" : "⚠"} ${flag.text}`),
        ),
      ),
    shown.map(({ name }) => beforeAfter(row, name)),
  );
}

function beforeAfter(row, name) {
  const before = row.before?.[name] ?? null;
  const after = row.after?.[name] ?? null;
  const change = changeOf(row, name);
  if (change === 0) return h("td", { class: "number soft" }, number(after));
  const share = change === Infinity ? "" : `${change > 0 ? "+" : "−"}${number(Math.abs(change), 2)} %`;
  return h("td", { class: "number" }, `${number(before)} → ${number(after)}`, h("small", { class: "share" }, share));
}

/** How many pictures change, in one sentence. */
export function summary(rows, features) {
  const names = features.map(({ name }) => name);
  const failed = rows.filter((row) => row.error).length;
  const changed = rows.filter((row) => !row.error && (biggest(row, names) > 0 || flagChanges(row).length > 0)).length;
  const same = rows.length - failed - changed;
  const parts = [`${changed} of ${rows.length} pictures change`];
  if (same) parts.push(`${same} stay as they are`);
  if (failed) parts.push(`${failed} can not be measured`);
  return `${parts.join(", ")}.`;
}
