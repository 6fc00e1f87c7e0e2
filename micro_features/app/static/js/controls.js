/** All settings, by section, each with its control; the ones that matter for the chosen methods first. */

import { makeControl } from "./control.js";
import { h } from "./dom.js";
import { change, defaults, step } from "./editing.js";
import { unmet, withOwn } from "./edits.js";

/** Fill the element with the settings' controls. */
export function start(store, api, element) {
  let built = false;
  const build = () => {
    if (built || !store.state.session) return;
    built = true;
    fill(store, element);
  };
  store.on(["session"], build);
  build();
}

function fill(store, element) {
  const all = defaults(store);
  // What has no effect on a picture (the training of networks, the largest file) has no place beside one.
  const described = store.state.session.controls.filter((control) => control.affects !== "elsewhere");
  const made = described.map((control, place) => ({
    control,
    place,
    ...makeControl(named(control), actions(store, control)),
  }));
  const sections = sectionsOf(made);
  const search = h("input", {
    type: "search",
    id: "setting-search",
    placeholder: "Find a setting",
    "aria-label": "Find a setting",
  });
  const none = h("p", { class: "hint", hidden: true }, "No setting has these words.");
  element.append(h("div", { class: "search-line" }, search), ...sections.map((section) => section.element), none);

  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const section of sections) {
      const hits = section.members.filter(({ control, element: box }) => {
        const text =
          `${control.name} ${control.label} ${control.section} ${control.description} ${control.unit ?? ""}`.toLowerCase();
        box.hidden = !words.every((word) => text.includes(word));
        return !box.hidden;
      });
      found += hits.length;
      section.element.hidden = hits.length === 0;
      section.showFound(words.length > 0);
    }
    none.hidden = found > 0;
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || search.value === "") return;
    search.value = "";
    search.dispatchEvent(new Event("input"));
  });

  const update = () => {
    const { settings, edits, picture } = store.state;
    const own = edits.own[picture?.index] ?? {};
    for (const { control, update: show } of made) {
      const value = settings[control.name] ?? all[control.name];
      show({
        value,
        off: value !== all[control.name],
        own: control.name in own,
        shared: edits.globals[control.name] ?? all[control.name],
        reason: unmet(control, settings, all),
      });
    }
    for (const section of sections) section.arrange((control) => rank(control, settings, all));
  };
  store.on(["settings", "edits", "picture"], update);
  update();
}

function named(control) {
  return { ...control, label: control.label.charAt(0).toUpperCase() + control.label.slice(1) };
}

function actions(store, control) {
  const words = `${control.section} ${control.label}`.trim();
  return {
    change: (value, gesture) => change(store, { [control.name]: value }, words, gesture),
    reset: () => change(store, { [control.name]: control.default }, `${words} back to its default`),
    share() {
      const { edits, picture } = store.state;
      const { [control.name]: _, ...rest } = edits.own[picture.index] ?? {};
      step(store, withOwn(edits, picture.index, rest), `${words} as for all pictures`);
    },
  };
}

/** How far down in its section: the choice of the method, then thresholds with a plausible range, then the idle. */
function rank(control, settings, defaults) {
  if (unmet(control, settings, defaults)) return 3;
  if (control.kind === "choice" && control.name.endsWith("method")) return 0;
  return control.plausible ? 1 : 2;
}

function sectionsOf(made) {
  const groups = new Map();
  for (const one of made) groups.set(one.control.section, [...(groups.get(one.control.section) ?? []), one]);
  return [...groups]
    .map(([name, members]) => makeSection(name, members))
    .sort((one, other) => one.weight - other.weight);
}

function makeSection(name, members) {
  const [{ control }] = members;
  const hasMethod = members.some((member) => member.control.name.endsWith(".method"));
  // Methods and their thresholds are what is tuned all day; the rest waits folded.
  const weight = hasMethod ? 0 : control.affects === "segmentation" ? 1 : name === "" ? 3 : 2;
  const marks = h("span", { class: "count" });
  const body = h(
    "div",
    { class: "section-body" },
    members.map((member) => member.element),
  );
  const element = h(
    "details",
    { class: "section", open: weight <= 1 },
    h("summary", {}, h("span", { class: "title" }, name === "" ? "General" : name), marks),
    control.section_description && h("p", { class: "about" }, control.section_description),
    body,
  );
  let wasOpen = element.open;
  let searching = false;
  let order = members;
  return {
    element,
    members,
    weight,
    showFound(now) {
      if (now && !searching) wasOpen = element.open;
      if (now) element.open = true;
      else if (searching) element.open = wasOpen;
      searching = now;
    },
    arrange(rankOf) {
      const off = members.filter((member) => member.element.classList.contains("off-default")).length;
      marks.textContent = off ? `${off} off default` : "";
      const next = [...members].sort(
        (one, other) => rankOf(one.control) - rankOf(other.control) || one.place - other.place,
      );
      if (next.every((member, place) => member === order[place])) return;
      order = next;
      const focus = document.activeElement; // moving an element takes the focus from it
      body.append(...next.map((member) => member.element));
      if (body.contains(focus)) focus.focus();
    },
  };
}
