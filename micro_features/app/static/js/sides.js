/** Where A and B are on the stage: one picture, two beside one another, or two above one another with a divider. */

const GAP = 3; // CSS pixels between pictures that stand side by side

/**
 * @typedef {{left: number, top: number, width: number, height: number}} Box CSS pixels
 * @param {{mode: string, split: number}} compare
 * @param {{width: number, height: number}} size of the stage
 * @returns {Array<{name: "A"|"B", box: Box, clip: Box}>} `box` is what the camera looks through, `clip` what is drawn
 */
export function sidesOf({ mode, split }, { width, height }) {
  const whole = { left: 0, top: 0, width, height };
  if (mode === "side") {
    const half = Math.floor((width - GAP) / 2);
    const left = { ...whole, width: half };
    const right = { ...whole, left: half + GAP, width: width - half - GAP };
    return [
      { name: "A", box: left, clip: left },
      { name: "B", box: { ...right, width: half }, clip: right },
    ];
  }
  if (mode === "swipe") {
    const at = Math.round(width * split);
    return [
      { name: "A", box: whole, clip: { ...whole, width: at } },
      { name: "B", box: whole, clip: { ...whole, left: at, width: width - at } },
    ];
  }
  return [{ name: "A", box: whole, clip: whole }];
}

/** The side on which a point of the stage lies. */
export function sideAt(sides, x) {
  return sides.findLast((side) => x >= side.clip.left) ?? sides[0];
}
