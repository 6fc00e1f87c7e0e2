/** Colours of what is laid over pictures; orange and blue as in what `extract` writes (report/overlay.py). */

export const GRAIN = [255, 190, 0];
export const PORE = [0, 150, 255];
export const PORE_OPACITY = 0.35;
export const CHOSEN = [255, 255, 255];
export const PHASES = { pore: [0, 150, 255], boundary: [255, 190, 0], interior: [120, 130, 140] };
export const STRENGTH = [255, 70, 170];

/** One pixel as canvases hold it, on machines that count from the small end as all browsers' do. */
export function packed([red, green, blue], alpha) {
  return ((Math.round(255 * alpha) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

const fills = new Map();
/** Colours of labels: neighbours differ, and a label has the same one each time. */
export function fillTable(alpha) {
  const key = Math.round(255 * alpha);
  if (!fills.has(key)) {
    fills.clear();
    fills.set(
      key,
      Uint32Array.from({ length: 256 }, (_, place) => packed(hueColour((place * 0.618034) % 1, place % 3), alpha)),
    );
  }
  return fills.get(key);
}

function hueColour(hue, shade) {
  const light = [0.62, 0.5, 0.72][shade];
  const channel = (shift) => {
    const k = (shift + hue * 12) % 12;
    return Math.round(255 * (light - 0.75 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

const COLD = [
  [33, 102, 172],
  [103, 169, 207],
];
const WARM = [
  [178, 24, 43],
  [239, 138, 98],
];

/**
 * Diverging colours of signed values, from blue by way of nothing to red: the picture shows through where a value is
 * near zero.
 * @returns {Uint32Array} 256 pixels, from the low end to the high one
 */
export function signedTable() {
  return Uint32Array.from({ length: 256 }, (_, place) => {
    const value = (place - 127.5) / 127.5;
    const [strong, weak] = value < 0 ? COLD : WARM;
    const size = Math.abs(value);
    return packed(
      strong.map((each, channel) => Math.round(each * size + weak[channel] * (1 - size))),
      Math.min(1, 0.1 + 0.85 * size) * (size < 0.02 ? 0 : 1),
    );
  });
}

/** Greys. */
export function greyTable() {
  return Uint32Array.from({ length: 256 }, (_, level) => packed([level, level, level], 1));
}

/** One colour, as strong as the value. */
export function strengthTable(colour) {
  return Uint32Array.from({ length: 256 }, (_, level) => packed(colour, level / 255));
}

export function css([red, green, blue], alpha = 1) {
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}
