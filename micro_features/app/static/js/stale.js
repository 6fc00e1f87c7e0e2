/** Whether numbers belong to an older state than the one that is edited. */

/** @param {Object} state of the store */
export function isStale({ regions, settings, corrections }) {
  const asked = regions?.asked;
  return !asked || asked.settings !== settings || asked.corrections !== corrections;
}
