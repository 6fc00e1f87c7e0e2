/**
 * Labels as pixels of the screen. They are sampled at each pixel of the screen and not drawn as a picture that is then
 * scaled: so an outline is always at least one pixel wide, however far out, and thin and sharp however near.
 */

import { CHOSEN, fillTable, GRAIN, packed, PHASES, PORE, PORE_OPACITY } from "./colours.js";
import { shapeOf } from "./view.js";

const DIMMED = packed([16, 17, 18], 0.62);
const THICK_FROM = 1.6; // screen pixels per label pixel from which outlines are two pixels wide

/**
 * @typedef {Object} Style
 * @property {number} grains opacity of grains; 0: not drawn
 * @property {boolean} fill whether grains have a colour of their own
 * @property {number} pores
 * @property {number} phases
 * @property {{phase: string, label: number}|null} chosen region with a bright outline
 * @property {{phase: string, keep: Uint8Array}|null} filter labels of a phase of which the others are dimmed
 */

/**
 * Draw labels into a box of device pixels.
 * @param {Uint32Array} out width x height pixels, overwritten
 * @param {{width: number, height: number, scale: number, left: number, top: number}} to `scale`: device pixels per
 *   picture pixel; `left`, `top`: picture coordinates of the box's corner
 * @param {{grains: Uint16Array|Uint32Array, pores: Uint16Array|Uint32Array, view: Object}} frame
 * @param {Style} style
 */
export function drawLabels(out, to, frame, style) {
  out.fill(0);
  const { width, height } = to;
  const { grains, pores, view } = frame;
  const shape = shapeOf(view);
  const columns = places(width, to.left, to.scale, view.col, view.step, shape.cols);
  const rows = places(height, to.top, to.scale, view.row, view.step, shape.rows);
  const inks = inksOf(style);
  const thick = to.scale * view.step >= THICK_FROM;
  const aboveGrain = new Uint32Array(width);
  const abovePore = new Uint32Array(width);
  let lastRow = -1;
  let lastStart = 0;
  for (let y = 0; y < height; y += 1) {
    const row = rows[y];
    const start = y * width;
    if (row < 0) { lastRow = -1; continue; }
    // Far in, a pixel of the picture is many rows of the screen; only the first one has its upper edge. The second is
    // drawn as well, and the rest copied.
    if (row === lastRow && row === rows[y - 2] && y > 2) {
      out.copyWithin(start, lastStart, lastStart + width);
      continue;
    }
    const isFirst = row !== lastRow;
    const base = row * shape.cols;
    let leftGrain = 0;
    let leftPore = 0;
    let hasLeft = false;
    for (let x = 0; x < width; x += 1) {
      const column = columns[x];
      if (column < 0) { hasLeft = false; continue; }
      const grain = grains[base + column];
      const pore = pores[base + column];
      const hasAbove = isFirst && lastRow >= 0;
      const poreEdge = (hasLeft && pore !== leftPore) || (hasAbove && pore !== abovePore[x]);
      const grainEdge = (hasLeft && grain !== leftGrain) || (hasAbove && grain !== aboveGrain[x]);
      const place = start + x;
      let ink = inks.area(grain, pore);
      if (poreEdge || grainEdge) {
        const edge = inks.edge(grain, pore, hasLeft ? leftGrain : grain, hasLeft ? leftPore : pore,
          hasAbove ? aboveGrain[x] : grain, hasAbove ? abovePore[x] : pore, poreEdge);
        if (edge !== 0) {
          ink = edge;
          if (thick) {
            if (hasLeft && (grain !== leftGrain || pore !== leftPore)) out[place - 1] = edge;
            if (hasAbove && (grain !== aboveGrain[x] || pore !== abovePore[x])) out[place - width] = edge;
          }
        }
      }
      if (ink !== 0) out[place] = ink;
      leftGrain = grain;
      leftPore = pore;
      hasLeft = true;
      aboveGrain[x] = grain;
      abovePore[x] = pore;
    }
    lastRow = row;
    lastStart = start;
  }
}

/** Index of the label under each pixel of the screen along one side; -1 outside. */
function places(extent, corner, scale, first, step, size) {
  const found = new Int32Array(extent);
  for (let place = 0; place < extent; place += 1) {
    const index = Math.floor((Math.floor(corner + (place + 0.5) / scale) - first) / step);
    found[place] = index >= 0 && index < size ? index : -1;
  }
  return found;
}

/** Which colour an area has, and which an edge; 0 is none. */
function inksOf({ grains, fill, pores, phases, chosen, filter }) {
  const grainLine = grains ? packed(GRAIN, grains) : 0;
  const poreLine = pores ? packed(PORE, pores) : 0;
  const poreTint = pores ? packed(PORE, pores * PORE_OPACITY) : 0;
  const fills = grains && fill ? fillTable(0.45 * grains) : null;
  const inPore = phases ? packed(PHASES.pore, phases) : 0;
  const inInterior = phases ? packed(PHASES.interior, phases) : 0;
  const onBoundary = phases ? packed(PHASES.boundary, phases) : 0;
  const chosenLine = packed(CHOSEN, 1);
  const chosenGrain = chosen?.phase === "grain" ? chosen.label : -1;
  const chosenPore = chosen?.phase === "pore" ? chosen.label : -1;
  const keepGrains = filter?.phase === "grain" ? filter.keep : null;
  const keepPores = filter?.phase === "pore" ? filter.keep : null;
  const isOut = (grain, pore) => (keepGrains ? !keepGrains[grain] : keepPores ? !keepPores[pore] : false);

  return {
    area(grain, pore) {
      if (filter && isOut(grain, pore)) return DIMMED;
      if (pore) return poreTint || inPore;
      if (grain) return fills ? fills[grain & 255] : inInterior;
      return onBoundary;
    },
    edge(grain, pore, leftGrain, leftPore, aboveGrain, abovePore, isPoreEdge) {
      if (chosenGrain >= 0 && (grain === chosenGrain || leftGrain === chosenGrain || aboveGrain === chosenGrain)) {
        if (grain !== leftGrain || grain !== aboveGrain) return chosenLine;
      }
      if (chosenPore >= 0 && (pore === chosenPore || leftPore === chosenPore || abovePore === chosenPore)) {
        if (pore !== leftPore || pore !== abovePore) return chosenLine;
      }
      // An edge belongs to the regions on its sides: it is drawn while one of them is kept.
      if (filter && isOut(grain, pore) && isOut(leftGrain, leftPore) && isOut(aboveGrain, abovePore)) return 0;
      if (isPoreEdge && poreLine) return poreLine;
      return grainLine || (isPoreEdge ? 0 : onBoundary);
    },
  };
}
