/** Strokes of a hand as few points, and what they cross. */

import { regionAt } from "./regions.js";

const MOST_POINTS = 200;

/**
 * Fewer points of the same course (Douglas and Peucker 1973), rounded to a tenth of a pixel.
 * @param {Array<[number, number]>} points
 * @param {number} tolerance pixels by which the course may be off
 * @returns {Array<[number, number]>} at most 200
 */
export function simplified(points, tolerance) {
  let fewer = peucker(points, tolerance);
  for (let coarser = tolerance * 1.5; fewer.length > MOST_POINTS; coarser *= 1.5) fewer = peucker(points, coarser);
  return fewer.map(([row, col]) => [Math.round(row * 10) / 10, Math.round(col * 10) / 10]);
}

function peucker(points, tolerance) {
  if (points.length < 3) return points;
  const kept = new Uint8Array(points.length);
  kept[0] = kept[points.length - 1] = 1;
  const open = [[0, points.length - 1]];
  while (open.length) {
    const [first, last] = open.pop();
    let farthest = -1;
    let most = tolerance;
    for (let place = first + 1; place < last; place += 1) {
      const away = distance(points[place], points[first], points[last]);
      if (away > most) {
        most = away;
        farthest = place;
      }
    }
    if (farthest < 0) continue;
    kept[farthest] = 1;
    open.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, place) => kept[place]);
}

/** From a point to a piece of a line. */
function distance([row, col], [row0, col0], [row1, col1]) {
  const length = (row1 - row0) ** 2 + (col1 - col0) ** 2;
  const along = length
    ? Math.max(0, Math.min(1, ((row - row0) * (row1 - row0) + (col - col0) * (col1 - col0)) / length))
    : 0;
  return Math.hypot(row - row0 - along * (row1 - row0), col - col0 - along * (col1 - col0));
}

/**
 * Regions along a stroke, each with the first point found in it.
 * @param {Object|null} frame labels
 * @param {Array<[number, number]>} points pixels' middles at whole numbers
 * @returns {Array<{phase: "grain"|"pore", label: number, at: [number, number], length: number}>} `length` in steps
 *   of a pixel
 */
export function crossed(frame, points) {
  const found = new Map();
  const look = (row, col) => {
    const { phase, label } = regionAt(frame, row + 0.5, col + 0.5);
    if (!phase) return;
    const key = `${phase} ${label}`;
    if (!found.has(key)) found.set(key, { phase, label, at: [Math.round(row), Math.round(col)], length: 0 });
    found.get(key).length += 1;
  };
  points.forEach(([row, col], place) => {
    if (place === 0) return look(row, col);
    const [row0, col0] = points[place - 1];
    const steps = Math.max(1, Math.ceil(Math.hypot(row - row0, col - col0)));
    for (let step = 1; step <= steps; step += 1)
      look(row0 + ((row - row0) * step) / steps, col0 + ((col - col0) * step) / steps);
  });
  return [...found.values()];
}

/** The phase of which a stroke covers most; grains where it covers neither. */
export function mostlyIn(regions) {
  const length = (phase) =>
    regions.filter((region) => region.phase === phase).reduce((sum, region) => sum + region.length, 0);
  return length("pore") > length("grain") ? "pore" : "grain";
}
