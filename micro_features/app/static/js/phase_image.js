/** Pore, grain boundary and interior at each pixel of a view, as `images/phases.py` tells them apart. */

import { shapeOf } from "./view.js";

export const PORE = 1;
export const BOUNDARY = 2;
export const INTERIOR = 3;
const STRAIGHT = 1;
const DIAGONAL = 1.4;

const made = new WeakMap(); // frame to its last phases

/**
 * @param {{grains: Uint16Array|Uint32Array, pores: Uint16Array|Uint32Array, view: Object}} frame
 * @param {number} widthPx full width of a boundary, pixels of the picture
 * @returns {Uint8Array} one of the above at each pixel
 */
export function phasesOf(frame, widthPx) {
  const last = made.get(frame);
  if (last?.widthPx === widthPx) return last.phases;
  const phases = told(frame, widthPx / frame.view.step);
  made.set(frame, { widthPx, phases });
  return phases;
}

function told({ grains, pores, view }, width) {
  const { rows, cols } = shapeOf(view);
  const phases = new Uint8Array(rows * cols).fill(INTERIOR);
  const meet = (one, other) => {
    if (grains[one] === grains[other] || grains[one] === 0 || grains[other] === 0) return;
    phases[one] = phases[other] = BOUNDARY;
  };
  for (let row = 0; row < rows; row += 1) {
    for (let place = row * cols; place < (row + 1) * cols; place += 1) {
      if (place + 1 < (row + 1) * cols) meet(place, place + 1);
      if (row + 1 < rows) meet(place, place + cols);
    }
  }
  const reach = (width - 2) / 2; // the pixels on both sides of the line are marked already
  if (reach >= STRAIGHT) widen(phases, rows, cols, reach);
  for (let place = 0; place < phases.length; place += 1) if (pores[place]) phases[place] = PORE;
  return phases;
}

/** What lies within reach of a boundary is boundary: distances are summed up on the way down and on the way back. */
function widen(phases, rows, cols, reach) {
  const away = new Float32Array(rows * cols);
  for (let place = 0; place < away.length; place += 1) away[place] = phases[place] === BOUNDARY ? 0 : 1e6;
  const pass = (first, end, step) => {
    for (let row = first; row !== end; row += step) {
      for (let at = 0; at < cols; at += 1) {
        const col = step > 0 ? at : cols - 1 - at;
        const place = row * cols + col;
        let least = away[place];
        const take = (r, c, cost) => {
          if (r >= 0 && r < rows && c >= 0 && c < cols) least = Math.min(least, away[r * cols + c] + cost);
        };
        take(row, col - step, STRAIGHT);
        take(row - step, col, STRAIGHT);
        take(row - step, col - 1, DIAGONAL);
        take(row - step, col + 1, DIAGONAL);
        away[place] = least;
      }
    }
  };
  pass(0, rows, 1);
  pass(rows - 1, -1, -1);
  for (let place = 0; place < away.length; place += 1) if (away[place] <= reach) phases[place] = BOUNDARY;
}
