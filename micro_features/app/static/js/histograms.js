/** Sizes of grains and pores, the saved settings' behind as an outline; a chosen range filters the regions. */

import { h, oncePerFrame, replace } from "./dom.js";
import { number } from "./format.js";
import { makeHistogram } from "./histogram.js";
import { isStale } from "./stale.js";

const PHASES = [
  { phase: "grain", plural: "grains", code: 0 },
  { phase: "pore", plural: "pores", code: 1 },
];

/** Fill the element with both histograms. */
export function start(store, api, element) {
  let weight = "count";
  const weights = ["count", "area"].map((value) => {
    const input = h("input", {
      type: "radio",
      name: "weight",
      value,
      checked: value === weight,
      on: {
        change: () => {
          weight = value;
          update();
        },
      },
    });
    return h("label", { class: "segment" }, input, value === "count" ? "Number" : "Share of area, %");
  });
  const filtered = h("p", { class: "filter", role: "status" });
  const charts = PHASES.map((about) => ({
    about,
    title: h("h3"),
    chart: makeHistogram(about, (range) => store.set({ filter: range && { phase: about.phase, ...range } })),
  }));
  element.append(
    h("fieldset", { class: "scope" }, h("legend", {}, "Weighted by"), weights),
    filtered,
    h(
      "div",
      { class: "histograms" },
      charts.map(({ title, chart }) => [title, chart.element]),
    ),
    h(
      "p",
      { class: "hint" },
      "Click a bar to see its regions alone, drag or Shift-click for more bars. Outline: saved settings.",
    ),
  );

  const update = oncePerFrame(() => {
    const { regions, reference, filter, picture } = store.state;
    const unit = picture && picture.pixel_um === null ? "px" : "µm";
    const stale = isStale(store.state);
    for (const { about, title, chart } of charts) {
      const sizes = sizesOf(regions, about.code);
      title.textContent = `${about.plural[0].toUpperCase()}${about.plural.slice(1)}: ${sizes.length}`;
      chart.update({
        sizes,
        before: sizesOf(reference?.regions, about.code),
        unit,
        weight,
        stale,
        range: filter?.phase === about.phase ? filter : null,
      });
    }
    replace(
      filtered,
      filter && [
        `Only ${filter.phase}s of ${number(filter.low)} to ${number(filter.high)} ${unit}. `,
        h("button", { type: "button", class: "link", on: { click: () => store.set({ filter: null }) } }, "Show all"),
      ],
    );
  });
  store.on(["regions", "reference", "filter", "picture", "settings", "corrections"], update);
  update();
}

/** Diameters of the regions of one phase. */
function sizesOf(regions, code) {
  if (!regions?.diameter) return [];
  const sizes = [];
  for (let place = 0; place < regions.diameter.length; place += 1) {
    if (regions.phase[place] === code && regions.diameter[place] > 0) sizes.push(regions.diameter[place]);
  }
  return sizes;
}
