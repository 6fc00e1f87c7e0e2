/** What is drawn over one another, and how strongly. */

import { h, isTyping } from "./dom.js";
import { explain } from "./tooltip.js";

/** Fill the element with the list of layers. */
export function start(store, api, element) {
  let rows = [];
  const build = () => {
    const { session } = store.state;
    if (!session || rows.length) return;
    rows = session.layers.map((layer, place) => makeRow(store, layer, place));
    element.append(
      h(
        "ul",
        { class: "plain layers", "aria-label": "Layers" },
        rows.map((row) => row.element),
      ),
    );
    update();
  };
  const update = () => rows.forEach((row) => row.show(store.state.layers?.[row.name] ?? { on: false, opacity: 1 }));
  document.addEventListener("keydown", (event) => {
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isTyping(event.target) ||
      document.querySelector("dialog[open]")
    )
      return;
    const row = rows[Number(event.key) - 1];
    if (row) row.toggle();
  });
  store.on(["session"], build);
  store.on(["layers"], update);
  build();
}

function makeRow(store, layer, place) {
  const id = `layer-${layer.name}`;
  const put = (patch) => {
    const { layers = {} } = store.state;
    store.set({ layers: { ...layers, [layer.name]: { on: false, opacity: 1, ...layers[layer.name], ...patch } } });
  };
  const box = h("input", { type: "checkbox", id, on: { change: () => put({ on: box.checked }) } });
  const opacity = h("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 5,
    "aria-label": `${layer.label}, opacity`,
    on: { input: () => put({ opacity: opacity.valueAsNumber / 100 }) },
  });
  const element = h(
    "li",
    { class: "layer" },
    box,
    h("label", { for: id }, layer.label, layer.slow && h("small", { class: "soft" }, " slow")),
    place < 9 && h("kbd", {}, String(place + 1)),
    opacity,
  );
  explain(element, () =>
    [
      h("p", {}, layer.description),
      layer.slow && h("p", { class: "soft" }, "Takes seconds to compute; it is asked for once it is switched on."),
    ].filter(Boolean),
  );
  return {
    element,
    name: layer.name,
    toggle: () => put({ on: !box.checked }),
    show(state) {
      box.checked = state.on;
      opacity.value = String(Math.round(100 * state.opacity));
      opacity.setAttribute("aria-valuetext", `${Math.round(100 * state.opacity)} %`);
      opacity.disabled = !state.on;
    },
  };
}
