/** The live table: what is measured now, against what is measured with the saved settings. */

import { h, replace } from "./dom.js";
import { sameCorrections } from "./editing.js";
import { DASH, count, featureLabel, isNumber, number, percent, signed, targetLabel, unitText } from "./format.js";
import { isStale } from "./stale.js";
import { explain } from "./tooltip.js";

/** Fill the element with prediction, flags, table, the chosen region and the corrections. */
export function start(store, api, element) {
  const prediction = h("section", { class: "prediction", "aria-label": "Prediction" });
  const flags = h("div", { class: "flags", role: "group", "aria-label": "Quality" });
  const state = h("p", { class: "hint", role: "status" });
  const table = h("div", { class: "live" });
  const region = h("section", { class: "region", "aria-label": "Chosen region", "aria-live": "polite" });
  const corrections = h("section", { class: "corrections", "aria-label": "Corrections by hand" });
  element.append(prediction, flags, state, table, region, corrections);

  let rows = null;
  const update = () => {
    const { session, numbers, reference, picture, busy } = store.state;
    if (!session) return;
    rows ??= makeRows(session.features, table);
    const stale = isStale(store.state);
    element.classList.toggle("stale", stale);
    state.textContent = [
      busy?.result && "Measuring …",
      numbers && stale && "These are the numbers before the change.",
      numbers && !stale && measured(numbers),
    ]
      .filter(Boolean)
      .join(" ");
    const unit = lengthsIn(picture);
    for (const row of rows) row.show(numbers, reference?.numbers, unit);
    showFlags(flags, numbers?.flags ?? []);
    replace(prediction, predicted(numbers?.prediction, reference?.numbers?.prediction, session.model));
  };
  store.on(["session", "numbers", "reference", "busy", "picture", "settings", "corrections"], update);
  store.on(["picture", "selected", "numbers"], () => showRegion(store, api, region));
  store.on(["picture", "corrections", "numbers"], () => showCorrections(store, corrections));
  update();
  showCorrections(store, corrections);
}

function measured({ seconds, n_grains: grains, n_pores: pores }) {
  return `${count(grains, "grain")}, ${count(pores, "pore")}; measured in ${number(seconds, 2)} s`;
}

/** Without a scale, lengths are in pixels, and the features' units do not hold. */
function lengthsIn(picture) {
  return (unit) =>
    unitText(picture && picture.pixel_um === null ? (unit ?? "").replaceAll("um", "px").replaceAll("µm", "px") : unit);
}

function makeRows(features, place) {
  const rows = features.map((feature) => {
    const cells = {
      value: h("td", { class: "number" }),
      saved: h("td", { class: "number soft" }),
      change: h("td", { class: "number" }),
    };
    const unit = h("small");
    const interval = h("small", {
      class: "interval",
      title: "95 % interval, or what the choice of a threshold leaves open",
    });
    const head = h("th", { scope: "row", tabindex: 0 }, featureLabel(feature.name), " ", unit, interval);
    let why = "";
    explain(head, () => [
      h("p", {}, feature.meaning),
      why && h("p", { class: "bad" }, `Withheld: ${why}`),
      h("p", { class: "soft" }, `Column ${feature.name} of the tables.`),
    ]);
    const element = h("tr", {}, head, cells.value, cells.saved, cells.change);
    return {
      element,
      show(now, saved, unitOf) {
        unit.textContent = unitOf(feature.unit);
        const limits = now?.intervals?.[feature.name];
        interval.textContent = limits ? `${number(limits[0])} to ${number(limits[1])}` : "";
        why = now && !isNumber(now.features[feature.name]) ? reason(now) : "";
        element.title = why && `Withheld: ${why}`;
        showRow(
          element,
          cells,
          now && { value: now.features[feature.name] ?? null },
          saved && (saved.features[feature.name] ?? null),
        );
      },
    };
  });
  place.append(
    h(
      "table",
      { class: "figures" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["Measured", "now", "saved", "change"].map((text, column) =>
            h("th", { scope: "col", class: column ? "number" : null }, text),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) => row.element),
      ),
    ),
  );
  return rows;
}

function showRow(element, cells, now, before) {
  const withheld = now && !isNumber(now.value);
  element.classList.toggle("withheld", Boolean(withheld));
  element.classList.toggle("changed", Boolean(now) && isNumber(now.value) && isNumber(before) && now.value !== before);
  cells.value.textContent = !now ? "" : withheld ? "withheld" : number(now.value);
  cells.saved.textContent = before === null || before === undefined ? DASH : number(before);
  replace(cells.change, now ? change(now.value, before) : "");
}

function change(value, before) {
  if (!isNumber(value) || !isNumber(before)) return [""];
  if (value === before) return [h("span", { class: "soft" }, "=")];
  const share = percent(value, before);
  return [
    signed(value - before, 2),
    share === null
      ? ""
      : h("small", { class: "share" }, `${share > 0 ? "+" : ""}${number(Number(share.toPrecision(2)), 2)} %`),
  ];
}

/** Why a number is withheld: what the flags that are not good say. */
function reason(numbers) {
  const bad = numbers.flags.filter((flag) => !flag.good).map((flag) => flag.text);
  return bad.length ? bad.join("; ") : "There is nothing to measure it on.";
}

