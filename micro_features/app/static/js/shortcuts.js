/** Keys of the picture and its tools; those of settings, layers and the strip are with these. */

import { isTyping } from "./dom.js";
import { brushBy } from "./tool_bar.js";
import { act, cancel, TOOLS } from "./tools.js";

const STEP = 0.12; // of the stage's side, for one press of an arrow key

/** @param {HTMLElement} element the stage */
export function start(store, api, element) {
  const look = (detail) => element.dispatchEvent(new CustomEvent("look", { detail }));
  const tools = Object.fromEntries(Object.entries(TOOLS).map(([name, { key }]) => [key.toLowerCase(), name]));
  const anywhere = {
    "+": () => look({ zoom: 1.25 }),
    "=": () => look({ zoom: 1.25 }),
    "-": () => look({ zoom: 0.8 }),
    "−": () => look({ zoom: 0.8 }),
    0: () => look({ fit: true }),
    9: () => look({ one: true }),
    "[": () => store.set({ brush: brushBy(store.state.brush, -1) }),
    "]": () => store.set({ brush: brushBy(store.state.brush, 1) }),
    f: () => document.querySelector('#tools [aria-keyshortcuts="F"]').click(),
    c: () => document.querySelector('#compare [aria-keyshortcuts="C"]')?.click(),
    Escape: () => (store.state.sketch ? cancel(store) : store.set({ selected: null, filter: null })),
  };
  const onPicture = {
    ArrowLeft: () => look({ move: [STEP, 0] }),
    ArrowRight: () => look({ move: [-STEP, 0] }),
    ArrowUp: () => look({ move: [0, STEP] }),
    ArrowDown: () => look({ move: [0, -STEP] }),
    // By key alone: at the pointer, or in the middle of the stage.
    Enter: () => (store.state.sketch?.kind === "merge" ? act(store, "finish", null, null) : press()),
  };
  const press = () =>
    "click" in TOOLS[store.state.tool] ? look({ press: "click" }) : (look({ press: "down" }), look({ press: "up" }));

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const isOnPicture = event.target === document.body || element.contains(event.target);
    if (event.key === " " && isOnPicture) {
      event.preventDefault();
      if (!event.repeat) look({ space: true });
      return;
    }
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isDivider = event.target.getAttribute?.("role") === "separator";
    const work =
      anywhere[name] ??
      (tools[name] && (() => store.set({ tool: tools[name] }))) ??
      (isOnPicture && !isDivider ? onPicture[name] : undefined);
    if (!work) return;
    work();
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === " ") look({ space: false });
  });
  addEventListener("blur", () => look({ space: false }));
}
