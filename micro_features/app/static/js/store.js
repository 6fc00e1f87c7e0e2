/**
 * What the page knows, in one place. Modules change it by `set` and hear of changes by `on`; none calls another one.
 */

/**
 * @param {Object} state what it starts with
 * @returns {{state: Object, set: function(Object): void,
 *   on: function(string[], function(Set<string>): void): function(): void}}
 */
export function makeStore(state) {
  const listeners = new Set();
  let changed = new Set();
  let waiting = false;

  function flush() {
    waiting = false;
    const now = changed;
    changed = new Set();
    for (const { keys, hear } of [...listeners]) {
      if (!keys.some((key) => now.has(key))) continue;
      try {
        hear(now);
      } catch (error) {
        reportError(error); // one panel that fails must not take the others with it
      }
    }
  }

  return {
    state,
    /** Values are compared by identity. The state is new at once; listeners hear of it before the next paint. */
    set(patch) {
      for (const [key, value] of Object.entries(patch)) {
        if (Object.is(state[key], value)) continue;
        state[key] = value;
        changed.add(key);
      }
      if (changed.size === 0 || waiting) return;
      waiting = true;
      queueMicrotask(flush);
    },
    /** Listeners hear in the order in which they came. Returns what ends the listening. */
    on(keys, hear) {
      const listener = { keys, hear };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The state of a page that has asked for nothing yet. */
export function beginning() {
  return {
    session: null,
    index: 0,
    picture: null,
    settings: {},
    saved: {},
    scope: "all",
    corrections: [],
    frame: null,
    numbers: null,
    regions: null,
    reference: null,
    selected: null,
    filter: null,
    layers: {},
    camera: null,
    view: null,
    compare: { mode: "off", settings: null, label: "", frame: null, numbers: null, split: 0.5 },
    tool: "pan",
    busy: null,
    error: null,
  };
}
