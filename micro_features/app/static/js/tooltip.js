/**
 * One bubble of explanation for the page, shown on hover and on focus alike. It goes with Escape, stays while the pointer
 * is on it, and is told to screen readers as the description of what it stands by.
 */

import { h, replace } from "./dom.js";

const DELAY_MS = 350;
let bubble = null;
let shownFor = null;
let timer = 0;

/**
 * Explain an element.
 * @param {HTMLElement} target shown while the pointer is on it or something in it has the focus
 * @param {function(): Array<Node|string>} content made when shown
 */
export function explain(target, content) {
  target.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "touch") later(() => show(target, content), shownFor ? 80 : DELAY_MS);
  });
  target.addEventListener("pointerleave", () => later(hide, 150));
  target.addEventListener("pointerdown", () => clearTimeout(timer));
  target.addEventListener("focusin", (event) => {
    // Only where the focus came by key: a click has seen the pointer's bubble already.
    if (event.target.matches(":focus-visible")) later(() => show(target, content), DELAY_MS);
  });
  target.addEventListener("focusout", () => later(hide, 0));
}

function later(work, delay) {
  clearTimeout(timer);
  timer = setTimeout(work, delay);
}

function made() {
  bubble = h("div", { class: "bubble", role: "tooltip", id: "bubble", hidden: true });
  bubble.addEventListener("pointerenter", () => clearTimeout(timer));
  bubble.addEventListener("pointerleave", () => later(hide, 150));
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide(), true);
  document.addEventListener("scroll", hide, true);
  document.body.append(bubble);
}

function show(target, content) {
  if (!target.isConnected) return;
  if (!bubble) made();
  hide();
  replace(bubble, content());
  // Inside an open dialog the rest of the page, and a bubble there, is out of reach.
  (target.closest("dialog") ?? document.body).append(bubble);
  bubble.hidden = false;
  shownFor = target;
  target.setAttribute("aria-describedby", "bubble");
  place(target.getBoundingClientRect(), bubble.getBoundingClientRect());
}

/** Beside the element where there is room, else below or above it. */
function place(at, size) {
  const gap = 8;
  const fitsRight = at.right + gap + size.width <= innerWidth;
  const fitsLeft = at.left - gap - size.width >= 0;
  let left = fitsLeft ? at.left - gap - size.width : at.right + gap;
  let top = at.top;
  if (!fitsLeft && !fitsRight) {
    left = at.left;
    top = at.bottom + gap + size.height <= innerHeight ? at.bottom + gap : at.top - gap - size.height;
  }
  bubble.style.left = `${Math.max(4, Math.min(left, innerWidth - size.width - 4))}px`;
  bubble.style.top = `${Math.max(4, Math.min(top, innerHeight - size.height - 4))}px`;
}

function hide() {
  if (!shownFor) return;
  shownFor.removeAttribute("aria-describedby");
  shownFor = null;
  bubble.hidden = true;
}
