/**
 * The stage: a canvas that shows what the store knows, through a camera that only hands move. New labels never move it,
 * and neither does another picture of the same size.
 */

import { fitted, moved, toPicture, toScreen, zoomed } from "./camera.js";
import { act, activeTool, toBeMerged } from "./tools.js";
import { h, oncePerFrame } from "./dom.js";
import { defaults } from "./editing.js";
import { followLayers } from "./layer_images.js";
import { makeBadge, makeLegends, makeScaleBar } from "./on_picture.js";
import { followPointers } from "./pointer.js";
import { makeReadout } from "./readout.js";
import { keptBy, regionAt } from "./regions.js";
import { drawSide, drawSketch, labelPlane } from "./scene.js";
import { sideAt, sidesOf } from "./sides.js";
import { covers, sameView, wantedView } from "./view.js";

const VIEW_MS = 120; // after the last movement, a large picture's view is asked for anew
const AT_FIRST = { original: 1, grains: 1, pores: 1 };

/** The region that was clicked, in the labels that are there now. */
function regionOf(selected, frame) {
  const { phase, label } = selected ? regionAt(frame, selected.row, selected.col) : {};
  return phase ? { phase, labels: [label] } : null;
}

/** Fill the element with the canvas and what lies on it. */
export function start(store, api, element) {
  const canvas = h("canvas", {
    id: "picture",
    tabindex: 0,
    role: "application",
    "aria-label": "Picture; arrow keys move it, plus and minus zoom",
  });
  const bar = makeScaleBar();
  const empty = h("div", { class: "on-picture empty" }, "Opening …");
  element.append(canvas, bar.element, makeBadge(store), makeLegends(store), empty);
  const context = canvas.getContext("2d", { alpha: false });
  const planes = { A: labelPlane(), B: labelPlane() };
  const readout = makeReadout(store, document.getElementById("readout"));
  let size = { width: 0, height: 0 };
  let ratio = 1;
  let painted = null; // the frame that was drawn last
  let hover = null;

  /** Width of a grain boundary as a phase, under the settings that labels were made with. */
  const boundaryPx = (frame) =>
    frame?.asked.settings["phases.boundary_width_px"] ?? defaults(store)["phases.boundary_width_px"] ?? 3;
  const sides = () => sidesOf(store.state.compare, size);
  const main = () => sides()[0].box;
  const frameOf = (name) => (name === "A" ? store.state.frame : store.state.compare.frame);

  const draw = oncePerFrame(() => {
    const { picture, camera, layers, images = {}, frame, sketch, selected, filter, regions } = store.state;
    const began = performance.now();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = getComputedStyle(element).getPropertyValue("--surround") || "#26282b";
    context.fillRect(0, 0, canvas.width, canvas.height);
    empty.hidden = Boolean(picture && (frame || images.original));
    bar.element.hidden = !picture;
    if (!picture || !camera) return;
    for (const side of sides()) {
      const shown = frameOf(side.name);
      const isMain = side.name === "A";
      drawSide(
        context,
        side,
        ratio,
        camera,
        {
          picture,
          images,
          layers,
          frame: shown,
          boundaryPx: boundaryPx(shown),
          chosen: isMain ? (toBeMerged(sketch, shown) ?? regionOf(selected, shown)) : null,
          filter: isMain ? keptBy(filter, regions, shown) : null,
        },
        planes[side.name],
      );
    }
    if (sketch) {
      const box = main();
      const place = (row, col) => {
        const { x, y } = toScreen(camera, box, row, col);
        return { x: x * ratio, y: y * ratio };
      };
      drawSketch(context, sketch, place, camera.zoom * ratio, ratio);
    }
    bar.show(picture.pixel_um, camera.zoom);
    timed(frame, performance.now() - began);
  });

  /** How long drawing takes, and how long it takes from a hand's doing to its being seen. */
  function timed(frame, took) {
    const { latencies, draws } = window.microFeatures;
    draws.push(took);
    if (draws.length > 500) draws.shift();
    if (frame === painted) return;
    painted = frame;
    if (!frame || frame.began === null) return;
    // A message is handled after the paint for which animation frames are prepared.
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const ms = performance.now() - frame.began;
      performance.measure("input to paint", { start: frame.began, duration: ms });
      latencies.push({ ms, exact: frame.exact, server: frame.ms, draw: took });
      if (latencies.length > 500) latencies.shift();
      channel.port1.close();
    };
    channel.port2.postMessage(null);
  }

  let waiting = 0;
  /** What is seen decides what is asked for; at once where nothing is there yet, else when the movement has ended. */
  function look() {
    const { picture, camera, view } = store.state;
    clearTimeout(waiting);
    if (!picture || !camera || size.width === 0) return;
    const box = main();
    if (covers(view, picture, camera, box, ratio)) return;
    const update = () => {
      const wanted = wantedView(picture, store.state.camera, main(), ratio);
      if (store.state.picture === picture && !sameView(wanted, store.state.view)) store.set({ view: wanted });
    };
    if (!view) update();
    else waiting = setTimeout(update, VIEW_MS);
  }

  let seen = null; // size of the picture for which the camera stands
  function opened() {
    const { picture, camera } = store.state;
    if (!picture || size.width === 0) return;
    if (!camera || seen?.rows !== picture.rows || seen?.cols !== picture.cols)
      store.set({ camera: fitted(picture, main()) });
    seen = { rows: picture.rows, cols: picture.cols };
    look();
  }

  const isFitted = () => {
    const { picture, camera } = store.state;
    const fit = picture && camera && box && fitted(picture, box);
    return (
      Boolean(fit) &&
      ["row", "col", "zoom"].every((key) => Math.abs(camera[key] - fit[key]) < 1e-6 * Math.abs(fit[key]))
    );
  };
  let box = null; // through which the camera looked last
  /** A whole picture stays whole when the window, or its share of the stage, changes. */
  function resized() {
    const follow = isFitted();
    box = main();
    if (follow) store.set({ camera: fitted(store.state.picture, box) });
  }
  new ResizeObserver(([{ contentRect }]) => {
    size = { width: contentRect.width, height: contentRect.height };
    ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(size.width * ratio));
    canvas.height = Math.max(1, Math.round(size.height * ratio));
    resized();
    opened();
    draw();
  }).observe(element);

  /** Where a point of the stage lies, for tools. */
  const locate = (x, y) => {
    const side = sideAt(sides(), x);
    return { ...toPicture(store.state.camera, side.box, x, y), side: side.name, zoom: store.state.camera.zoom };
  };
  const showUnder = (x, y) => {
    hover = x === null ? null : { x, y };
    if (!hover || !store.state.camera) return readout(null);
    const side = sideAt(sides(), x);
    readout({ camera: store.state.camera, box: side.box, x, y, frame: frameOf(side.name) });
  };
  const handed = (name) => (x, y, event, more) =>
    store.state.picture && store.state.camera && act(store, name, locate(x, y), event, more);
  const view = {
    zoom(factor, x, y) {
      const { picture, camera } = store.state;
      if (picture && camera) store.set({ camera: zoomed(camera, sideAt(sides(), x).box, picture, factor, x, y) });
    },
    move(dx, dy) {
      const { picture, camera } = store.state;
      if (picture && camera) store.set({ camera: moved(camera, picture, dx, dy) });
    },
  };
  const hand = followPointers(canvas, {
    ...view,
    act: {
      drags: () => activeTool(store).drags,
      down: handed("down"),
      drag: handed("drag"),
      up: handed("up"),
      click: handed("click"),
      double: handed("double"),
      hover(x, y, event) {
        showUnder(x, y);
        handed("hover")(x, y, event);
      },
      leave() {
        showUnder(null);
        act(store, "leave", null);
      },
      cancel() {
        act(store, "cancel", null);
      },
    },
  });
  // Keys and buttons ask for movements by an event: they do not know the stage's size.
  element.addEventListener("look", ({ detail }) => {
    const { picture, camera } = store.state;
    if (!picture || !camera) return;
    const box = main();
    const { x, y } = hover ?? { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    if (detail.zoom) view.zoom(detail.zoom, x, y);
    else if (detail.move) view.move(detail.move[0] * box.width, detail.move[1] * box.height);
    else if (detail.fit) store.set({ camera: fitted(picture, box) });
    else if (detail.one) view.zoom(1 / camera.zoom, x, y);
    else if ("space" in detail) hand.holdSpace(detail.space);
    else if (detail.press) handed(detail.press)(x, y, null, false);
  });

  store.on(["session"], () => {
    if (Object.keys(store.state.layers).length || !store.state.session) return;
    store.set({
      layers: Object.fromEntries(
        store.state.session.layers.map(({ name }) => [name, { on: name in AT_FIRST, opacity: 1 }]),
      ),
    });
  });
  store.on(["picture"], opened);
  store.on(["compare"], resized);
  store.on(["camera", "compare"], look);
  store.on(
    ["picture", "camera", "frame", "layers", "images", "selected", "filter", "regions", "compare", "sketch"],
    draw,
  );
  store.on(["camera", "frame", "images", "picture"], () => (hover ? showUnder(hover.x, hover.y) : readout(null)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  followLayers(store, api);
}
