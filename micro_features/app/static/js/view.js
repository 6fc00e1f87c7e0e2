/**
 * Which part of a picture is asked of the server, and how finely: `{row, col, rows, cols, step}`. Pictures of up to two
 * megapixels always whole, so that nothing is asked anew while moving about.
 */

const MOST_PX = 2_000_000;
const MARGINS = [0.3, 0.12, 0.02]; // of what is seen, on each side; rather less of it than less detail

/**
 * @param {{rows: number, cols: number}} picture
 * @param {{row: number, col: number, zoom: number}} camera
 * @param {{width: number, height: number}} box CSS pixels
 * @param {number} ratio device pixels per CSS pixel
 * @returns {{row: number, col: number, rows: number, cols: number, step: number}}
 */
export function wantedView(picture, camera, box, ratio) {
  const { rows, cols } = picture;
  if (rows * cols <= MOST_PX) return { row: 0, col: 0, rows, cols, step: 1 };
  for (let step = Math.max(1, Math.floor(1 / (camera.zoom * ratio))); ; step += 1) {
    for (const margin of MARGINS) {
      const [row, endRow] = seen(camera.row, box.height / camera.zoom, rows, step, margin);
      const [col, endCol] = seen(camera.col, box.width / camera.zoom, cols, step, margin);
      const view = { row, col, rows: endRow - row, cols: endCol - col, step };
      const shape = shapeOf(view);
      if (shape.rows * shape.cols <= MOST_PX) return view;
    }
  }
}

/** First and end of what is seen along one side, with its margin, at multiples of the step: pixels do not jitter. */
function seen(middle, extent, size, step, margin) {
  const half = extent * (0.5 + margin);
  const first = Math.max(0, Math.floor((middle - half) / step) * step);
  const end = Math.min(size, Math.ceil((middle + half) / step) * step);
  return [Math.min(first, size - 1), Math.max(end, first + 1)];
}

/** Whether what is seen lies in a view that is fine enough. */
export function covers(view, picture, camera, box, ratio) {
  if (!view) return false;
  const { rows, cols, step } = wantedView(picture, camera, box, ratio);
  if (rows === picture.rows && cols === picture.cols && step === view.step)
    return sameView(view, { row: 0, col: 0, rows, cols, step });
  if (view.step > step) return false;
  const halfRows = box.height / camera.zoom / 2;
  const halfCols = box.width / camera.zoom / 2;
  return (
    Math.max(0, camera.row - halfRows) >= view.row &&
    Math.min(picture.rows, camera.row + halfRows) <= view.row + view.rows &&
    Math.max(0, camera.col - halfCols) >= view.col &&
    Math.min(picture.cols, camera.col + halfCols) <= view.col + view.cols
  );
}

export function sameView(one, other) {
  return Boolean(one && other) && ["row", "col", "rows", "cols", "step"].every((key) => one[key] === other[key]);
}

/** Pixels of a view along both sides. */
export function shapeOf({ rows, cols, step }) {
  return { rows: Math.ceil(rows / step), cols: Math.ceil(cols / step) };
}

/** Index into the arrays of a view at a pixel of the picture; -1 outside. */
export function indexAt(view, row, col) {
  const r = Math.floor((Math.floor(row) - view.row) / view.step);
  const c = Math.floor((Math.floor(col) - view.col) / view.step);
  const { rows, cols } = shapeOf(view);
  return r >= 0 && c >= 0 && r < rows && c < cols ? r * cols + c : -1;
}
