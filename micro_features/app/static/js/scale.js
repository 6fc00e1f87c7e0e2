/** Where a value lies on its slider, and which values it can take. */

/**
 * @typedef {{minimum: number|null, maximum: number|null, step: number, logarithmic: boolean, kind: string}} Control
 */

const WIDE = 1000;

/** Whether a slider is of use: the control has two ends, and they are not millions of steps apart (as for a seed). */
export function isBounded(control) {
  const { kind, minimum: low, maximum: high } = control;
  if (!["number", "integer"].includes(kind) || low === null || high === null) return false;
  return isLogarithmic(control) || kind === "number" || high - low <= 10 * WIDE;
}

/** Told so, or so wide that an even track would have all that matters at its left end. */
function isLogarithmic({ logarithmic, minimum, maximum }) {
  return minimum > 0 && (logarithmic || maximum / minimum >= WIDE);
}

/**
 * Place of a value on the track.
 * @param {Control} control with both bounds
 * @param {number} value
 * @returns {number} 0 to 1
 */
export function position(control, value) {
  const { minimum: low, maximum: high } = control;
  if (high === low) return 0;
  const share = isLogarithmic(control)
    ? Math.log(Math.max(value, low) / low) / Math.log(high / low)
    : (value - low) / (high - low);
  return Math.min(1, Math.max(0, share));
}

/** Value at a place of the track, on the control's steps. */
export function valueAt(control, share) {
  const { minimum: low, maximum: high } = control;
  const value = isLogarithmic(control) ? low * (high / low) ** share : low + share * (high - low);
  return onStep(control, value);
}

/** The nearest value that the slider takes: a bound, or a whole number of steps from 0, within the bounds. */
export function onStep(control, value) {
  const { minimum: low, maximum: high } = control;
  const step = stepAt(control, value);
  const rounded = Number((Math.round(value / step) * step).toPrecision(10));
  return Math.min(high, Math.max(low, control.kind === "integer" ? Math.round(rounded) : rounded));
}

/** On a logarithmic track steps grow with the value, else its upper end would be all noise: about 1 % of the value. */
function stepAt(control, value) {
  const { kind, minimum: low, maximum: high } = control;
  const least = control.step || (kind === "integer" ? 1 : 10 ** Math.round(Math.log10((high - low) / 100)));
  if (!isLogarithmic(control) || value <= 0) return least;
  return Math.max(least, 10 ** (Math.floor(Math.log10(value)) - 1));
}

/**
 * Value after a key press on the slider.
 * @param {Control} control with both bounds
 * @param {number} value
 * @param {string} key as in KeyboardEvent.key
 * @param {boolean} large with Shift: ten steps
 * @returns {number|null} null where the key has no meaning here
 */
export function keyed(control, value, key, large = false) {
  const direction = { ArrowUp: 1, ArrowRight: 1, PageUp: 1, ArrowDown: -1, ArrowLeft: -1, PageDown: -1 }[key];
  if (key === "Home") return control.minimum;
  if (key === "End") return control.maximum;
  if (direction === undefined) return null;
  if (key.startsWith("Page")) {
    const moved = valueAt(control, Math.min(1, Math.max(0, position(control, value) + direction * 0.1)));
    return moved === value ? neighbour(control, value, direction) : moved;
  }
  return neighbour(control, value, direction * (large ? 10 : 1));
}

function neighbour(control, value, steps) {
  const { kind, minimum: low, maximum: high } = control;
  // A press should be seen: about a hundredth of the track, which a logarithmic one has from its own steps.
  const seen = kind === "integer" || isLogarithmic(control) ? 0 : 10 ** Math.round(Math.log10((high - low) / 100));
  const moved = value + steps * Math.max(seen, stepAt(control, value));
  return Math.min(control.maximum, Math.max(control.minimum, onStep(control, moved)));
}

/**
 * A value as typed.
 * @param {{kind: string, minimum: number|null, maximum: number|null, unit: string|null}} control
 * @param {string} text
 * @returns {{value: any}|{error: string}}
 */
export function parsed(control, text) {
  const trimmed = text.trim();
  if (control.kind === "text") return trimmed === "" ? { error: "A name or a path is needed." } : { value: trimmed };
  const value = Number(trimmed.replace(",", ".").replace("\u2212", "-"));
  if (trimmed === "" || !Number.isFinite(value)) return { error: `"${trimmed}" is not a number.` };
  if (control.kind === "integer" && !Number.isInteger(value)) return { error: `${trimmed} is not a whole number.` };
  if (control.minimum !== null && value < control.minimum)
    return { error: `${value} is below the least, ${control.minimum}.` };
  if (control.maximum !== null && value > control.maximum)
    return { error: `${value} is above the most, ${control.maximum}.` };
  return { value };
}
