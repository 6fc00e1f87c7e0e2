/** Draws one side of the stage: the picture, what lies over it, and what is left out of it. */

import { css, PORE } from "./colours.js";
import { drawLabels, drawPhases } from "./label_raster.js";
import { phasesOf } from "./phase_image.js";

const MOST_LABEL_PX = 1_600_000; // of labels drawn at once; on finer screens each covers four pixels
const LABELS = ["phases", "grains", "pores"];

/** A canvas of its own for labels: they are made as pixels and then laid over with what is below shining through. */
export function labelPlane() {
  const plane = { canvas: document.createElement("canvas"), context: null, image: null, pixels: null };
  plane.context = plane.canvas.getContext("2d");
  return plane;
}

/**
 * @param {CanvasRenderingContext2D} context in device pixels
 * @param {{box: Object, clip: Object}} side CSS pixels
 * @param {number} ratio device pixels per CSS pixel
 * @param {Object} camera
 * @param {{picture: Object, frame: Object|null, images: Object, layers: Object, boundaryPx: number,
 *   chosen: Object|null, filter: Object|null}} what
 * @param {Object} plane of `labelPlane`
 */
export function drawSide(context, side, ratio, camera, what, plane) {
  const { box, clip } = side;
  const scale = camera.zoom * ratio;
  const left = ratio * (box.left + box.width / 2) - camera.col * scale;
  const top = ratio * (box.top + box.height / 2) - camera.row * scale;
  const edge = { left: Math.round(clip.left * ratio), top: Math.round(clip.top * ratio) };
  const extent = { width: Math.round(clip.width * ratio), height: Math.round(clip.height * ratio) };
  if (extent.width < 1 || extent.height < 1) return;
  context.save();
  context.beginPath();
  context.rect(edge.left, edge.top, extent.width, extent.height);
  context.clip();
  const on = (name) => (what.layers[name]?.on ? what.layers[name].opacity : 0);
  context.fillStyle = "#000";
  context.fillRect(left, top, what.picture.cols * scale, what.picture.rows * scale);
  for (const [name, image] of Object.entries(what.images)) {
    if (!on(name) || !image.canvas) continue;
    const { view } = image;
    context.globalAlpha = on(name);
    context.imageSmoothingEnabled = scale * view.step < 1;
    context.imageSmoothingQuality = "medium";
    context.drawImage(
      image.canvas,
      left + view.col * scale,
      top + view.row * scale,
      image.canvas.width * view.step * scale,
      image.canvas.height * view.step * scale,
    );
  }
  context.globalAlpha = 1;
  if (what.frame && (LABELS.some(on) || what.chosen || what.filter)) {
    const style = {
      grains: on("grains"),
      fill: Boolean(what.layers.grains?.fill),
      pores: on("pores"),
      phases: scale < 1 ? on("phases") : 0,
      overPhases: on("phases") > 0,
      chosen: what.chosen,
      filter: what.filter,
    };
    const phases = on("phases") && { image: phasesOf(what.frame, what.boundaryPx), opacity: on("phases") };
    layLabels(context, edge, extent, { left, top, scale, ratio }, { ...what, style, phases }, plane);
  }
  excluded(context, what.picture.masked, { left, top, scale, ratio });
  context.restore();
}

function layLabels(context, edge, extent, { left, top, scale, ratio }, { frame, picture, style, phases }, plane) {
  const coarse = extent.width * extent.height > MOST_LABEL_PX ? 2 : 1;
  const width = Math.ceil(extent.width / coarse);
  const height = Math.ceil(extent.height / coarse);
  if (plane.canvas.width !== width || plane.canvas.height !== height || !plane.image) {
    plane.canvas.width = width;
    plane.canvas.height = height;
    plane.image = plane.context.createImageData(width, height);
    plane.pixels = new Uint32Array(plane.image.data.buffer);
  }
  const to = {
    width,
    height,
    scale: scale / coarse,
    left: (edge.left - left) / scale,
    top: (edge.top - top) / scale,
    fine: ratio / coarse >= 1.5,
  };
  plane.pixels.fill(0);
  if (phases) drawPhases(plane.pixels, to, phases.image, frame.view, phases.opacity);
  drawLabels(plane.pixels, to, frame, style);
  plane.context.putImageData(plane.image, 0, 0);
  for (const [firstRow, lastRow, firstCol, lastCol] of picture.masked ?? []) {
    // there are no phases
    plane.context.clearRect(
      (firstCol - to.left) * to.scale,
      (firstRow - to.top) * to.scale,
      (lastCol - firstCol + 1) * to.scale,
      (lastRow - firstRow + 1) * to.scale,
    );
  }
  context.imageSmoothingEnabled = false;
  context.drawImage(plane.canvas, edge.left, edge.top, width * coarse, height * coarse);
}

