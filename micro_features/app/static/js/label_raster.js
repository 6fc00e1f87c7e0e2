/**
 * Labels as pixels of the screen. They are sampled at each pixel of the screen and not drawn as a picture that is then
 * scaled: so an outline is always at least one pixel wide, however far out, and thin and sharp however near.
 */

import { CHOSEN, fillTable, GRAIN, packed, PHASES, PORE, PORE_OPACITY } from "./colours.js";
import * as phase from "./phase_image.js";
import { shapeOf } from "./view.js";

const DIMMED = packed([16, 17, 18], 0.62);
const THICK_FROM = 1.6; // screen pixels per label pixel from which outlines are two pixels wide

/**
 * @typedef {Object} Style
 * @property {number} grains opacity of grains; 0: not drawn
 * @property {boolean} fill whether grains have a colour of their own
 * @property {number} pores
 * @property {number} phases opacity of boundaries as lines, for phases that are seen from so far that they would vanish
 * @property {boolean} overPhases whether phases are drawn below
 * @property {{phase: string, labels: Array<number>}|null} chosen regions with a bright outline
 * @property {{phase: string, keep: Uint8Array}|null} filter labels of a phase of which the others are dimmed
 */

/**
 * Draw phases into a box of device pixels; parameters as for `drawLabels`.
 * @param {Uint8Array} phases of `phasesOf`
 */
export function drawPhases(out, to, phases, view, opacity) {
  const { rows, columns, shape } = sampled(to, view);
  const inks = new Uint32Array(4);
  inks[phase.PORE] = packed(PHASES.pore, opacity);
  inks[phase.BOUNDARY] = packed(PHASES.boundary, opacity);
  inks[phase.INTERIOR] = packed(PHASES.interior, opacity);
  for (let y = 0; y < to.height; y += 1) {
    if (rows[y] < 0) continue;
    const base = rows[y] * shape.cols;
    for (let x = 0; x < to.width; x += 1) if (columns[x] >= 0) out[y * to.width + x] = inks[phases[base + columns[x]]];
  }
}

/**
 * Draw labels into a box of device pixels, where there is something to draw.
 * @param {Uint32Array} out width x height pixels
 * @param {{width: number, height: number, scale: number, left: number, top: number, fine: boolean}} to `scale`:
 *   device pixels per picture pixel; `left`, `top`: picture coordinates of the box's corner; `fine`: one device pixel
 *   is too thin a line
 * @param {{grains: Uint16Array|Uint32Array, pores: Uint16Array|Uint32Array, view: Object}} frame
 * @param {Style} style
 */
export function drawLabels(out, to, frame, style) {
  const { width, height } = to;
  const { grains, pores, view } = frame;
  const { rows, columns, shape } = sampled(to, view);
  const inks = inksOf(style);
  const thick = to.fine || to.scale * view.step >= THICK_FROM;
  let lastRow = -1;
  let lastStart = 0;
  for (let y = 0; y < height; y += 1) {
    const row = rows[y];
    const start = y * width;
    if (row < 0) {
      lastRow = -1;
      continue;
    }
    // Far in, a pixel of the picture is many rows of the screen; only the first one has its upper edge. The second is
    // drawn as well, and the rest copied.
    if (y > 1 && row === lastRow && row === rows[y - 2]) {
      out.copyWithin(start, lastStart, lastStart + width);
      continue;
    }
    const base = row * shape.cols;
    // The row itself where there is no edge above to look for.
    const above = row !== lastRow && lastRow >= 0 ? lastRow * shape.cols : base;
    let leftGrain = -1;
    let leftPore = -1;
    let area = 0;
    for (let x = 0; x < width; x += 1) {
      const column = columns[x];
      if (column < 0) {
        leftGrain = -1;
        continue;
      }
      const grain = grains[base + column];
      const pore = pores[base + column];
      const aboveGrain = grains[above + column];
      const abovePore = pores[above + column];
      const isNew = grain !== leftGrain || pore !== leftPore;
      if (isNew) area = inks.area(grain, pore);
      const place = start + x;
      if (isNew || grain !== aboveGrain || pore !== abovePore) {
        const hasLeft = leftGrain >= 0;
        const edge = inks.edge(
          grain,
          pore,
          hasLeft ? leftGrain : grain,
          hasLeft ? leftPore : pore,
          aboveGrain,
          abovePore,
        );
        const ink = edge || area;
        if (ink !== 0) out[place] = ink;
        if (edge && thick) {
          if (isNew && hasLeft) out[place - 1] = edge;
          if (grain !== aboveGrain || pore !== abovePore) out[place - width] = edge;
        }
        leftGrain = grain;
        leftPore = pore;
      } else if (area !== 0) {
        out[place] = area;
      }
    }
    lastRow = row;
    lastStart = start;
  }
}

function sampled(to, view) {
  const shape = shapeOf(view);
  return {
    shape,
    columns: places(to.width, to.left, to.scale, view.col, view.step, shape.cols),
    rows: places(to.height, to.top, to.scale, view.row, view.step, shape.rows),
  };
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
function inksOf({ grains, fill, pores, phases, overPhases, chosen, filter }) {
  const grainLine = grains ? packed(GRAIN, grains) : 0;
  const poreLine = pores ? packed(PORE, pores) : 0;
  // Lines alone where phases lie below: pixels of this plane replace one another, they do not mix.
  const poreTint = pores && !overPhases ? packed(PORE, pores * PORE_OPACITY) : 0;
  const fills = grains && fill && !overPhases ? fillTable(0.45 * grains) : null;
  const onBoundary = phases ? packed(PHASES.boundary, phases) : 0;
  const chosenLine = packed(CHOSEN, 1);
  const chosenGrains = chosen?.phase === "grain" ? new Set(chosen.labels) : null;
  const chosenPores = chosen?.phase === "pore" ? new Set(chosen.labels) : null;
  const keepGrains = filter?.phase === "grain" ? filter.keep : null;
  const keepPores = filter?.phase === "pore" ? filter.keep : null;
  const isOut = (grain, pore) => (keepGrains ? !keepGrains[grain] : keepPores ? !keepPores[pore] : false);

  return {
    area(grain, pore) {
      if (filter && isOut(grain, pore)) return DIMMED;
      if (pore) return poreTint;
      return grain && fills ? fills[grain & 255] : 0;
    },
    edge(grain, pore, leftGrain, leftPore, aboveGrain, abovePore) {
      const isPoreEdge = pore !== leftPore || pore !== abovePore;
      const isGrainEdge = grain !== leftGrain || grain !== aboveGrain;
      if (
        isGrainEdge &&
        chosenGrains &&
        (chosenGrains.has(grain) || chosenGrains.has(leftGrain) || chosenGrains.has(aboveGrain))
      )
        return chosenLine;
      if (
        isPoreEdge &&
        chosenPores &&
        (chosenPores.has(pore) || chosenPores.has(leftPore) || chosenPores.has(abovePore))
      )
        return chosenLine;
      // An edge belongs to the regions on its sides: it is drawn while one of them is kept.
      if (filter && isOut(grain, pore) && isOut(leftGrain, leftPore) && isOut(aboveGrain, abovePore)) return 0;
      if (isPoreEdge && poreLine) return poreLine;
      if (isGrainEdge && grainLine) return grainLine;
      return isGrainEdge && grain && leftGrain && aboveGrain ? onBoundary : 0;
    },
  };
}