/** What is not good stands there; what is good can be looked up. */
function showFlags(place, flags) {
  const wasOpen = place.querySelector("details")?.open ?? false;
  const good = flags.filter((flag) => flag.good);
  replace(
    place,
    h("ul", { class: "plain" }, flags.filter((flag) => !flag.good).map(flagLine)),
    good.length > 0 &&
      h(
        "details",
        { open: wasOpen },
        h("summary", { class: "good" }, `✓ ${count(good.length, "check")} good`),
        h("ul", { class: "plain" }, good.map(flagLine)),
      ),
  );
}

/** A flag in symbol and words; its colour only repeats them. */
export function flagLine(flag) {
  return h(
    "li",
    { class: flag.good ? "good" : "bad" },
    h("span", { class: "symbol", "aria-hidden": "true" }, flag.good ? "✓" : "⚠"),
    h("span", { class: "unseen" }, flag.good ? "Good: " : "Not good: "),
    flag.text,
  );
}

function predicted(now, saved, model) {
  if (!model)
    return h(
      "p",
      { class: "hint" },
      "No model was given, so nothing is predicted. Start with --model to see a prediction here.",
    );
  if (!now) return h("p", { class: "hint" }, `${model.name}: no prediction for this picture.`);
  const unit = unitText(now.unit ?? model.unit);
  const known = isNumber(now.value);
  return [
    h("h3", {}, `Predicted ${targetLabel(model.target, model.unit)}`),
    h(
      "p",
      { class: "big" },
      known ? number(now.value) : String(now.class ?? "withheld"),
      known && h("small", {}, ` ${unit}`),
      known && now.class && h("span", { class: "badge" }, now.class),
    ),
    isNumber(now.low) &&
      h(
        "p",
        {},
        `${number(now.low)} to ${number(now.high)} ${unit}`,
        now.level ? ` (${number(100 * now.level)} % interval)` : "",
      ),
    saved &&
      isNumber(saved.value) &&
      known &&
      saved.value !== now.value &&
      h(
        "p",
        { class: "soft" },
        `saved settings: ${number(saved.value)}; change ${number(percent(now.value, saved.value), 2)} %`,
      ),
    now.warning && h("p", { class: "bad" }, h("span", { class: "symbol", "aria-hidden": "true" }, "⚠"), now.warning),
    model.name !== "model" && h("p", { class: "soft" }, `model ${model.name}`),
  ];
}

let asked = 0;
/** The row of the region that was clicked; asked for anew when the segmentation changes. */
async function showRegion(store, api, place) {
  const { selected, picture, settings, corrections } = store.state;
  const ask = (asked += 1);
  if (!selected || !picture)
    return replace(place, h("p", { class: "hint" }, "Click a grain or a pore to see its measures."));
  const at = selected.at ?? [selected.row, selected.col];
  try {
    const answer = await api.post(`/api/pictures/${picture.index}/region`, {
      settings,
      corrections,
      row: at[0],
      col: at[1],
    });
    if (ask !== asked) return;
    if (!answer.phase) return replace(place, h("p", { class: "hint" }, "No grain or pore there under these settings."));
    replace(
      place,
      h(
        "h3",
        {},
        `${answer.phase === "pore" ? "Pore" : "Grain"} ${answer.label}`,
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            "aria-label": "Choose no region",
            on: { click: () => store.set({ selected: null }) },
          },
          "×",
        ),
      ),
      h(
        "table",
        { class: "figures" },
        h(
          "tbody",
          {},
          answer.values.map(({ name, value, unit, meaning }) =>
            h(
              "tr",
              {},
              h("th", { scope: "row", title: meaning }, featureLabel(name), " ", h("small", {}, unitText(unit))),
              h("td", { class: "number" }, number(value)),
            ),
          ),
        ),
      ),
    );
  } catch (error) {
    if (ask === asked) replace(place, h("p", { class: "fault" }, error.message));
  }
}

const SAID = { erase: "erased", merge: "merged", split: "split", paint: "painted" };

function showCorrections(store, place) {
  const { corrections = [], numbers, work, picture } = store.state;
  if (corrections.length === 0) return replace(place, h("p", { class: "hint" }, "No corrections by hand."));
  const saved = work?.[picture?.index]?.saved.corrections ?? [];
  const tally =
    numbers &&
    [
      `${numbers.corrections_applied} applied`,
      numbers.corrections_missed > 0 && `${numbers.corrections_missed} found nothing to act on`,
    ]
      .filter(Boolean)
      .join(", ");
  replace(
    place,
    h(
      "details",
      { open: true },
      h(
        "summary",
        {},
        `${count(corrections.length, "correction")}${tally ? `: ${tally}` : ""}`,
        !sameCorrections(corrections, saved) && h("span", { class: "badge" }, "not saved"),
      ),
      h(
        "ol",
        {},
        corrections.map((operation, place_) =>
          h(
            "li",
            {},
            `${operation.phase} ${SAID[operation.kind] ?? operation.kind} at ${where(operation)}`,
            h(
              "button",
              {
                type: "button",
                class: "quiet",
                "aria-label": `Delete correction ${place_ + 1}`,
                on: { click: () => store.set({ corrections: corrections.filter((other) => other !== operation) }) },
              },
              "×",
            ),
          ),
        ),
      ),
    ),
  );
}

function where({ at, stroke }) {
  const [row, col] = stroke ? stroke[0] : Array.isArray(at[0]) ? at[0] : at;
  return `row ${Math.round(row)}, column ${Math.round(col)}`;
}
