/** The list of keys. */

import { h, isTyping, open } from "./dom.js";

const KEYS = [
  [
    "Picture",
    [
      ["Wheel, + and −", "zoom at the pointer, or in the middle"],
      ["Drag, or Space and drag", "move the picture"],
      ["← → ↑ ↓ on the picture", "move it"],
      ["0", "whole picture"],
      ["9", "one pixel is one pixel"],
      ["F", "grains filled or outlined"],
      ["C", "compare with B"],
      ["1 to 8", "layers on and off"],
      ["PageUp / PageDown", "picture before, after"],
      ["← / → on the strip", "picture before, after"],
    ],
  ],
  [
    "Tools",
    [
      ["V", "move and pick"],
      ["E", "erase"],
      ["M", "merge; Enter ends"],
      ["S", "split by a stroke"],
      ["B", "paint a pore"],
      ["[ and ]", "brush smaller, larger"],
      ["Enter on the picture", "use the tool at the pointer or in the middle"],
      ["Esc", "give up a stroke, choose nothing"],
    ],
  ],
  [
    "Settings",
    [
      ["← / → on a slider", "one step; with Shift ten"],
      ["PageUp / PageDown on it", "a tenth of its range"],
      ["Home / End on it", "its ends"],
      ["Enter in an entry", "take the value"],
      ["Esc in an entry", "back to the value before"],
      ["Ctrl+Z", "undo: corrections while a tool for them is chosen, else settings"],
      ["Ctrl+Shift+Z, Ctrl+Y", "redo"],
    ],
  ],
  [
    "Sizes",
    [
      ["← / → on a histogram", "bar before, after"],
      ["Enter", "its regions alone; with Shift a range"],
      ["Esc", "all regions"],
    ],
  ],
  [
    "Page",
    [
      ["Ctrl+S", "save"],
      ["?", "this list"],
      ["Esc", "close a dialog or an explanation"],
    ],
  ],
];

/** @param {HTMLElement} element gets the button that opens it */
export function start(store, api, element) {
  element.append(
    h("button", { type: "button", "aria-label": "Help and keys", "aria-keyshortcuts": "?", on: { click: show } }, "?"),
  );
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    show();
  });
}

function show() {
  const groups = KEYS.map(([title, rows]) =>
    h(
      "section",
      {},
      h("h3", {}, title),
      h(
        "dl",
        { class: "keys" },
        rows.map(([keys, meaning]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, meaning)]),
      ),
    ),
  );
  const { box } = open("Keys", [h("div", { class: "key-groups" }, groups)], [], "broad");
  box.querySelector(".dismiss").focus();
}
