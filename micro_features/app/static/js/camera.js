/**
 * Where the eye is: `{row, col, zoom}`, the point of the picture in the middle of a box (pixel r covers r to r + 1) and
 * screen pixels (CSS) per picture pixel. Pure functions; a box is `{left, top, width, height}` in CSS pixels.
 */

const MOST = 64;
const MARGIN = 0.97; // a fitted picture does not touch its frame

/** The whole picture in the box; small pictures are not blown up beyond four times. */
export function fitted({ rows, cols }, box) {
  const zoom = Math.min((MARGIN * box.width) / cols, (MARGIN * box.height) / rows, 4);
  return { row: rows / 2, col: cols / 2, zoom: Math.max(zoom, 1e-3) };
}

/** Point of the picture at a point of the screen. */
export function toPicture(camera, box, x, y) {
  return {
    row: camera.row + (y - box.top - box.height / 2) / camera.zoom,
    col: camera.col + (x - box.left - box.width / 2) / camera.zoom,
  };
}

/** Point of the screen at a point of the picture. */
export function toScreen(camera, box, row, col) {
  return {
    x: box.left + box.width / 2 + (col - camera.col) * camera.zoom,
    y: box.top + box.height / 2 + (row - camera.row) * camera.zoom,
  };
}

/** Nearer by a factor; what is under (x, y) stays there. */
export function zoomed(camera, box, picture, factor, x, y) {
  const least = Math.min(fitted(picture, box).zoom, 1) / 4;
  const zoom = Math.min(MOST, Math.max(least, camera.zoom * factor));
  const at = toPicture(camera, box, x, y);
  return kept(
    {
      row: at.row - (y - box.top - box.height / 2) / zoom,
      col: at.col - (x - box.left - box.width / 2) / zoom,
      zoom,
    },
    picture,
  );
}

/** Moved by so many screen pixels. */
export function moved(camera, picture, dx, dy) {
  return kept({ ...camera, row: camera.row - dy / camera.zoom, col: camera.col - dx / camera.zoom }, picture);
}

/** The middle of the box stays on the picture: it can not be lost. */
export function kept(camera, { rows, cols }) {
  return { ...camera, row: Math.min(rows, Math.max(0, camera.row)), col: Math.min(cols, Math.max(0, camera.col)) };
}

/**
 * The largest length of 1, 2 or 5 times a power of ten that is not longer than another one.
 * @param {number} most
 */
export function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * power).find((length) => length <= most * (1 + 1e-9));
}
