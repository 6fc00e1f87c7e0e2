/** Numbers and names in the words of the page. */

const MINUS = "\u2212";
export const DASH = "\u2013";

/**
 * A number with so many significant figures; a dash where there is none.
 * @param {number|null|undefined} value
 * @param {number} [figures]
 * @returns {string}
 */
export function number(value, figures = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return value > 0 ? "∞" : `${MINUS}∞`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value).replace("-", MINUS);
  if (size < 1e-3 || size >= 1e6) {
    const [digits, power] = value.toExponential(figures - 1).split("e");
    return `${digits}e${Number(power)}`.replaceAll("-", MINUS);
  }
  const rounded = Number(value.toPrecision(figures));
  const decimals = Math.max(0, figures - 1 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toFixed(decimals).replace("-", MINUS);
}

/** A difference, with its sign. */
export function signed(value, figures = 3) {
  const text = number(value, figures);
  return value > 0 ? `+${text}` : text;
}

/**
 * Change against a reference, in percent of it.
 * @param {number|null} value
 * @param {number|null} reference
 * @returns {number|null} null where one is missing or the reference is 0
 */
export function percent(value, reference) {
  if (!isNumber(value) || !isNumber(reference) || reference === 0) return null;
  return (100 * (value - reference)) / Math.abs(reference);
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/**
 * Value of a setting as a person would write it.
 * @param {any} value
 * @param {string|null} [unit]
 */
export function settingText(value, unit = null) {
  if (value === null || value === undefined) return DASH;
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return `${Number(value.toPrecision(6))}${unit ? ` ${unitText(unit)}` : ""}`;
  return String(value);
}

/** A unit as it is written: "um2" is µm²; numbers without a unit have none. */
export function unitText(unit) {
  if (!unit || unit === "1" || unit === "bool") return "";
  return unit
    .replace(/um/g, "µm")
    .replace(/([a-z])2/g, "$1²")
    .replace(/([a-z])3/g, "$1³");
}

/** A feature's name in words, without its unit, which stands beside the number. */
export function featureLabel(name) {
  return name
    .replace(/_(per_)?(um|px)\d?$/, "")
    .replace(/_(percent|deg)$/, "")
    .replaceAll("_", " ");
}

/** A target's name in words, without its unit: "conductivity_S_cm" in S/cm is conductivity. */
export function targetLabel(target, unit) {
  const ends = ["_", "_per_"].map((over) => `_${(unit ?? "").replace("/", over)}`);
  const end = ends.find((text) => text.length > 1 && target.endsWith(text)) ?? "";
  return target.slice(0, target.length - end.length).replaceAll("_", " ");
}

/** Several of a thing: "1 picture", "3 pictures". */
export function count(n, thing) {
  return `${n} ${thing}${n === 1 ? "" : "s"}`;
}
