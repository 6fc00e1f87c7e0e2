/** Symbols of the buttons, drawn, as not all fonts have them. On a grid of 16; lines take the text's colour. */

import { svg } from "./dom.js";

const PATHS = {
  hand: "M8 1.5v13M1.5 8h13M8 1.5 6 3.5M8 1.5l2 2M8 14.5l-2-2M8 14.5l2-2M1.5 8l2-2M1.5 8l2 2M14.5 8l-2-2M14.5 8l-2 2",
  eraser: "M5.5 13.5 2 10l7.5-7.5L14 7l-6.5 6.5zM5.5 6.5 10 11M7 13.5h7",
  merge: "M6.5 4.2A4 4 0 1 0 6.5 11.8M9.5 4.2a4 4 0 1 1 0 7.6M6 8h4M8 6v4",
  split: "M6.5 3.5A4.6 4.6 0 0 0 6.5 12.5M9.5 3.5a4.6 4.6 0 0 1 0 9M8 1v2.5M8 5.5v2M8 9.5v2M8 13v2",
  brush: "M13.8 2.2 7.5 9M6.8 8.4 8.3 10C8.6 12.4 6.4 14.3 2 14c1.4-.9 1.2-1.9 1.6-3.2.5-1.6 2-2.3 3.2-2.4z",
  undo: "M3 3v4h4M3.4 7A5.2 5.2 0 1 1 4 11.6",
  redo: "M13 3v4H9M12.6 7A5.2 5.2 0 1 0 12 11.6",
  fill: "M2.5 2.5h11v11h-11zM2.5 7l5 1.5 6-3M7.5 8.5v5",
  minus: "M3 8h10",
  plus: "M3 8h10M8 3v10",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4M5 5.5h6v5H5z",
  one: "M2.5 5 4.5 3.5v9M11 5l2-1.5v9M8 6v.5M8 10v.5",
};

/** @param {string} name @returns {SVGElement} */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}