/** Data bar and burned-in text: hatched, as nothing is measured there. */
function excluded(context, masked, { left, top, scale, ratio }) {
  for (const [firstRow, lastRow, firstCol, lastCol] of masked ?? []) {
    const x = left + firstCol * scale;
    const y = top + firstRow * scale;
    const width = (lastCol - firstCol + 1) * scale;
    const height = (lastRow - firstRow + 1) * scale;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.fillStyle = "rgb(0 0 0 / .35)";
    context.fillRect(x, y, width, height);
    context.strokeStyle = "rgb(255 255 255 / .38)";
    context.lineWidth = ratio;
    context.beginPath();
    const gap = 9 * ratio;
    const visible = [Math.max(x, -gap), Math.min(x + width, context.canvas.width + gap)];
    for (let at = x + Math.floor((visible[0] - x) / gap) * gap - height; at < visible[1]; at += gap) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
    // Said once where there is room for it; the small boxes around burned-in text need no word each.
    context.font = `${12 * ratio}px system-ui, sans-serif`;
    const size = context.measureText("excluded").width + 10 * ratio;
    if (width < size + 4 * ratio || height < 16 * ratio) continue;
    // At its left end: what is burned into a data bar mostly stands further right.
    const start = Math.max(x, 0) + 4 * ratio;
    context.fillStyle = "rgb(16 18 20 / .85)";
    context.fillRect(start, y + height / 2 - 9 * ratio, size, 18 * ratio);
    context.fillStyle = "#f2f3f4";
    context.textBaseline = "middle";
    context.fillText("excluded", start + 5 * ratio, y + height / 2);
  }
}

/**
 * What a hand is about to do: a stroke, regions picked for merging, the brush.
 * @param {CanvasRenderingContext2D} context in device pixels
 * @param {{kind: string, points: Array<[number, number]>, radius: number|undefined}} sketch points (row, col), pixels'
 *   middles at whole numbers
 * @param {function(number, number): {x: number, y: number}} place device pixels of a point of the picture
 * @param {number} scale device pixels per picture pixel
 * @param {number} ratio
 */
export function drawSketch(context, sketch, place, scale, ratio) {
  const points = sketch.points.map(([row, col]) => place(row + 0.5, col + 0.5));
  context.save();
  context.lineJoin = context.lineCap = "round";
  if (sketch.kind === "paint" || sketch.kind === "brush") {
    const width = Math.max(1, 2 * sketch.radius * scale);
    if (sketch.kind === "paint" && points.length) trace(context, points, css(PORE, 0.55), width);
    const tip = points.at(-1);
    if (tip) ring(context, tip, width / 2, ratio);
  } else if (points.length) {
    if (points.length > 1) {
      trace(context, points, "rgb(0 0 0 / .75)", 4 * ratio);
      trace(context, points, "#fff", 2 * ratio);
    }
    if (points.length === 1) ring(context, points[0], 3 * ratio, ratio);
  }
  context.restore();
}

function trace(context, points, colour, width) {
  context.beginPath();
  points.forEach(({ x, y }, place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)));
  if (points.length === 1) context.lineTo(points[0].x + 0.01, points[0].y);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

function ring(context, { x, y }, radius, ratio) {
  for (const [colour, width] of [
    ["rgb(0 0 0 / .8)", 3],
    ["#fff", 1.5],
  ]) {
    context.beginPath();
    context.arc(x, y, Math.max(radius, 2 * ratio), 0, 2 * Math.PI);
    context.strokeStyle = colour;
    context.lineWidth = width * ratio;
    context.stroke();
  }
}
