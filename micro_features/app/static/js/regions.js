/** Which grain or pore lies where, in the labels that are shown. */

import { indexAt } from "./view.js";

/**
 * The region at a pixel of the picture; pores win, as they lie in front.
 * @param {Object|null} frame
 * @param {number} row
 * @param {number} col
 * @returns {{phase: "grain"|"pore"|null, label: number}}
 */
export function regionAt(frame, row, col) {
  const index = frame ? indexAt(frame.view, row, col) : -1;
  if (index < 0) return { phase: null, label: 0 };
  if (frame.pores[index]) return { phase: "pore", label: frame.pores[index] };
  if (frame.grains[index]) return { phase: "grain", label: frame.grains[index] };
  return { phase: null, label: 0 };
}

/**
 * Labels whose diameters lie in the filter's range.
 * @param {{phase: string, low: number, high: number}|null} filter
 * @param {{phase: Uint8Array, label: Uint32Array, diameter: Float32Array, asked: Object}|null} regions
 * @param {Object|null} frame
 * @returns {{phase: string, keep: Uint8Array}|null} null where nothing is filtered, or the labels that are shown are
 *   not those that were measured
 */
export function keptBy(filter, regions, frame) {
  if (!filter || !regions || !frame?.exact) return null;
  const { asked } = frame;
  if (asked.settings !== regions.asked?.settings || asked.corrections !== regions.asked?.corrections) return null;
  const code = filter.phase === "pore" ? 1 : 0;
  let most = 0;
  for (const labels of [filter.phase === "pore" ? frame.pores : frame.grains, regions.label]) {
    for (let place = 0; place < labels.length; place += 1) if (labels[place] > most) most = labels[place];
  }
  const keep = new Uint8Array(most + 1);
  for (let place = 0; place < regions.label.length; place += 1) {
    const size = regions.diameter[place];
    if (regions.phase[place] === code && size >= filter.low && size <= filter.high) keep[regions.label[place]] = 1;
  }
  return { phase: filter.phase, keep };
}
