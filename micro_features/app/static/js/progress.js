/** How far a job is. */

import { h } from "./dom.js";

/**
 * @param {string} label what is going on
 * @returns {{element: HTMLElement, update: function({done: number, total: number}): void}}
 */
export function progressBar(label) {
  const bar = h("progress", { "aria-label": label });
  const text = h("span", { class: "hint" }, " starting");
  return {
    element: h("div", { class: "progress" }, h("p", {}, `${label} …`), bar, text),
    update({ done, total }) {
      if (total > 0) {
        bar.max = total;
        bar.value = done;
        text.textContent = ` ${done} of ${total}`;
      }
    },
  };
}
