/** The list of keys. */

import { h, isTyping, open } from "./dom.js";

const KEYS = [
  ["Picture", [
    ["Wheel", "zoom at the pointer"], ["Drag", "move the picture"], ["+ / −", "zoom in, out"], ["0", "whole picture"],
    ["PageUp / PageDown", "picture before, after"], ["← / → on the strip", "picture before, after"], ["1 to 8", "layers on and off"],
  ]],
  ["Settings", [
    ["← / → on a slider", "one step; with Shift ten"], ["PageUp / PageDown on a slider", "a tenth of its range"], ["Home / End on a slider", "its ends"],
    ["Enter in an entry", "take the value"], ["Esc in an entry", "back to the value before"],
    ["Ctrl+Z", "undo (corrections while a tool for them is chosen, else settings)"], ["Ctrl+Shift+Z, Ctrl+Y", "redo"],
  ]],
  ["Files", [["Ctrl+S", "save"], ["?", "this list"], ["Esc", "close a dialog or an explanation"]]],
];

/** @param {HTMLElement} element gets the button that opens it */
export function start(store, api, element) {
  element.append(h("button", { type: "button", "aria-label": "Help and keys", "aria-keyshortcuts": "?", on: { click: show } }, "?"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    show();
  });
}

function show() {
  const groups = KEYS.map(([title, rows]) => h("section", {}, h("h3", {}, title),
    h("dl", { class: "keys" }, rows.map(([keys, meaning]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, meaning)]))));
  const { box } = open("Keys", [h("div", { class: "key-groups" }, groups)], [], "broad");
  box.querySelector(".dismiss").focus();
}
