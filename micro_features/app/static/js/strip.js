/** The batch as a strip of thumbnails, with what is known of each picture's quality and what was done to it. */

import { h, isTyping, replace } from "./dom.js";
import { unsaved } from "./editing.js";
import { count } from "./format.js";
import { runJob } from "./jobs.js";
import { explain } from "./tooltip.js";

/** Fill the element with the thumbnails. */
export function start(store, api, element) {
  const list = h("div", {
    class: "thumbnails",
    role: "listbox",
    "aria-label": "Pictures",
    "aria-orientation": "horizontal",
  });
  const progress = h("span", { class: "hint", role: "status" });
  element.append(list, progress);
  const flags = new Map(); // index to row of the job "flags"
  let cards = [];
  const build = () => {
    const { session } = store.state;
    if (!session || cards.length) return;
    const lazily = lazyThumbnails(api, list);
    cards = session.pictures.map((picture) => makeCard(picture, flags, () => go(store, picture.index)));
    list.append(...cards.map((card) => card.element));
    cards.forEach((card) => lazily(card));
    element.hidden = cards.length < 2;
    mark();
    current();
  };
  const mark = () => {
    const { session, edits, work } = store.state;
    if (!session) return;
    const waiting = new Set(unsaved(store.state).pictures);
    for (const card of cards)
      card.show(
        marksOf(session.pictures[card.index], edits.own[card.index], work[card.index], waiting.has(card.index)),
        flags.get(card.index),
      );
  };
  const current = () => cards.forEach((card) => card.current(card.index === store.state.index));
  store.on(["session"], build);
  store.on(["edits", "work"], mark);
  store.on(["index", "session"], current);
  keys(store, list);
  afterFirstResult(store, () => gatherFlags(store, api, flags, mark, progress));
  build();
}

/** Open another picture. */
export function go(store, index) {
  const { session } = store.state;
  const last = (session?.pictures.length ?? 1) - 1;
  const next = Math.max(0, Math.min(last, index));
  if (next !== store.state.index) store.set({ index: next, selected: null, filter: null });
}

function keys(store, list) {
  list.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    go(store, store.state.index + move);
    list.children[store.state.index]?.focus();
  });
  // Anywhere on the page, except where the key has a meaning of its own, as on a slider.
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || event.target.matches?.("input, .scroll")) return;
    if (event.key !== "PageUp" && event.key !== "PageDown") return;
    event.preventDefault();
    go(store, store.state.index + (event.key === "PageDown" ? 1 : -1));
  });
}

function marksOf(picture, own, mine, isUnsaved) {
  const corrections = mine ? mine.corrections.length : picture.n_corrections;
  const overrides = mine || own ? Object.keys(own ?? {}).length : picture.n_overrides;
  return { corrections, overrides, unsaved: isUnsaved || (!mine && picture.has_draft) };
}

function makeCard(picture, flags, open) {
  const image = h("img", { alt: "", draggable: "false" });
  const marks = h("span", { class: "marks" });
  const element = h(
    "div",
    { class: "thumbnail", role: "option", tabindex: -1, "aria-selected": "false", on: { click: open } },
    h("span", { class: "frame" }, image),
    marks,
    h("span", { class: "title" }, picture.name),
  );
  let shown = null;
  explain(
    element,
    () => [
      h("p", {}, picture.path),
      h("ul", { class: "plain" }, saidOf(picture, flags.get(picture.index), marks.dataset.said)),
    ],
    "above",
  );
  return {
    element,
    image,
    index: picture.index,
    current(now) {
      element.setAttribute("aria-selected", String(now));
      element.tabIndex = now ? 0 : -1;
      if (now) element.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    show({ corrections, overrides, unsaved: open_ }, row) {
      const state = [corrections, overrides, open_, row !== undefined].join();
      if (state === shown) return; // this runs for every picture at every move of a slider
      shown = state;
      const said = [
        open_ && "not saved",
        overrides && `${count(overrides, "value")} of its own`,
        corrections && count(corrections, "correction"),
      ].filter(Boolean);
      marks.dataset.said = said.join(", ");
      const bad = row?.flags?.filter((flag) => !flag.good).length ?? 0;
      replace(
        marks,
        open_ && h("span", { class: "mark-unsaved" }, "●"),
        overrides > 0 && h("span", {}, "⚙"),
        corrections > 0 && h("span", {}, `✎${corrections}`),
        row && h("span", { class: row.error ? "bad" : bad ? "bad" : "good" }, row.error ? "✕" : bad ? `⚠${bad}` : "✓"),
      );
      const quality = !row
        ? ""
        : row.error
          ? "can not be measured"
          : bad
            ? count(bad, "quality warning")
            : "quality good";
      element.setAttribute("aria-label", [picture.name, quality, ...said].filter(Boolean).join(", "));
    },
  };
}

function saidOf(picture, row, said) {
  const lines = said ? [h("li", {}, said)] : [];
  if (row?.error) lines.push(h("li", { class: "bad" }, `✕ ${row.error}`));
  for (const flag of row?.flags ?? [])
    lines.push(h("li", { class: flag.good ? "good" : "bad" }, `${flag.good ? "✓" : "⚠"} ${flag.text}`));
  return lines;
}

/** Thumbnails are asked for when they come near: a batch may have hundreds, and the token goes in a header, not in src. */
function lazyThumbnails(api, root) {
  const cards = new Map();
  const waiting = [];
  let running = 0;
  const next = () => {
    while (running < 2 && waiting.length) {
      const { image, index } = waiting.shift();
      running += 1;
      api
        .blob(`/api/pictures/${index}/thumbnail`)
        .then((blob) => {
          const address = URL.createObjectURL(blob);
          image.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
          image.src = address;
        })
        .catch(() => image.parentElement.classList.add("missing"))
        .finally(() => {
          running -= 1;
          next();
        });
    }
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        waiting.push(cards.get(target));
      }
      next();
    },
    { root, rootMargin: "200px" },
  );
  return (card) => {
    cards.set(card.element, card);
    observer.observe(card.element);
  };
}

/** The picture that is looked at comes first: quality of the others is measured once its numbers are there. */
function afterFirstResult(store, work) {
  let done = false;
  store.on(["numbers"], () => {
    if (done || !store.state.numbers) return;
    done = true;
    work();
  });
}

function gatherFlags(store, api, flags, mark, progress) {
  const { session, file } = store.state;
  if (session.pictures.length < 2) return;
  const show = ({ rows, done, total, finished }) => {
    for (const row of rows) flags.set(row.index, row);
    progress.textContent = finished ? "" : `Quality: ${done} of ${total}`;
    mark();
  };
  runJob(api, { kind: "flags", settings: file.saved, corrections: [] }, show, new AbortController().signal).catch((error) => {
    progress.textContent = `Quality of the pictures: ${error.message}`;
  });
}
