/** Undo and redo of settings, presets, and what differs from the defaults. */

import { h, isTyping, replace } from "./dom.js";
import { change, defaults, redo, step, undo } from "./editing.js";
import { differences, withOwn } from "./edits.js";
import { count, settingText } from "./format.js";
import { explain } from "./tooltip.js";

const CORRECTING = ["erase", "merge", "split", "paint"];

/** Whether Ctrl+Z is about corrections just now, and not about settings. */
export function isCorrecting(tool) {
  return CORRECTING.includes(tool);
}

/** Fill the element with the buttons and the list of differences. */
export function start(store, api, element) {
  const back = h(
    "button",
    { type: "button", "aria-keyshortcuts": "Control+Z", on: { click: () => undo(store) } },
    "↶ Undo",
  );
  const again = h(
    "button",
    { type: "button", "aria-keyshortcuts": "Control+Shift+Z Control+Y", on: { click: () => redo(store) } },
    "↷ Redo",
  );
  const toDefaults = h(
    "button",
    { type: "button", on: { click: () => resetTo(store, {}, {}, "all back to the defaults") } },
    "Defaults",
  );
  const toSaved = h("button", { type: "button", on: { click: () => toWhatIsSaved(store) } }, "Saved");
  const presets = h("span", { class: "presets", role: "group", "aria-label": "Presets" });
  const list = h("details", { class: "differences" });
  element.append(
    h("div", { class: "button-row" }, back, again),
    h("div", { class: "button-row" }, h("span", { class: "label" }, "Set to"), toDefaults, toSaved, presets),
    list,
  );
  explain(
    toDefaults,
    () => ["Every setting, and this picture's own values, at the defaults. Corrections stay."],
    "below",
  );
  explain(
    toSaved,
    () => ["Settings as they were last saved, for all pictures and for this one. Corrections stay."],
    "below",
  );

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isCorrecting(store.state.tool)) return;
    const isTaken = event.target.matches?.(".control .entry input:not(.being-typed), .control select");
    if (isTyping(event.target) && !isTaken) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) undo(store);
    else if (key === "y" || (key === "z" && event.shiftKey)) redo(store);
    else return;
    event.preventDefault();
  });

  const update = () => {
    const { steps, session, settings } = store.state;
    if (!session) return;
    button(back, steps.past.at(-1), "Undo");
    button(again, steps.future.at(-1), "Redo");
    showDifferences(store, list, differences({}, settings, defaults(store)));
  };
  const offer = () =>
    replace(
      presets,
      (store.state.session?.presets ?? []).map((preset) => presetButton(store, preset)),
    );
  store.on(["session"], offer);
  store.on(["steps", "settings", "session"], update);
  offer();
  update();
}

function button(element, step, word) {
  element.disabled = !step;
  element.title = step ? `${word}: ${step.label}` : `Nothing to ${word.toLowerCase()}`;
}

function resetTo(store, globals, own, label) {
  const { edits, picture } = store.state;
  step(store, withOwn({ ...edits, globals }, picture?.index ?? -1, own), label);
}

function toWhatIsSaved(store) {
  const { file, work, picture } = store.state;
  resetTo(store, file.saved, work[picture?.index]?.saved.settings ?? {}, "all back to what is saved");
}

function presetButton(store, preset) {
  const element = h(
    "button",
    { type: "button", on: { click: () => change(store, preset.changes, `preset ${preset.name}`) } },
    preset.name,
  );
  explain(
    element,
    () => {
      const rows = Object.entries(preset.changes).map(([name, value]) => {
        const now = store.state.settings[name] ?? defaults(store)[name];
        return h(
          "li",
          {},
          `${name} = ${settingText(value)}`,
          h("span", { class: "soft" }, now === value ? " (as now)" : ` (now ${settingText(now)})`),
        );
      });
      return [h("p", {}, preset.description), h("ul", { class: "plain" }, rows)];
    },
    "below",
  );
  return element;
}

/** What differs, old and new, each to be taken back alone. */
function showDifferences(store, list, rows) {
  const { session, edits, picture } = store.state;
  const own = edits.own[picture?.index] ?? {};
  const controls = new Map(session.controls.map((control) => [control.name, control]));
  const lines = rows.map(({ name, from, to }) =>
    h(
      "li",
      {},
      h("code", {}, name),
      h("span", { class: "values" }, `${settingText(from)} → ${settingText(to, controls.get(name)?.unit)}`),
      name in own && h("span", { class: "badge" }, "this picture"),
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": `${name} back to its default`,
          on: { click: () => change(store, { [name]: from }, `${name} back to its default`) },
        },
        "×",
      ),
    ),
  );
  replace(
    list,
    h(
      "summary",
      {},
      rows.length ? `${count(rows.length, "setting")} off the default` : "All settings at their defaults",
    ),
    rows.length > 0 && h("ul", { class: "plain" }, lines),
  );
}
