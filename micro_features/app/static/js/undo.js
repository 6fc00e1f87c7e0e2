/**
 * Steps of editing that can be taken back. Presses and moves that belong together, as of one drag of a slider, are one.
 *
 * @template T
 * @typedef {{past: Array<{state: T, label: string}>, future: Array<{state: T, label: string}>, open: string|null}} Steps
 */

const MOST_STEPS = 500;

/** @returns {Steps} */
export function none() {
  return { past: [], future: [], open: null };
}

/**
 * Before a state is left for a new one.
 * @param {Steps} steps
 * @param {any} state the one that is left
 * @param {string} label what is done
 * @param {string|null} gesture changes of the same gesture, one after the other, are one step
 * @returns {Steps}
 */
export function stepped(steps, state, label, gesture = null) {
  if (gesture !== null && gesture === steps.open) return { ...steps, future: [] };
  return { past: [...steps.past, { state, label }].slice(-MOST_STEPS), future: [], open: gesture };
}

/**
 * @param {Steps} steps
 * @param {any} state the one that is now
 * @returns {{steps: Steps, state: any, label: string}|null} null where there is nothing to take back
 */
export function undone(steps, state) {
  const last = steps.past.at(-1);
  if (!last) return null;
  const future = [...steps.future, { state, label: last.label }];
  return { steps: { past: steps.past.slice(0, -1), future, open: null }, state: last.state, label: last.label };
}

/** As `undone`, the other way. */
export function redone(steps, state) {
  const next = steps.future.at(-1);
  if (!next) return null;
  const past = [...steps.past, { state, label: next.label }];
  return { steps: { past, future: steps.future.slice(0, -1), open: null }, state: next.state, label: next.label };
}
