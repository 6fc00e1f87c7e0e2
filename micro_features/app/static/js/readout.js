/** What is under the pointer: place, grey level, region. */

import { toPicture } from "./camera.js";
import { h, replace } from "./dom.js";
import { number } from "./format.js";
import { regionAt } from "./regions.js";
import { indexAt } from "./view.js";

/**
 * @param {Object} store
 * @param {HTMLElement} element
 * @returns {function({camera: Object, box: Object, x: number, y: number, frame: Object|null}|null): void}
 */
export function makeReadout(store, element) {
  return (pointer) => {
    const { picture, camera, images = {} } = store.state;
    if (!picture || !camera) return replace(element);
    const zoom = h("span", {}, `${number(100 * camera.zoom)} %`);
    if (!pointer) return replace(element, zoom);
    const { row, col } = toPicture(pointer.camera, pointer.box, pointer.x, pointer.y);
    if (row < 0 || col < 0 || row >= picture.rows || col >= picture.cols) return replace(element, zoom);
    const parts = [`row ${Math.floor(row)}, column ${Math.floor(col)}`];
    if (picture.pixel_um !== null)
      parts.push(`${number(row * picture.pixel_um)}, ${number(col * picture.pixel_um)} µm`);
    const grey = images.original?.values && indexAt(images.original.view, row, col);
    if (grey >= 0) parts.push(`grey ${images.original.values[grey]}`);
    const isOut = (picture.masked ?? []).some(
      ([r0, r1, c0, c1]) => row >= r0 && row < r1 + 1 && col >= c0 && col < c1 + 1,
    );
    const { phase, label } = regionAt(pointer.frame, row, col);
    const what = isOut ? "excluded" : phase ? `${phase} ${label}` : pointer.frame ? "no region" : "";
    replace(element, zoom, ` · ${parts.join(" · ")} · `, h("b", {}, what));
  };
}
