/** "How much do the thresholds matter?": each one through its plausible range, for the picture that is open. */

import { announce, h, open, replace } from "./dom.js";
import { featureLabel, isNumber, targetLabel } from "./format.js";
import { runJob } from "./jobs.js";
import { progressBar } from "./progress.js";
import { ranked, span, tornado, tornadoTable } from "./tornado.js";

/** @param {HTMLElement} element gets the button that opens it */
export function start(store, api, element) {
  element.append(
    h("button", { type: "button", on: { click: () => show(store, api) } }, "How much do the thresholds matter?"),
  );
}

function show(store, api) {
  const { picture, settings, corrections, session } = store.state;
  if (!picture) return;
  const stop = new AbortController();
  const place = h("div", { class: "sensitivity" });
  const bar = progressBar("Measuring with each threshold at both ends of its plausible range");
  replace(place, bar.element);
  open(
    `How much do the thresholds matter? ${picture.name}`,
    [
      h(
        "p",
        {},
        "Each threshold alone goes through the range in which two careful people might choose it; the rest stays as it " +
          "is now. A number that moves far with a threshold is not known better than that.",
      ),
      place,
    ],
    [],
    "broad",
    () => stop.abort(),
  );

  runJob(api, { kind: "sensitivity", picture: picture.index, settings, corrections }, bar.update, stop.signal)
    .then((job) => job && replace(place, outcome(job.result, session)))
    .catch((error) => replace(place, h("p", { class: "fault", role: "alert" }, error.message)));
}

/** The chart and the table of one number, and the choice of the number. */
function outcome(result, session) {
  const rows = [...(result.prediction ?? []), ...result.rows];
  const features = [...new Set(rows.map((row) => row.feature))].filter((name) =>
    ranked(rows, name).some((row) => span(row) > 0),
  );
  const describe = describer(session);
  if (features.length === 0) return h("p", { class: "hint" }, "No threshold moves any number of this picture.");
  const view = h("div");
  const draw = (name) => {
    const about = describe.feature(name);
    const all = ranked(rows, name);
    const order = all.filter((row) => span(row) > 0 || !isNumber(row.at_low) || !isNumber(row.at_high));
    const idle = all.filter((row) => !order.includes(row)).map((row) => describe.setting(row.setting).label);
    replace(
      view,
      tornado(order, about, describe.setting),
      tornadoTable(order, about, describe.setting),
      idle.length > 0 && h("p", { class: "hint" }, `Without effect on it: ${idle.join(", ")}.`),
    );
    announce(`${about.label}: ${describe.setting(order[0].setting).label} matters most`);
  };
  const choose = h(
    "select",
    { id: "sensitivity-feature", on: { change: (event) => draw(event.target.value) } },
    features.map((name) => h("option", { value: name }, describe.feature(name).label)),
  );
  draw(features[0]);
  return [h("p", {}, h("label", { for: "sensitivity-feature" }, "What is measured "), choose), legend(), view];
}

function legend() {
  return h(
    "p",
    { class: "legend" },
    h("span", { class: "swatch low" }),
    "setting at its low end ",
    h("span", { class: "swatch high" }),
    "at its high end",
  );
}

function describer(session) {
  const features = new Map(session.features.map((feature) => [feature.name, feature]));
  const controls = new Map(session.controls.map((control) => [control.name, control]));
  return {
    feature(name) {
      if (name === "prediction" && session.model)
        return {
          label: `predicted ${targetLabel(session.model.target, session.model.unit)}`,
          unit: session.model.unit,
        };
      return { label: featureLabel(name), unit: features.get(name)?.unit ?? "" };
    },
    setting(name) {
      const control = controls.get(name);
      return control
        ? { label: `${control.section} ${control.label}`.trim(), unit: control.unit }
        : { label: name, unit: "" };
    },
  };
}
