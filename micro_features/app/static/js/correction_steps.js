/** Corrections have steps of their own to be taken back, picture by picture, whoever changed them. */

import { isTyping } from "./dom.js";
import { count } from "./format.js";
import { isCorrecting } from "./history.js";
import { say } from "./status.js";
import { none, redone, stepped, undone } from "./undo.js";

/**
 * Follow the corrections, and take steps back by key while a tool for corrections is chosen.
 * @param {Object} store
 * @returns {{undo: function(): void, redo: function(): void, can: function(): {undo: boolean, redo: boolean}}}
 */
export function followSteps(store) {
  const all = new Map(); // picture's index to its steps
  let last = { index: null, corrections: null };
  const mine = () => all.get(last.index) ?? none();

  store.on(["picture", "corrections"], () => {
    const { picture, corrections } = store.state;
    const index = picture?.index ?? null;
    if (index === last.index && corrections !== last.corrections) {
      all.set(index, stepped(mine(), last.corrections, "correction"));
    }
    last = { index, corrections };
  });
  const travel = (go, word) => {
    const answer = go(mine(), store.state.corrections);
    if (!answer) return;
    all.set(last.index, answer.steps);
    last = { ...last, corrections: answer.state };
    store.set({ corrections: answer.state });
    say(`${word}: ${count(answer.state.length, "correction")} left`);
  };
  const undo = () => travel(undone, "Correction undone");
  const redo = () => travel(redone, "Correction done again");

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !isCorrecting(store.state.tool)) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) undo();
    else if (key === "y" || (key === "z" && event.shiftKey)) redo();
    else return;
    event.preventDefault();
  });
  return { undo, redo, can: () => ({ undo: mine().past.length > 0, redo: mine().future.length > 0 }) };
}
