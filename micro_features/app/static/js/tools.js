/**
 * Tools of the hand: what a click or a stroke on the picture does. Each correction is appended to `corrections`; the
 * store's `sketch` is what is being drawn. Points handed to tools count from the picture's corner, those of corrections
 * from the middle of its first pixel.
 */

import { regionAt } from "./regions.js";
import { say, sayUsually } from "./status.js";
import { crossed, mostlyIn, simplified } from "./strokes.js";
import { fillBar } from "./tool_bar.js";

const PATH_PX = 0.5; // screen pixels by which a simplified stroke may be off

/** Tools by name; `drags` says that a drag is the tool's, and does not move the picture. */
export const TOOLS = {
  pan: {
    label: "Move",
    icon: "hand",
    key: "V",
    drags: false,
    said: "Drag moves the picture; a click picks a grain or pore.",
    click: pick,
  },
  erase: {
    label: "Erase",
    icon: "eraser",
    key: "E",
    drags: false,
    said: "Click what is no grain, or no pore.",
    click: erase,
  },
  merge: {
    label: "Merge",
    icon: "merge",
    key: "M",
    drags: true,
    said: "Drag across grains or pores, or click them and end with Enter.",
    down: begin,
    drag: extend,
    up: mergeUp,
    double: finish,
    finish: mergeFinish,
  },
  split: {
    label: "Split",
    icon: "split",
    key: "S",
    drags: true,
    said: "Draw along the missing boundary.",
    down: begin,
    drag: extend,
    up: splitUp,
  },
  paint: {
    label: "Paint",
    icon: "brush",
    key: "B",
    drags: true,
    said: "Draw a pore that was missed; [ and ] change the brush.",
    down: begin,
    drag: extend,
    up: paintUp,
    hover: brush,
    leave: noBrush,
  },
};

/** Fill the element with the tools' buttons. */
export function start(store, api, element) {
  store.set({ sketch: null, brush: 6 });
  fillBar(store, element, TOOLS);
  const stage = document.getElementById("stage");
  store.on(["tool"], () => {
    const { tool } = store.state;
    cancel(store);
    sayUsually(tool === "pan" ? "" : TOOLS[tool].said);
    stage.classList.toggle("drawing", tool !== "pan" && tool !== "paint");
    stage.classList.toggle("brush", tool === "paint");
  });
  store.on(["brush"], () => {
    const { sketch, brush: radius } = store.state;
    if (sketch) store.set({ sketch: { ...sketch, radius } });
  });
  // What was drawn stays in sight until the labels show it.
  store.on(["frame"], () => {
    if (store.state.sketch?.done) store.set({ sketch: null });
  });
  store.on(["picture", "compare"], () => cancel(store));
}

/** The tool that is chosen. */
export function activeTool(store) {
  return TOOLS[store.state.tool] ?? TOOLS.pan;
}

/**
 * Hand what a pointer did to the tool.
 * @param {Object} store
 * @param {"down"|"drag"|"up"|"click"|"double"|"hover"|"leave"|"finish"|"cancel"} name
 * @param {{row: number, col: number, side: string, zoom: number}|null} at
 * @param {Event|null} event
 * @param {boolean} [moved] for "up": whether it was a drag
 */
export function act(store, name, at, event, moved) {
  if (name === "cancel") return cancel(store);
  // B is for looking at: corrections, and what is picked, are A's.
  if (at?.side === "B" && name !== "hover") {
    if (name === "down" || name === "click") say("B is for comparison; pick and correct on A.");
    return undefined;
  }
  return activeTool(store)[name]?.(store, at, event, moved);
}

/** Forget what is being drawn. */
export function cancel(store) {
  if (store.state.sketch) store.set({ sketch: null });
}

function append(store, operation, said) {
  store.set({ corrections: [...store.state.corrections, operation] });
  say(said);
}

const middle = ({ row, col }) => [row - 0.5, col - 0.5];
const pixel = ({ row, col }) => [Math.floor(row), Math.floor(col)];

function pick(store, at) {
  const { phase, label } = regionAt(store.state.frame, at.row, at.col);
  const [row, col] = pixel(at);
  store.set({ selected: phase ? { phase, label, row, col, values: null } : null });
}

function erase(store, at) {
  const { phase, label } = regionAt(store.state.frame, at.row, at.col);
  if (!phase) return say("No grain or pore there.");
  append(store, { kind: "erase", phase, at: pixel(at) }, `${phase} ${label} erased`);
}

