/** Follows. */
export function start(store, api, element) {}
