/**
 * Labels and numbers follow the settings. A preview is under way at most once, and then for the newest state; the full
 * result is asked for once the hand rests. What fails is said, and what was good before stays.
 */

import { sameCorrections } from "./editing.js";
import { same } from "./edits.js";
import { sameView } from "./view.js";

const REST_MS = 200;
const FEW_PX = { row: 0, col: 0, rows: 1, cols: 1, step: 1 };
const TAB = Math.random().toString(36).slice(2, 12);

/** Keep `frame`, `numbers`, `regions` and `reference` up to date. */
export function start(store, api) {
  const clock = inputClock();
  let sequence = 0;
  let previewing = false;
  let wanted = false; // a preview is wanted for a state that is newer than the one under way
  let resulting = 0; // number of the result that is waited for; 0 for none
  let rest = 0;
  let since = null; // when the oldest change was made that no preview was asked for yet

  const isNow = (asked) =>
    asked.picture === store.state.picture &&
    asked.settings === store.state.settings &&
    asked.corrections === store.state.corrections;
  const now = () => ({
    picture: store.state.picture,
    settings: store.state.settings,
    corrections: store.state.corrections,
    view: store.state.view,
  });
  const post = (kind, asked, tab) =>
    api.frame(`/api/pictures/${asked.picture.index}/${kind}`, {
      tab,
      seq: (sequence += 1),
      settings: asked.settings,
      corrections: asked.corrections,
      view: asked.view,
    });
  const tellBusy = () => {
    const busy = previewing || resulting || rest ? { preview: previewing, result: Boolean(resulting || rest) } : null;
    const before = store.state.busy;
    if (busy?.preview !== before?.preview || busy?.result !== before?.result) store.set({ busy });
  };

  async function preview() {
    wanted = true;
    if (previewing) return;
    previewing = true;
    while (wanted) {
      wanted = false;
      const asked = now();
      if (!asked.picture || !asked.view) break;
      const began = since;
      since = null;
      tellBusy();
      try {
        const answer = await post("preview", asked, TAB);
        if (answer && asked.picture === store.state.picture && !isBetter(store.state.frame, asked)) {
          store.set({ frame: frameOf(answer, asked, began), error: null });
        }
      } catch (error) {
        if (asked.picture === store.state.picture && !wanted) store.set({ error: error.message });
      }
    }
    previewing = false;
    tellBusy();
  }

  /** An exact frame of the same state and view is not replaced by a preview that comes late. */
  const isBetter = (frame, asked) =>
    Boolean(frame?.exact && isNow(frame.asked) && isNow(asked) && sameView(frame.asked.view, asked.view));

  async function result() {
    rest = 0;
    const asked = now();
    if (!asked.picture || !asked.view) return tellBusy();
    const mine = (sequence += 1);
    resulting = mine;
    tellBusy();
    try {
      const answer = await post("result", asked, TAB);
      if (answer && isNow(asked)) take(answer, asked);
    } catch (error) {
      if (isNow(asked)) store.set({ error: error.message });
    }
    if (resulting === mine) resulting = 0;
    tellBusy();
    if (!resulting && !rest) refer();
  }

  function take(answer, asked) {
    const { head, arrays } = answer;
    const numbers = head.numbers;
    const regions = {
      phase: arrays.region_phase,
      label: arrays.region_label,
      diameter: arrays.region_diameter_um,
      asked,
    };
    const patch = { numbers, regions, error: null };
    if (sameView(asked.view, store.state.view)) patch.frame = frameOf(answer, asked, null);
    store.set(patch);
    if (!patch.frame) preview(); // somebody moved on meanwhile; exact labels of the new view are at hand
  }

  /** What the saved settings give, to compare with: mostly at hand, as a page opens with them. */
  let referring = null;
  async function refer() {
    const { picture, settings, saved, corrections, numbers, regions, reference } = store.state;
    if (!picture || !numbers) return;
    const kept = savedCorrections(store.state);
    if (
      reference &&
      reference.picture === picture &&
      same(reference.settings, saved) &&
      sameCorrections(reference.corrections, kept)
    )
      return;
    if (same(settings, saved) && sameCorrections(corrections, kept) && isNow(regions.asked)) {
      store.set({ reference: { numbers, regions, picture, settings: saved, corrections: kept } });
      return;
    }
    if (referring) return;
    referring = { picture };
    try {
      const answer = await post(
        "result",
        { picture, settings: saved, corrections: kept, view: FEW_PX },
        `${TAB}-saved`,
      );
      if (answer && store.state.picture === picture) {
        const { head, arrays } = answer;
        const found = { phase: arrays.region_phase, label: arrays.region_label, diameter: arrays.region_diameter_um };
        store.set({
          reference: { numbers: head.numbers, regions: found, picture, settings: saved, corrections: kept },
        });
      }
      referring = null;
      if (answer) return void refer(); // something may have been saved meanwhile
    } catch (error) {
      if (store.state.picture === picture) store.set({ error: `The saved settings: ${error.message}` });
    }
    referring = null;
  }

  function changed() {
    if (!store.state.picture || !store.state.view) return;
    since ??= clock();
    clearTimeout(rest);
    rest = setTimeout(result, REST_MS);
    preview();
  }

  let isNew = null; // the picture whose first labels were asked for
  store.on(["picture", "settings", "corrections"], changed);
  store.on(["view"], () => {
    if (!store.state.view || !store.state.picture) return;
    if (isNew === store.state.picture) return void preview();
    isNew = store.state.picture;
    changed();
  });
  store.on(["saved", "work"], () => {
    if (!store.state.busy) refer();
  });
}

/** Corrections of the open picture as they were saved. */
export function savedCorrections({ work, picture }) {
  return work?.[picture?.index]?.saved.corrections ?? picture?.tuned.corrections ?? [];
}

function frameOf({ head, arrays }, asked, began) {
  const { exact, scale, note } = head;
  return { grains: arrays.grains, pores: arrays.pores, view: head.view, exact, scale, note, asked, began, ms: head.ms };
}

/** When the input came that is being handled: a key press counts from when it was made. */
function inputClock() {
  let last = -Infinity;
  for (const kind of ["input", "keydown", "pointerdown", "pointermove", "pointerup", "change", "click"]) {
    addEventListener(
      kind,
      (event) => {
        last = event.timeStamp;
      },
      { capture: true, passive: true },
    );
  }
  return () => {
    const now = performance.now();
    return now - last < 100 ? last : now;
  };
}
