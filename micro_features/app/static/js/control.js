/** The control of one setting: slider and entry side by side, a choice, a box to tick, or a text. */

import { h, replace } from "./dom.js";
import { DASH, settingText, unitText } from "./format.js";
import { isBounded, keyed, parsed, position, valueAt } from "./scale.js";
import { explain } from "./tooltip.js";

const TRACK = 1000;

/**
 * @typedef {Object} Shown what a control shows
 * @property {any} value
 * @property {boolean} off whether it is off the default
 * @property {boolean} own whether the value is this picture's own
 * @property {any} shared the value for all pictures
 * @property {string} reason why the setting has no say, or ""
 */

/**
 * @param {Object} control as the server describes it
 * @param {{change: function(any, string|null): void, reset: function(): void, share: function(): void}} act
 *   `change` is told the value and a name for the gesture: changes of one gesture are one step of undo
 * @returns {{element: HTMLElement, update: function(Shown): void}}
 */
export function makeControl(control, act) {
  const id = `setting-${control.name.replaceAll(".", "-")}`;
  const entry = ENTRIES[control.kind](control, act, id);
  const reset = h(
    "button",
    {
      type: "button",
      class: "quiet reset",
      "aria-label": `${control.label}: back to the default`,
      title: `Back to the default, ${settingText(control.default, control.unit)}`,
      on: { click: act.reset },
    },
    "↺",
  );
  const share = h("button", { type: "button", class: "quiet own", hidden: true, on: { click: act.share } });
  const why = h("p", { class: "why", hidden: true });
  const label = h("label", { for: entry.focus, class: "name" }, control.label);
  const head = h("div", { class: "control-head" }, h("span", { class: "mark", "aria-hidden": "true" }), label, reset);
  const element = h(
    "div",
    { class: `control ${control.kind}`, dataset: { setting: control.name } },
    head,
    entry.element,
    share,
    why,
  );
  explain(element, () => explanation(control));

  return {
    element,
    update(shown) {
      entry.show(shown.value);
      element.classList.toggle("off-default", shown.off);
      element.classList.toggle("idle", shown.reason !== "");
      // Space is kept for it, so that nothing moves under the pointer when a value leaves its default.
      reset.style.visibility = shown.off ? "visible" : "hidden";
      share.hidden = !shown.own;
      replace(share, `only this picture; all others ${settingText(shown.shared, control.unit)} ×`);
      share.setAttribute(
        "aria-label",
        `${control.label}: drop this picture's own value, use ${settingText(shown.shared, control.unit)} as for all`,
      );
      why.hidden = shown.reason === "";
      why.textContent = shown.reason && `No effect: ${shown.reason}.`;
    },
  };
}

const ENTRIES = { number: numeric, integer: numeric, choice, boolean, text: typed };

function numeric(control, act, id) {
  const entry = typed(control, act, id);
  const line = h("div", { class: "numeric" });
  if (!isBounded(control)) {
    line.append(entry.element);
    return { ...entry, element: line };
  }
  let value = control.default;
  let gesture = 0;
  const slider = h("input", {
    type: "range",
    id: `${id}-slider`,
    min: 0,
    max: TRACK,
    step: 1,
    "aria-label": `${control.label}, slider`,
  });
  slider.addEventListener("pointerdown", () => {
    gesture += 1;
  });
  slider.addEventListener("input", () =>
    act.change(valueAt(control, slider.valueAsNumber / TRACK), `${id} drag ${gesture}`),
  );
  slider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moved = keyed(control, value, event.key, event.shiftKey);
    if (moved === null) return;
    event.preventDefault();
    // Keys that follow one another while held down are one step of undo.
    if (!event.repeat) gesture += 1;
    if (moved !== value) act.change(moved, `${id} key ${gesture}`);
  });
  line.append(h("div", { class: "track" }, rail(control), slider), entry.element);
  return {
    focus: entry.focus,
    element: line,
    show(shown) {
      value = shown;
      entry.show(shown);
      slider.value = String(Math.round(position(control, shown) * TRACK));
      slider.setAttribute("aria-valuetext", settingText(shown, control.unit));
    },
  };
}

