/**
 * Unsaved work on pictures is kept on the server's disk as it happens, so that neither a closed tab nor a killed server
 * loses it; what is found on opening is offered back.
 */

import { h, replace } from "./dom.js";
import { publish, unsaved } from "./editing.js";
import { withOwn } from "./edits.js";
import { count } from "./format.js";

const AFTER_MS = 300;
const AGAIN_MS = 3000;

/** Keep drafts, and fill the element with the notice of what was recovered. */
export function start(store, api, element) {
  const written = new Map(); // index to text of the draft as the server has it; "" for none
  const timers = new Map();

  const write = async (index) => {
    timers.delete(index);
    const { work, edits } = store.state;
    if (!work[index]) return;
    const isOpen = unsaved(store.state).pictures.includes(index);
    const body = { settings: edits.own[index] ?? {}, corrections: work[index].corrections };
    const text = isOpen ? JSON.stringify(body) : "";
    if (written.get(index) === text) return;
    const path = `/api/pictures/${index}/draft`;
    try {
      await (isOpen ? api.put(path, body) : api.delete(path));
      written.set(index, text);
      store.set({ draftError: null });
    } catch (error) {
      store.set({ draftError: error.message });
      if (!error.status) later(index, AGAIN_MS); // out of reach; the work is in this tab still
    }
  };
  const later = (index, delay) => {
    clearTimeout(timers.get(index));
    timers.set(
      index,
      setTimeout(() => write(index), delay),
    );
  };
  store.on(["edits", "work"], () => {
    const open = new Set(unsaved(store.state).pictures);
    for (const index of Object.keys(store.state.work).map(Number)) {
      if (!written.has(index)) written.set(index, store.state.work[index].recovered ? "recovered" : "");
      if (open.has(index) || written.get(index) !== "") later(index, AFTER_MS);
    }
  });
  store.on(["picture", "work"], () => notice(store, element));
}

function notice(store, element) {
  const { picture, work, edits } = store.state;
  const mine = work[picture?.index];
  element.hidden = !mine?.recovered;
  if (!mine?.recovered) return replace(element);
  const n = mine.corrections.length;
  const own = Object.keys(edits.own[picture.index] ?? {}).length;
  const settle = (patch) =>
    store.set({
      work: { ...store.state.work, [picture.index]: { ...store.state.work[picture.index], recovered: null, ...patch } },
    });
  const keep = () => settle({});
  const discard = () => {
    const { saved } = mine;
    settle({ corrections: saved.corrections });
    publish(store, withOwn(store.state.edits, picture.index, saved.settings), { corrections: saved.corrections });
  };
  replace(
    element,
    h("strong", {}, "Unsaved corrections recovered"),
    h(
      "span",
      {},
      ` of ${picture.name}, from ${when(mine.recovered)}: ${count(n, "correction")}${own ? `, ${count(own, "value")} of its own` : ""}. `,
    ),
    h("button", { type: "button", class: "main", on: { click: keep } }, "Keep"),
    h("button", { type: "button", on: { click: discard } }, "Discard"),
  );
}

function when(stamp) {
  const date = new Date(typeof stamp === "number" ? stamp * 1000 : stamp);
  return Number.isNaN(date.getTime())
    ? String(stamp)
    : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
