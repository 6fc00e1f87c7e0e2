/**
 * Which settings are changed where: for all pictures, or as a picture's own. Values, not state: nothing here is altered
 * in place, so that an earlier state can simply be taken back.
 *
 * @typedef {Object<string, any>} Settings dotted names to values
 * @typedef {{globals: Settings, own: Object<number, Settings>}} Edits `globals` are off the default, for all pictures;
 *   `own` are what pictures have of their own, by index, and win over them
 */

/**
 * Defaults by name.
 * @param {Array<{name: string, default: any}>} controls
 * @returns {Settings}
 */
export function defaultsOf(controls) {
  return Object.fromEntries(controls.map((control) => [control.name, control.default]));
}

/** Without what stands at its default. */
export function pruned(settings, defaults) {
  return Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== defaults[name]));
}

/**
 * What a picture is segmented with, off the default: its own values over those for all.
 * @param {Edits} edits
 * @param {number} index
 * @param {Settings} defaults
 * @returns {Settings}
 */
export function effective(edits, index, defaults) {
  return pruned({ ...edits.globals, ...edits.own[index] }, defaults);
}

/**
 * Edits after a change. A value that is the picture's own already stays its own; it is the one that is seen.
 * @param {Edits} edits
 * @param {number} index the picture that is open
 * @param {"all"|"picture"} scope
 * @param {Settings} changes
 * @param {Settings} defaults
 * @returns {Edits}
 */
export function changed(edits, index, scope, changes, defaults) {
  const globals = { ...edits.globals };
  const own = { ...edits.own[index] };
  for (const [name, value] of Object.entries(changes)) {
    if (scope === "picture" || name in own) {
      own[name] = value;
      // What all pictures have anyway is nobody's own; a picture that had its own keeps it until told otherwise.
      if (scope === "picture" && value === (globals[name] ?? defaults[name])) delete own[name];
    } else {
      globals[name] = value;
    }
  }
  return withOwn({ ...edits, globals: pruned(globals, defaults) }, index, own);
}

/** Edits in which a picture has these of its own, and no others. */
export function withOwn(edits, index, own) {
  const all = { ...edits.own, [index]: own };
  if (Object.keys(own).length === 0) delete all[index];
  return { ...edits, own: all };
}

/** Whether two sets of settings say the same. */
export function same(one, other) {
  const names = Object.keys(one ?? {});
  return names.length === Object.keys(other ?? {}).length && names.every((name) => one[name] === other?.[name]);
}

/**
 * Names whose values differ, each with both values.
 * @param {Settings} from
 * @param {Settings} to
 * @param {Settings} defaults stand in where a name is missing
 * @returns {Array<{name: string, from: any, to: any}>}
 */
export function differences(from, to, defaults) {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return names
    .map((name) => ({ name, from: from[name] ?? defaults[name], to: to[name] ?? defaults[name] }))
    .filter((row) => row.from !== row.to);
}

/** What must change to get from one to the other, for `changed`. */
export function changesBetween(from, to, defaults) {
  return Object.fromEntries(differences(from, to, defaults).map((row) => [row.name, row.to]));
}

/**
 * Why a setting has no say under these settings, or "" where it has one.
 * @param {{when: Object<string, Array>}} control
 * @param {Settings} settings
 * @param {Settings} defaults
 */
export function unmet(control, settings, defaults) {
  for (const [name, values] of Object.entries(control.when ?? {})) {
    const value = settings[name] ?? defaults[name];
    if (!values.includes(value)) return `${name} is ${value}, not ${values.join(" or ")}`;
  }
  return "";
}
