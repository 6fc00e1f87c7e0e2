/**
 * What is edited in this tab: settings for all pictures, each picture's own, and its corrections. Stepping to another
 * picture takes the settings for all along, and leaves what is a picture's own with the picture.
 *
 * Keys of the store that this module keeps, beside `settings`, `saved` and `corrections` which follow from them:
 * `edits` (see edits.js), `steps` (see undo.js), `file` (the settings file as it was last read or written: `{saved,
 * revision, file, error}`), and `work`: by picture, `{corrections, saved: {settings, corrections},
 * revision, recovered}`, where `recovered` is when a draft that was found on opening was written.
 */

import { announce } from "./dom.js";
import { changed, changesBetween, defaultsOf, effective, same, withOwn } from "./edits.js";
import * as steps from "./undo.js";

/** Follow the session and the pictures that are opened. */
export function start(store) {
  store.set({
    edits: { globals: {}, own: {} },
    steps: steps.none(),
    work: {},
    file: null,
    scope: store.state.scope ?? "all",
  });
  store.on(["session"], () => begin(store));
  store.on(["picture"], () => opened(store));
  store.on(["corrections"], () => keep(store));
  store.on(["settings"], () => adopt(store));
  begin(store);
  opened(store);
}

/** Defaults of the session's settings, by name. */
export function defaults(store) {
  return defaultsOf(store.state.session?.controls ?? []);
}

let begun = false;
function begin(store) {
  const { session, edits } = store.state;
  if (!session || begun) return;
  begun = true;
  // The command line may have changed settings for this once: the page starts with them, as not saved.
  store.set({ file: session.settings });
  publish(store, { ...edits, globals: session.settings.start ?? session.settings.saved });
}

/** A picture is shown: with what this tab has done to it, else with its draft, else as it was saved. */
function opened(store) {
  const { picture, work, edits } = store.state;
  if (!picture) return;
  let next = edits;
  let mine = work[picture.index];
  if (!mine) {
    const { tuned, draft } = picture;
    const saved = { settings: tuned.settings, corrections: tuned.corrections };
    const found = draft ?? saved;
    const recovered =
      draft && !(same(draft.settings, saved.settings) && sameCorrections(draft.corrections, saved.corrections));
    mine = {
      corrections: found.corrections,
      saved,
      revision: tuned.revision,
      recovered: recovered ? draft.saved_at : null,
    };
    next = withOwn(edits, picture.index, found.settings);
  }
  store.set({ work: { ...work, [picture.index]: mine } });
  publish(store, next, { corrections: mine.corrections });
}

/** Corrections belong to the picture on which they were made. */
function keep(store) {
  const { picture, work, corrections } = store.state;
  const mine = picture && work[picture.index];
  if (!mine || mine.corrections === corrections) return;
  store.set({ work: { ...work, [picture.index]: { ...mine, corrections } } });
}

/** Settings that another part of the page put into the store become edits like any others. */
function adopt(store) {
  const { settings, edits, picture } = store.state;
  const all = defaults(store);
  if (!begun || !picture) return;
  const shown = effective(edits, picture.index, all);
  if (!same(settings, shown)) change(store, changesBetween(shown, settings, all), "settings taken over");
}

/**
 * Change settings, for all pictures or for the one that is open, as the switch stands.
 * @param {Object} store
 * @param {Object<string, any>} changes dotted names to values
 * @param {string} label what is done, for undo
 * @param {string|null} [gesture] changes of one gesture are one step
 */
export function change(store, changes, label, gesture = null) {
  const { edits, picture, scope } = store.state;
  step(store, changed(edits, picture?.index ?? -1, scope, changes, defaults(store)), label, gesture);
}

/** Make edits the present ones, as a step that can be taken back. */
export function step(store, edits, label, gesture = null) {
  const before = store.state.edits;
  if (same(before.globals, edits.globals) && sameOwn(before.own, edits.own)) return;
  store.set({ steps: steps.stepped(store.state.steps, before, label, gesture) });
  publish(store, edits);
}

/** Take the last step back. */
export function undo(store) {
  travel(store, steps.undone(store.state.steps, store.state.edits), "Undone");
}

/** Do again what was taken back. */
export function redo(store) {
  travel(store, steps.redone(store.state.steps, store.state.edits), "Done again");
}

function travel(store, answer, word) {
  if (!answer) return;
  const { edits: before, session, index } = store.state;
  store.set({ steps: answer.steps });
  publish(store, answer.state);
  const elsewhere = Object.keys({ ...before.own, ...answer.state.own })
    .filter((picture) => Number(picture) !== index && !same(before.own[picture], answer.state.own[picture]))
    .map((picture) => session.pictures[picture]?.name);
  announce(`${word}: ${answer.label}${elsewhere.length ? ` (on ${elsewhere.join(", ")})` : ""}`);
}

/** Edits into the store, with the settings that follow from them for the picture that is open. */
export function publish(store, edits, more = {}) {
  const { picture, file, work } = store.state;
  const all = defaults(store);
  const index = picture?.index ?? -1;
  const settings = effective(edits, index, all);
  const before = { globals: file?.saved ?? {}, own: { [index]: work[index]?.saved.settings ?? {} } };
  const saved = effective(before, index, all);
  // What did not change keeps its identity, so that nobody measures anew for it.
  store.set({
    edits,
    ...(same(store.state.saved, saved) ? {} : { saved }),
    ...(same(store.state.settings, settings) ? {} : { settings }),
    ...more,
  });
}

/**
 * What is not saved yet.
 * @param {Object} state of the store
 * @returns {{globals: boolean, pictures: Array<number>}} indices of pictures with own settings or corrections that
 *   differ from what was saved
 */
export function unsaved({ file, edits, work }) {
  if (!file) return { globals: false, pictures: [] };
  const pictures = Object.entries(work)
    .filter(
      ([index, mine]) =>
        !same(edits.own[index], mine.saved.settings) || !sameCorrections(mine.corrections, mine.saved.corrections),
    )
    .map(([index]) => Number(index));
  return { globals: !same(edits.globals, file.saved), pictures };
}

export function sameCorrections(one, other) {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function sameOwn(one, other) {
  const pictures = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...pictures].every((index) => same(one[index], other[index]));
}
