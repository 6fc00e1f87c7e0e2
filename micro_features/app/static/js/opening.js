/** Opening a picture: the strip or a key changes `index`, the picture follows. */

import { number } from "./format.js";

/** Ask for the picture whenever `index` changes, and say in the bar which one it is. */
export function followIndex(store, api) {
  let latest = 0;
  let asked = null;
  async function open() {
    const { session, index } = store.state;
    if (!session || asked === index) return; // the session changes with each saving, too
    asked = index;
    const mine = (latest += 1);
    document.getElementById("picture-name").textContent = session.pictures[index]?.name ?? "No pictures";
    try {
      const picture = await api.get(`/api/pictures/${index}`);
      // What belongs to the picture before goes when the next one is there, not earlier: no flash of an empty stage.
      if (mine === latest) store.set({ ...NOTHING, picture });
    } catch (error) {
      if (mine !== latest) return;
      asked = null; // choosing it again asks again
      store.set({ ...NOTHING, picture: null, error: error.message });
    }
  }
  store.on(["session", "index"], open);
  store.on(["picture"], () => {
    const place = document.getElementById("picture-facts");
    place.textContent = store.state.picture ? facts(store.state.picture) : "";
    place.title = store.state.picture?.refusal ?? "";
  });
}

const NOTHING = {
  frame: null,
  numbers: null,
  regions: null,
  reference: null,
  selected: null,
  filter: null,
  view: null,
  error: null,
};

function facts({ rows, cols, pixel_um: pixel, acquisition }) {
  const { kV: voltage, detector } = acquisition ?? {};
  return [
    `${cols} × ${rows} px`,
    pixel === null ? "no scale: lengths in px" : `${number(pixel * 1000)} nm/px`,
    voltage && `${number(voltage)} kV`,
    detector,
  ]
    .filter(Boolean)
    .join(" · ");
}
