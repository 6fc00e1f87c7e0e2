/**
 * Pictures that the server makes: the original, flattened, boundary strength, Grad-CAM and SHAP. Each is asked for
 * while it is switched on, and anew when what it depends on has changed. The store's `images` holds them by name, in
 * the order in which they lie: `{canvas, values, view, head}` or `{error}`.
 */

import { greyTable, signedTable, STRENGTH, strengthTable } from "./colours.js";
import { shapeOf } from "./view.js";

const ORDER = ["original", "flattened", "boundary", "gradcam", "shap"];
const OF_THE_PICTURE_ALONE = ["original", "gradcam"];

/** Keep `images` up to date. */
export function followLayers(store, api) {
  const asked = new Map(); // name to what it was asked for
  const update = () => {
    const { picture, view, layers, busy, numbers } = store.state;
    if (!picture || !view) return;
    for (const name of ORDER) {
      if (!layers[name]?.on) continue;
      const isAlone = OF_THE_PICTURE_ALONE.includes(name);
      // What depends on settings waits for the result, of which it is a by-product: it would hold that up otherwise.
      if (!isAlone && (busy?.result || busy?.preview || !numbers)) continue;
      const { settings, corrections } = store.state;
      const wanted = isAlone ? [picture, view] : [picture, view, settings, corrections];
      if (wanted.every((each, place) => asked.get(name)?.[place] === each)) continue;
      asked.set(name, wanted);
      ask(name, wanted);
    }
  };
  async function ask(name, wanted) {
    const { picture, view, settings, corrections } = store.state;
    let image;
    try {
      const answer = await api.frame(`/api/pictures/${picture.index}/layer`, {
        layer: name,
        settings,
        corrections,
        view,
      });
      if (!answer) {
        asked.delete(name);
        return;
      }
      image = imageOf(name, answer, view);
    } catch (error) {
      image = { error: error.message };
    }
    if (asked.get(name) !== wanted || store.state.picture !== picture) return;
    put(name, image);
  }
  function put(name, image) {
    const all = { ...store.state.images, [name]: image };
    store.set({ images: Object.fromEntries(ORDER.filter((each) => all[each]).map((each) => [each, all[each]])) });
  }
  store.on(["picture"], () => {
    asked.clear();
    store.set({ images: {} });
  });
  store.on(["picture", "view", "layers", "busy", "numbers"], update);
}

function imageOf(name, { head, arrays: { values } }, asked) {
  const view = head.view ?? asked;
  const { rows, cols } = shapeOf(view);
  const canvas = document.createElement("canvas");
  canvas.width = cols;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(cols, rows);
  const out = new Uint32Array(image.data.buffer);
  const table = tableOf(name);
  if (values instanceof Float32Array) {
    const span = head.high - head.low || 1;
    for (let place = 0; place < out.length; place += 1) {
      const value = values[place];
      if (Number.isNaN(value)) continue;
      out[place] = table[Math.max(0, Math.min(255, Math.round((255 * (value - head.low)) / span)))];
    }
  } else {
    for (let place = 0; place < out.length; place += 1) out[place] = table[values[place]];
  }
  context.putImageData(image, 0, 0);
  return { canvas, values, view, head };
}

/** Colours of a layer from its low end to its high one. */
export function tableOf(name) {
  if (name === "gradcam" || name === "shap") return signedTable();
  return name === "boundary" ? strengthTable(STRENGTH) : greyTable();
}