function begin(store, at) {
  const { tool, sketch, brush: radius } = store.state;
  const picked = tool === "merge" && sketch?.kind === "merge" && !sketch.done ? sketch.picked : [];
  store.set({
    sketch: { kind: tool, points: [...picked.map((region) => region.at), middle(at)], picked, radius, zoom: at.zoom },
  });
}

function extend(store, at) {
  const { sketch } = store.state;
  if (!sketch || sketch.kind === "brush") return;
  // A drag for merging is a line of its own, apart from what was clicked before.
  const before = sketch.kind === "merge" && !sketch.line ? sketch.points.slice(-1) : sketch.points;
  store.set({ sketch: { ...sketch, line: true, points: [...before, middle(at)] } });
}

function stroke({ points, zoom }) {
  return simplified(points, PATH_PX / zoom);
}

function paintUp(store) {
  const { sketch } = store.state;
  if (sketch?.kind !== "paint") return;
  const radius = Math.round(sketch.radius * 100) / 100;
  store.set({ sketch: { ...sketch, done: true } });
  append(store, { kind: "paint", phase: "pore", stroke: stroke(sketch), radius_px: radius }, "pore painted");
}

function splitUp(store, at, event, moved) {
  const { sketch, frame } = store.state;
  if (sketch?.kind !== "split") return undefined;
  if (!moved || sketch.points.length < 2) {
    cancel(store);
    return say("Draw a line along the missing boundary.");
  }
  const regions = crossed(frame, sketch.points);
  if (regions.length === 0) {
    cancel(store);
    return say("The line crosses no grain and no pore.");
  }
  const phase = mostlyIn(regions);
  store.set({ sketch: { ...sketch, done: true } });
  return append(store, { kind: "split", phase, stroke: stroke(sketch) }, `${phase} split`);
}

function mergeUp(store, at, event, moved) {
  const { sketch, frame } = store.state;
  if (sketch?.kind !== "merge") return undefined;
  if (moved && sketch.line) {
    return merged(store, ofOnePhase(frame, sketch.points));
  }
  const found = regionAt(frame, at.row, at.col);
  const first = sketch.picked[0];
  if (!found.phase || (first && first.phase !== found.phase)) {
    say(found.phase ? `A ${found.phase} does not merge with a ${first.phase}.` : "No grain or pore there.");
    store.set({ sketch: first ? { ...sketch, line: false, points: sketch.picked.map((region) => region.at) } : null });
    return undefined;
  }
  const picked = sketch.picked.some((region) => region.label === found.label)
    ? sketch.picked
    : [...sketch.picked, { ...found, at: pixel(at) }];
  say(`${picked.length} picked; Enter merges them.`);
  return store.set({ sketch: { ...sketch, line: false, picked, points: picked.map((region) => region.at) } });
}

/** Regions along a line that are merged together: those of the phase in which most of it runs. */
function ofOnePhase(frame, points) {
  const regions = crossed(frame, points);
  const phase = mostlyIn(regions);
  return regions.filter((region) => region.phase === phase);
}

/** What is about to be merged, to be outlined; null where nothing is. */
export function toBeMerged(sketch, frame) {
  if (sketch?.kind !== "merge") return null;
  const regions = sketch.line ? ofOnePhase(frame, sketch.points) : sketch.picked;
  return regions.length ? { phase: regions[0].phase, labels: regions.map((region) => region.label) } : null;
}

function mergeFinish(store) {
  if (store.state.sketch?.kind === "merge" && !store.state.sketch.done) merged(store, store.state.sketch.picked);
}

/** A double click picks its region with its first press, and ends with the second. */
function finish(store) {
  mergeFinish(store);
}

function merged(store, regions) {
  if (regions.length < 2) {
    cancel(store);
    return say("Merging takes two regions at least.");
  }
  store.set({ sketch: { ...store.state.sketch, done: true } });
  return append(
    store,
    { kind: "merge", phase: regions[0].phase, at: regions.map((region) => region.at) },
    `${regions.length} ${regions[0].phase}s merged, where they touch`,
  );
}

/** The brush is its own cursor. */
function brush(store, at, event) {
  const { sketch, brush: radius } = store.state;
  if (sketch && sketch.kind !== "brush") return;
  if (event?.pointerType === "touch") return;
  store.set({ sketch: { kind: "brush", points: [middle(at)], radius } });
}

function noBrush(store) {
  if (store.state.sketch?.kind === "brush") cancel(store);
}
