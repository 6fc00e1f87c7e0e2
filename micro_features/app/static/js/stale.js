/** Whether numbers belong to an older state than the one that is edited. */

/** @param {Object} state of the store */
export function isStale({ numbers, busy }) {
  return !numbers || Boolean(busy);
}
