/** The buttons above the picture: tools, the brush's size, steps of corrections, zoom. */

import { followSteps } from "./correction_steps.js";
import { h } from "./dom.js";
import { number } from "./format.js";
import { isCorrecting } from "./history.js";
import { icon } from "./icons.js";

const BRUSH = { least: 0.5, most: 200, factor: 1.25 };

/** A brush that is thicker or thinner by steps. */
export function brushBy(radius, steps) {
  return Math.min(BRUSH.most, Math.max(BRUSH.least, Number((radius * BRUSH.factor ** steps).toPrecision(2))));
}

/**
 * @param {Object} store
 * @param {HTMLElement} element
 * @param {Object<string, {label: string, icon: string, key: string, said: string}>} tools
 */
export function fillBar(store, element, tools) {
  const buttons = Object.entries(tools).map(([name, tool]) =>
    button(
      tool.icon,
      tool.label,
      `${tool.label} (${tool.key}). ${tool.said}`,
      tool.key,
      () => store.set({ tool: name }),
      { name },
    ),
  );
  const size = h("input", {
    type: "number",
    min: BRUSH.least,
    max: BRUSH.most,
    step: "any",
    "aria-label": "Radius of the brush, px",
    on: {
      change: () =>
        store.set({ brush: Math.min(BRUSH.most, Math.max(BRUSH.least, size.valueAsNumber || store.state.brush)) }),
    },
  });
  const inUm = h("span", { class: "hint more" });
  const brush = h("span", { class: "group", hidden: true }, h("span", { class: "more" }, "radius"), size, "px", inUm);
  const steps = followSteps(store);
  const back = button("undo", "", "Undo the last correction (Ctrl+Z)", "Control+Z", steps.undo);
  const again = button("redo", "", "Do the correction again (Ctrl+Shift+Z)", "Control+Shift+Z", steps.redo);
  const history = h("span", { class: "group", hidden: true }, back, again);
  const fill = button("fill", "", "Grains in colours of their own (F)", "F", () => {
    const { layers } = store.state;
    store.set({ layers: { ...layers, grains: { ...layers.grains, on: true, fill: !layers.grains?.fill } } });
  });
  const look = (detail) => document.getElementById("stage").dispatchEvent(new CustomEvent("look", { detail }));
  const zoom = [
    button("minus", "", "Zoom out (−)", "-", () => look({ zoom: 1 / 1.4 })),
    button("plus", "", "Zoom in (+)", "+", () => look({ zoom: 1.4 })),
    button("fit", "", "Whole picture (0)", "0", () => look({ fit: true })),
    button("one", "", "One pixel of the picture on one of the screen (9)", "9", () => look({ one: true })),
  ];
  element.append(...buttons, brush, history, h("span", { class: "gap" }), fill, ...zoom);

  const update = () => {
    const { tool, layers, brush: radius, picture } = store.state;
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.name === tool));
    brush.hidden = tool !== "paint";
    if (document.activeElement !== size) size.value = String(radius);
    inUm.textContent = picture?.pixel_um ? `= ${number(radius * picture.pixel_um)} µm` : "";
    history.hidden = !isCorrecting(tool);
    back.disabled = !steps.can().undo;
    again.disabled = !steps.can().redo;
    fill.setAttribute("aria-pressed", String(Boolean(layers.grains?.fill)));
  };
  store.on(["tool", "layers", "brush", "picture", "corrections"], update);
  update();
}

function button(symbol, word, title, keys, work, dataset = {}) {
  return h(
    "button",
    {
      type: "button",
      title,
      "aria-label": title.replace(/ \(.*$/, ""),
      "aria-keyshortcuts": keys,
      dataset,
      on: { click: work },
    },
    icon(symbol),
    word && h("span", { class: "word" }, word),
  );
}
