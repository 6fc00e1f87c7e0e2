/** What lies on the picture beside the picture: scale bar, badge, legends, names of the sides. */

import { roundLength } from "./camera.js";
import { css, PHASES } from "./colours.js";
import { h, replace } from "./dom.js";
import { number } from "./format.js";
import { tableOf } from "./layer_images.js";

const BAR_PX = 170; // the scale bar is at most so long
const AFTER_MS = 350; // work that is done sooner is not worth a word

/** A scale bar of a round length. */
export function makeScaleBar() {
  const text = h("div");
  const bar = h("div", { class: "length" });
  const element = h("div", { class: "on-picture scale-bar", hidden: true }, text, bar);
  return {
    element,
    /** @param {number|null} pixelUm @param {number} zoom CSS pixels per picture pixel */
    show(pixelUm, zoom) {
      element.hidden = false;
      const perPx = zoom / (pixelUm ?? 1); // CSS pixels per µm, or per pixel where there is no scale
      const length = roundLength(BAR_PX / perPx);
      text.textContent = pixelUm === null ? `${number(length)} px, no scale` : inMetres(length);
      bar.style.width = `${length * perPx}px`;
    },
  };
}

function inMetres(um) {
  if (um >= 1000) return `${number(um / 1000)} mm`;
  return um >= 1 ? `${number(um)} µm` : `${number(um * 1000)} nm`;
}

/** Says when labels are a preview, and that better ones are on their way. */
export function makeBadge(store) {
  const element = h("div", { class: "on-picture preview-badge", hidden: true });
  let slow = false;
  let timer = 0;
  const show = () => {
    const { frame, busy, picture } = store.state;
    const preview = frame && !frame.exact;
    element.hidden = !picture || !(preview || (busy && slow));
    element.classList.toggle("exact", !preview);
    const waits = busy ? "updating …" : "";
    element.textContent = preview
      ? `PREVIEW${frame.note ? `, ${frame.note}` : ""}${waits ? ` · ${waits}` : ""}`
      : waits;
  };
  store.on(["frame", "busy", "picture"], () => {
    if (!store.state.busy) {
      clearTimeout(timer);
      timer = 0;
      slow = false;
    } else if (!timer && !slow) {
      timer = setTimeout(() => {
        slow = true;
        timer = 0;
        show();
      }, AFTER_MS);
    }
    show();
  });
  return element;
}

const SWATCHES = [
  ["pore", "pore"],
  ["boundary", "boundary"],
  ["interior", "interior"],
];

/** Legends of the layers that need one. */
export function makeLegends(store) {
  const element = h("div", { class: "on-picture legends" });
  const update = () => {
    const { layers, images = {}, session } = store.state;
    const label = (name) => session?.layers.find((layer) => layer.name === name)?.label ?? name;
    const rows = [];
    if (layers.phases?.on) {
      rows.push(
        h(
          "div",
          { class: "legend-bar" },
          h(
            "span",
            { class: "swatches" },
            SWATCHES.map(([name, word]) => {
              const swatch = h("i");
              swatch.style.background = css(PHASES[name]);
              return h("span", {}, swatch, word);
            }),
          ),
        ),
      );
    }
    for (const name of ["boundary", "gradcam", "shap"]) {
      if (!layers[name]?.on) continue;
      const image = images[name];
      if (!image || image.error) rows.push(h("div", {}, `${label(name)}: ${image?.error ?? "is computed …"}`));
      else rows.push(legendOf(name, image.head));
    }
    for (const name of ["original", "flattened"]) {
      if (layers[name]?.on && images[name]?.error) rows.push(h("div", {}, `${label(name)}: ${images[name].error}`));
    }
    replace(element, rows);
    element.hidden = rows.length === 0;
  };
  store.on(["layers", "images", "session"], update);
  update();
  return element;
}

function legendOf(name, { low, high, unit, legend }) {
  const bar = h("canvas", { width: 128, height: 1, "aria-hidden": "true" });
  const context = bar.getContext("2d");
  const image = context.createImageData(128, 1);
  const table = tableOf(name);
  new Uint32Array(image.data.buffer).set(Array.from({ length: 128 }, (_, place) => table[place * 2]));
  context.fillStyle = "#8a8f94"; // a middle grey, as of the picture that shines through
  context.putImageData(image, 0, 0);
  context.globalCompositeOperation = "destination-over";
  context.fillRect(0, 0, 128, 1);
  return h(
    "div",
    { class: "legend-bar" },
    h("span", {}, number(low, 2)),
    bar,
    h("span", {}, `${number(high, 2)} ${unit ?? ""}`),
    h("span", { class: "said" }, legend),
  );
}
