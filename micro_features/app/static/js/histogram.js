/** One histogram of sizes, in which a range can be chosen by pointer and by key. */

import { binned, countTicks, edges, logTicks } from "./binning.js";
import { h, replace, svg } from "./dom.js";
import { count, number } from "./format.js";

const WIDTH = 320;
const HEIGHT = 128;
const LEFT = 34;
const BOTTOM = 32;
const TOP = 6;

/**
 * @param {{phase: string, plural: string}} about
 * @param {function({low: number, high: number}|null): void} choose told the range of sizes; null: none
 * @returns {{element: HTMLElement, update: function(Object): void}} `update` takes `{sizes, before, unit, weight, range,
 *   stale}`: sizes of the regions now and under the saved settings, and the range that is chosen, if any
 */
export function makeHistogram(about, choose) {
  const plot = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: `histogram ${about.phase}`,
    role: "group",
    "aria-label": `Sizes of ${about.plural}; arrow keys go from bar to bar, Enter chooses, Shift extends`,
  });
  const empty = h("p", { class: "hint" });
  const element = h("div", { class: "histogram-box" }, plot, empty);
  let limits = [];
  let anchor = null; // bin from which a range is drawn
  let focused = 0;
  let dragging = false;

  const select = (from, to) => {
    const [first, last] = from <= to ? [from, to] : [to, from];
    choose({ low: limits[first], high: limits[last + 1] });
  };
  const binOf = (event) => {
    const box = plot.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    return Math.max(0, Math.min(limits.length - 2, Math.floor(((x - LEFT) / (WIDTH - LEFT)) * (limits.length - 1))));
  };
  plot.addEventListener("pointerdown", (event) => {
    if (limits.length < 2 || event.button !== 0) return;
    const bin = binOf(event);
    if (!event.shiftKey || anchor === null) anchor = bin;
    dragging = true;
    plot.setPointerCapture(event.pointerId);
    focused = bin;
    select(anchor, bin);
  });
  plot.addEventListener("pointermove", (event) => {
    if (!dragging) return;
    const bin = binOf(event);
    if (bin !== focused) {
      focused = bin;
      select(anchor, bin);
    }
  });
  for (const end of ["pointerup", "pointercancel"])
    plot.addEventListener(end, () => {
      dragging = false;
    });
  plot.addEventListener("keydown", (event) => {
    const bins = limits.length - 1;
    const move = { ArrowRight: 1, ArrowLeft: -1, Home: -bins, End: bins }[event.key];
    if (move !== undefined) {
      focused = Math.max(0, Math.min(bins - 1, focused + move));
      plot.querySelector(`[data-bin="${focused}"]`)?.focus();
      if (event.shiftKey) select((anchor ??= focused), focused);
    } else if (event.key === "Enter" || event.key === " ") {
      if (!event.shiftKey || anchor === null) anchor = focused;
      select(anchor, focused);
    } else if (event.key === "Escape") {
      anchor = null;
      choose(null);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  return {
    element,
    update({ sizes, before, unit, weight, range, stale }) {
      limits = edges(sizes, before);
      element.classList.toggle("stale", stale);
      plot.style.display = limits.length ? "" : "none";
      empty.hidden = limits.length > 0;
      empty.textContent = stale ? "Measuring …" : `No ${about.plural}.`;
      if (!limits.length) return;
      focused = Math.min(focused, limits.length - 2);
      const hadFocus = plot.contains(document.activeElement);
      replace(plot, drawn({ limits, sizes, before, unit, weight, range, about, focused }));
      if (hadFocus) plot.querySelector(`[data-bin="${focused}"]`)?.focus();
    },
  };
}

function drawn({ limits, sizes, before, unit, weight, range, about, focused }) {
  const now = binned(sizes, limits, weight);
  const saved = binned(before, limits, weight);
  const numbers = binned(sizes, limits, "count");
  const ticks = countTicks(Math.max(...now, ...saved));
  const floor = HEIGHT - BOTTOM;
  const y = (value) => floor - ((floor - TOP) * value) / ticks.at(-1);
  const step = (WIDTH - LEFT) / now.length;
  const x = (size) => LEFT + ((WIDTH - LEFT) * Math.log(size / limits[0])) / Math.log(limits.at(-1) / limits[0]);
  const chosen = (bin) => range && limits[bin] >= range.low * 0.999 && limits[bin + 1] <= range.high * 1.001;

  const bars = now.map((value, bin) => {
    const left = LEFT + bin * step;
    const said =
      `${number(limits[bin])} to ${number(limits[bin + 1])} ${unit}: ${count(numbers[bin], about.phase)}` +
      (weight === "area" ? `, ${number(value)} % of their area` : "");
    return svg(
      "g",
      {
        tabindex: bin === focused ? 0 : -1,
        role: "button",
        "aria-label": said,
        "aria-pressed": String(Boolean(chosen(bin))),
        dataset: { bin },
        class: range && !chosen(bin) ? "bar out" : "bar",
      },
      svg("title", {}, said),
      svg("rect", { class: "hit", x: left, y: TOP, width: step, height: floor - TOP }),
      svg("rect", {
        class: "value",
        x: left + 0.5,
        y: y(value),
        width: Math.max(0.5, step - 1),
        height: floor - y(value),
      }),
    );
  });
  const outline = saved.flatMap((value, bin) => [
    `${LEFT + bin * step},${y(value)}`,
    `${LEFT + (bin + 1) * step},${y(value)}`,
  ]);
  const marks = logTicks(limits[0], limits.at(-1));
  return [
    bars,
    before.length > 0 &&
      svg("polyline", { class: "before", points: `${LEFT},${floor} ${outline.join(" ")} ${WIDTH},${floor}` }),
    svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: floor, y2: floor }),
    marks.map((tick) => [
      svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: floor, y2: floor + 3 }),
      svg(
        "text",
        { x: Math.max(LEFT + 6, Math.min(WIDTH - 8, x(tick))), y: floor + 13, "text-anchor": "middle" },
        String(tick),
      ),
    ]),
    ticks.map((tick) => [
      svg("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y(tick), y2: y(tick) }),
      svg("text", { x: LEFT - 4, y: y(tick) + 4, "text-anchor": "end" }, String(tick)),
    ]),
    svg(
      "text",
      { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" },
      `equivalent-circle diameter, ${unit}`,
    ),
  ];
}
