/** Whether edits are for all pictures or for the one that is open alone. */

import { h, replace } from "./dom.js";
import { defaults, step } from "./editing.js";
import { pruned, withOwn } from "./edits.js";
import { count } from "./format.js";
import { explain } from "./tooltip.js";

/** Fill the element with the switch. */
export function start(store, api, element) {
  const make = (value, label, said) => {
    const input = h("input", {
      type: "radio",
      name: "scope",
      value,
      on: { change: () => store.set({ scope: value }) },
    });
    const line = h("label", { class: "segment" }, input, label);
    explain(line, () => [said], "below");
    return { input, line };
  };
  const all = make(
    "all",
    "All pictures",
    "A setting that is moved counts for every picture, and comes along to the next one.",
  );
  const one = make(
    "picture",
    "This picture alone",
    "A setting that is moved counts for this picture alone and stays with it.",
  );
  const state = h("p", { class: "own-values", role: "status" });
  element.append(h("fieldset", { class: "scope" }, h("legend", {}, "Changes are for"), all.line, one.line), state);

  const update = () => {
    const { scope, edits, picture } = store.state;
    all.input.checked = scope !== "picture";
    one.input.checked = scope === "picture";
    const own = edits.own[picture?.index] ?? {};
    const n = Object.keys(own).length;
    replace(
      state,
      n > 0 && [
        `${count(n, "value")} of this picture's own. `,
        h("button", { type: "button", class: "link", on: { click: () => drop(store) } }, "As for all"),
        " ",
        h("button", { type: "button", class: "link", on: { click: () => spread(store) } }, "Use for all"),
      ],
    );
  };
  store.on(["scope", "edits", "picture"], update);
  update();
}

function drop(store) {
  const { edits, picture } = store.state;
  step(store, withOwn(edits, picture.index, {}), "this picture's own values dropped");
}

function spread(store) {
  const { edits, picture } = store.state;
  const globals = pruned({ ...edits.globals, ...edits.own[picture.index] }, defaults(store));
  step(store, withOwn({ ...edits, globals }, picture.index, {}), "this picture's own values for all pictures");
}
