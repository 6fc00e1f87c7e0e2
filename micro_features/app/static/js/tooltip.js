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
 * @param {"beside"|"above"|"below"} [side]
 */
export function explain(target, content, side = "beside") {
  target.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "touch") later(() => show(target, content, side), shownFor ? 80 : DELAY_MS);
  });
  target.addEventListener("pointerleave", () => later(hide, 150));
  // Whoever moves a setting watches the picture, on which the bubble may lie.
  target.addEventListener("pointerdown", () => later(hide, 0));
  target.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") later(hide, 0);
  });
  target.addEventListener("focusin", (event) => {
    // Only where the focus came by key: a click has seen the pointer's bubble already.
    if (event.target.matches(":focus-visible")) later(() => show(target, content, side), DELAY_MS);
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

function show(target, content, side) {
  if (!target.isConnected) return;
  if (!bubble) made();
  hide();
  replace(bubble, content());
  // Inside an open dialog the rest of the page, and a bubble there, is out of reach.
  (target.closest("dialog") ?? document.body).append(bubble);
  bubble.hidden = false;
  shownFor = target;
  target.setAttribute("aria-describedby", "bubble");
  place(target.getBoundingClientRect(), bubble.getBoundingClientRect(), side);
}

/** Beside the element where that is wanted and there is room, else below or above it. */
function place(at, size, side) {
  const gap = 8;
  const fitsRight = at.right + gap + size.width <= innerWidth;
  const fitsLeft = at.left - gap - size.width >= 0;
  let left = fitsLeft ? at.left - gap - size.width : at.right + gap;
  let top = at.top;
  if (side !== "beside" || (!fitsLeft && !fitsRight)) {
    left = at.left;
    const fitsBelow = at.bottom + gap + size.height <= innerHeight;
    top = side === "above" || !fitsBelow ? at.top - gap - size.height : at.bottom + gap;
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