/** The slider's rail: the plausible range shaded, a tick at the default. */
function rail(control) {
  const at = (value) => `${100 * position(control, value)}%`;
  const rail = h("div", { class: "rail", "aria-hidden": "true" });
  if (control.plausible) {
    const [low, high] = control.plausible;
    const width = `${100 * (position(control, high) - position(control, low))}%`;
    rail.append(h("span", { class: "plausible", style: { left: at(low), width } }));
  }
  rail.append(h("span", { class: "default-tick", style: { left: at(control.default) } }));
  return rail;
}

/** An entry that speaks up beside itself when it can not take what was typed; the setting keeps its value then. */
function typed(control, act, id) {
  let value = control.default;
  const isText = control.kind === "text";
  const fault = h("p", { class: "fault", id: `${id}-fault`, role: "alert", hidden: true });
  const input = h("input", {
    type: "text",
    id,
    class: isText ? "wide" : "figure",
    autocomplete: "off",
    spellcheck: "false",
    inputmode: isText ? "text" : "decimal",
  });
  const show = () => {
    input.value = isText ? String(value) : settingText(value);
    input.classList.remove("being-typed");
    complain("");
  };
  const complain = (text) => {
    fault.hidden = text === "";
    fault.textContent = text && `${text} Kept: ${settingText(value, control.unit)}.`;
    input.setAttribute("aria-invalid", String(text !== ""));
    input.setAttribute("aria-errormessage", fault.id);
  };
  const commit = () => {
    if (input.value === (isText ? String(value) : settingText(value))) return complain("");
    const answer = parsed(control, input.value);
    if (answer.error) return complain(answer.error);
    complain("");
    input.classList.remove("being-typed");
    act.change(answer.value, null);
  };
  // Until then Ctrl+Z is about the text; once it is taken, about the setting.
  input.addEventListener("input", () => input.classList.add("being-typed"));
  input.addEventListener("change", commit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") commit();
    else if (event.key === "Escape") show();
    else if (isBounded(control) && ["ArrowUp", "ArrowDown", "PageUp", "PageDown"].includes(event.key)) {
      event.preventDefault();
      act.change(keyed(control, value, event.key, event.shiftKey), event.repeat ? `${id} entry` : null);
    }
  });
  const unit = unitText(control.unit);
  return {
    focus: id,
    element: h("div", { class: "entry" }, input, h("span", { class: "unit" }, unit), fault),
    show(shown) {
      if (shown === value && document.activeElement === input) return; // typing is not overwritten by what follows
      value = shown;
      show();
    },
  };
}

function choice(control, act, id) {
  const select = h(
    "select",
    { id },
    control.choices.map((name) => h("option", { value: String(name) }, String(name))),
  );
  // The value goes back as it came: a number stays a number.
  select.addEventListener("change", () => act.change(control.choices[select.selectedIndex], null));
  return {
    focus: id,
    element: h("div", { class: "entry" }, select),
    show(value) {
      select.value = String(value);
    },
  };
}

function boolean(control, act, id) {
  const box = h("input", { type: "checkbox", id });
  box.addEventListener("change", () => act.change(box.checked, null));
  return {
    focus: id,
    element: h("div", { class: "entry" }, box),
    show(value) {
      box.checked = value;
    },
  };
}

function explanation(control) {
  const { minimum, maximum, plausible, unit } = control;
  const range = (low, high) => `${settingText(low)} to ${settingText(high, unit)}`;
  const facts = [
    ["Setting", control.name],
    ["Default", settingText(control.default, unit)],
  ];
  if (minimum !== null && maximum !== null) facts.push(["Allowed", range(minimum, maximum)]);
  else if (minimum !== null) facts.push(["At least", settingText(minimum, unit)]);
  if (plausible) facts.push(["Plausible", `${range(...plausible)} (shaded)`]);
  if (control.choices?.length) facts.push(["One of", control.choices.join(", ")]);
  return [
    h("p", {}, control.description || DASH),
    h(
      "dl",
      {},
      facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  ];
}
