/** Histograms of sizes: bins of equal factors, at the same places whatever the data, so that bars do not jump about. */

const BINS_PER_DECADE = 10;

/**
 * Edges that hold all values.
 * @param {...Iterable<number>} sets sizes; what is not above 0 is left out
 * @returns {Array<number>} rising; empty where there are no values
 */
export function edges(...sets) {
  let low = Infinity;
  let high = 0;
  for (const set of sets) {
    for (const value of set) {
      if (value > 0 && value < low) low = value;
      if (value > high && Number.isFinite(value)) high = value;
    }
  }
  if (!(high > 0)) return [];
  const first = Math.floor(Math.log10(low) * BINS_PER_DECADE + 1e-9);
  const last = Math.max(first + 1, Math.floor(Math.log10(high) * BINS_PER_DECADE + 1e-9) + 1);
  return Array.from({ length: last - first + 1 }, (_, place) => 10 ** ((first + place) / BINS_PER_DECADE));
}

/**
 * Sums by bin.
 * @param {Iterable<number>} values
 * @param {Array<number>} edges
 * @param {"count"|"area"} weight each region counts 1, or by its area: then the sums are shares of all, in percent
 * @returns {Array<number>} one fewer than edges
 */
export function binned(values, edges, weight) {
  const sums = new Array(Math.max(0, edges.length - 1)).fill(0);
  let total = 0;
  for (const value of values) {
    if (!(value > 0)) continue;
    const place = Math.min(sums.length - 1, Math.floor(Math.log10(value / edges[0]) * BINS_PER_DECADE + 1e-9));
    const mass = weight === "area" ? value * value : 1;
    total += mass;
    if (place >= 0) sums[place] += mass;
  }
  return weight === "area" && total > 0 ? sums.map((sum) => (100 * sum) / total) : sums;
}

/** Ticks of a logarithmic axis: 1, 2 and 5 of each decade, or the decades alone where there are many. */
export function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of decades > 2.5 ? [1] : [1, 2, 5]) {
      const tick = Number((digit * 10 ** power).toPrecision(3));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** A round number at or above the highest bar, and half of it. */
export function countTicks(highest) {
  if (!(highest > 0)) return [1];
  const power = 10 ** Math.floor(Math.log10(highest));
  const top = [1, 2, 4, 5, 6, 8, 10].map((digit) => digit * power).find((tick) => tick >= highest * 0.999);
  return top === 1 ? [top] : [top / 2, top];
}
