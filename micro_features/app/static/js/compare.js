/** A beside B: what is edited now, beside the saved settings or beside what was kept to be compared with. */

import { h, replace } from "./dom.js";
import { sameCorrections } from "./editing.js";
import { same } from "./edits.js";
import { sidesOf } from "./sides.js";
import { say } from "./status.js";
import { savedCorrections } from "./updates.js";
import { sameView } from "./view.js";

const MODES = [
  ["off", "A"],
  ["side", "A | B"],
  ["swipe", "A / B"],
];
const SAID = { off: "A alone", side: "A and B side by side", swipe: "B behind a divider" };
const STEP = 0.02;
const TAB = `${Math.random().toString(36).slice(2, 12)}-b`;

/** Fill the element with the choice of the comparison. */
export function start(store, api, element) {
  const put = (patch) => store.set({ compare: { ...store.state.compare, ...patch } });
  const kept = new Map(); // picture's index to {settings, corrections, label}
  const buttons = MODES.map(([mode, word]) =>
    h(
      "button",
      { type: "button", title: SAID[mode], "aria-label": SAID[mode], on: { click: () => put({ mode }) } },
      word,
    ),
  );
  const turn = h("button", {
    type: "button",
    class: "unseen",
    tabindex: -1,
    "aria-hidden": "true",
    "aria-keyshortcuts": "C",
    on: {
      click: () =>
        put({ mode: MODES[(MODES.findIndex(([mode]) => mode === store.state.compare.mode) + 1) % MODES.length][0] }),
    },
  });
  const choice = h("select", { "aria-label": "What B is", on: { change: () => choose(choice.value) } });
  const keep = h(
    "button",
    {
      type: "button",
      title: "Keep the present settings and corrections, to compare others with them",
      on: { click: keepNow },
    },
    "Keep as B",
  );
  element.append(h("span", { class: "soft" }, "Compare"), ...buttons, choice, keep, turn);
  overlay(store, put);

  let isKept = false;
  function choose(value) {
    isKept = value === "kept";
    follow();
  }
  function keepNow() {
    const { picture, settings, corrections, compare, frame, numbers, busy } = store.state;
    if (!picture) return;
    kept.set(picture.index, {
      settings,
      corrections,
      label: `kept ${new Date().toLocaleTimeString(undefined, { timeStyle: "medium" })}`,
    });
    isKept = true;
    const ready = frame?.exact && !busy ? { frame, numbers } : {};
    put({ mode: compare.mode === "off" ? "swipe" : compare.mode, ...ready });
    say("Kept as B");
    follow();
  }

  /** What B is for the picture that is open. */
  function wanted() {
    const { picture, saved } = store.state;
    const own = isKept && kept.get(picture?.index);
    return own || { settings: saved, corrections: savedCorrections(store.state), label: "saved" };
  }

  let asked = null; // what B's labels were asked for
  async function follow() {
    const { compare, picture, view, frame, numbers, busy, settings, corrections } = store.state;
    const b = wanted();
    const options = [
      ["saved", "B = saved settings"],
      ...(kept.has(picture?.index) ? [["kept", `B = ${kept.get(picture.index).label}`]] : []),
    ];
    replace(
      choice,
      options.map(([value, text]) =>
        h("option", { value, selected: value === (b.label === "saved" ? "saved" : "kept") }, text),
      ),
    );
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(MODES[place][0] === compare.mode)));
    if (compare.label !== b.label || compare.settings !== b.settings) put({ label: b.label, settings: b.settings });
    if (compare.mode === "off" || !picture || !view) return;
    const isSame = (frame_) =>
      frame_ &&
      same(frame_.asked.settings, b.settings) &&
      sameCorrections(frame_.asked.corrections, b.corrections) &&
      frame_.asked.picture === picture &&
      sameView(frame_.asked.view, view);
    if (isSame(compare.frame) && compare.frame.exact) return;
    if (compare.frame && compare.frame.asked.picture !== picture) put({ frame: null, numbers: null });
    if (isSame(frame) && frame.exact && !busy) return void put({ frame, numbers });
    // A comes first: B is asked for when A stands still.
    if (busy && !(same(settings, b.settings) && sameCorrections(corrections, b.corrections) && !compare.frame)) return;
    if (
      busy ||
      (asked &&
        asked.picture === picture &&
        asked.settings === b.settings &&
        asked.corrections === b.corrections &&
        sameView(asked.view, view))
    )
      return;
    const mine = { picture, view, settings: b.settings, corrections: b.corrections };
    asked = mine;
    try {
      const body = { tab: TAB, seq: 0, settings: mine.settings, corrections: mine.corrections, view };
      const answer = await api.frame(`/api/pictures/${picture.index}/result`, body);
      if (answer && asked === mine) {
        const { head, arrays } = answer;
        put({
          frame: {
            grains: arrays.grains,
            pores: arrays.pores,
            view: head.view,
            exact: true,
            scale: 1,
            note: "",
            asked: mine,
            began: null,
          },
          numbers: head.numbers,
        });
      }
    } catch (error) {
      if (asked === mine) store.set({ error: `B: ${error.message}` });
    }
    if (asked === mine) asked = null;
  }
  store.on(["compare", "saved", "work", "picture", "view", "busy", "frame"], follow);
  follow();
}

/** Names of the sides, and the divider between them, on the picture. */
function overlay(store, put) {
  const stage = document.getElementById("stage");
  const nameA = h("div", { class: "on-picture side-label", hidden: true });
  const nameB = h("div", { class: "on-picture side-label", hidden: true });
  const divider = h("div", { class: "divider", hidden: true });
  stage.append(nameA, nameB, divider);

  const move = (x) => put({ split: Math.min(0.98, Math.max(0.02, x / stage.clientWidth)) });
  divider.addEventListener("pointerdown", (event) => {
    if (store.state.compare.mode !== "swipe" || event.button !== 0) return;
    event.stopPropagation();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) move(event.clientX - stage.getBoundingClientRect().left);
  });
  divider.addEventListener("keydown", (event) => {
    const { split } = store.state.compare;
    const to = { ArrowLeft: split - STEP, ArrowRight: split + STEP, Home: 0, End: 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(to * stage.clientWidth);
  });

  const show = () => {
    const { compare, session } = store.state;
    const isOn = compare.mode !== "off" && Boolean(session);
    for (const part of [nameA, nameB, divider]) part.hidden = !isOn;
    if (!isOn) return;
    const sides = sidesOf(compare, { width: stage.clientWidth, height: stage.clientHeight });
    const line = sides[1].clip.left;
    divider.style.left = `${line - (compare.mode === "side" ? 2 : 0)}px`;
    divider.classList.toggle("fixed", compare.mode === "side");
    const isSwiped = compare.mode === "swipe";
    for (const [name, value] of Object.entries({
      role: "separator",
      tabindex: "0",
      "aria-orientation": "vertical",
      "aria-label": "Divider between A and B",
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-valuenow": String(Math.round(100 * compare.split)),
    })) {
      if (isSwiped) divider.setAttribute(name, value);
      else divider.removeAttribute(name);
    }
    nameA.textContent = "A now";
    nameB.textContent = `B ${compare.label}${compare.frame ? "" : " …"}`;
    nameA.style.right = isSwiped ? `${stage.clientWidth - line + 12}px` : "";
    nameA.style.left = isSwiped ? "" : ".6rem";
    nameB.style.left = `${line + 12}px`;
  };
  store.on(["compare", "session"], show);
  new ResizeObserver(show).observe(stage);
}
