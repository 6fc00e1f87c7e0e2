/** "Apply to all": what the settings change in every picture, before anything is saved. */

import { h, open, replace } from "./dom.js";
import { defaults } from "./editing.js";
import { differences } from "./edits.js";
import { effectsTable, summary } from "./effects.js";
import { settingText } from "./format.js";
import { runJob } from "./jobs.js";
import { progressBar } from "./progress.js";
import { save } from "./saving.js";

/** @param {HTMLElement} element gets the button that opens it */
export function start(store, api, element) {
  element.append(h("button", { type: "button", on: { click: () => show(store, api) } }, "Apply to all …"));
}

function show(store, api) {
  const { session, file, edits } = store.state;
  if (!file) return;
  const changes = differences(file.saved, edits.globals, defaults(store));
  const stop = new AbortController();
  const keep = h("button", { type: "button", class: "main", disabled: true }, "Save for all");
  const cancel = h("button", { type: "button" }, "Cancel");
  const bar = progressBar("Measuring every picture with the saved settings and with these");
  const place = h(
    "div",
    {},
    changes.length ? bar.element : h("p", {}, "These settings are the saved ones: nothing would change."),
  );
  const dialog = open(
    "Apply these settings to all pictures",
    [
      h(
        "p",
        {},
        changes.length
          ? "Nothing is written before you choose to save. What pictures have of their own, and corrections, stay."
          : "",
      ),
      changes.length > 0 &&
        h(
          "ul",
          { class: "plain changes" },
          changes.map(({ name, from, to }) =>
            h("li", {}, h("code", {}, name), ` ${settingText(from)} → ${settingText(to)}`),
          ),
        ),
      place,
    ],
    [cancel, keep],
    "broad",
    () => stop.abort(),
  );
  cancel.addEventListener("click", () => dialog.close());
  keep.addEventListener("click", async () => {
    dialog.close();
    await save(store, api);
  });
  cancel.focus();
  if (!changes.length) return;

  const names = (index) => session.pictures[index]?.name ?? `picture ${index + 1}`;
  const progress = (job) => {
    bar.update(job);
    if (job.rows.length)
      replace(place, bar.element, h("p", { class: "hint" }, `So far: ${summary(job.rows, session.features)}`));
  };
  runJob(api, { kind: "compare", settings: edits.globals, corrections: [] }, progress, stop.signal)
    .then((job) => {
      if (!job) return;
      replace(
        place,
        h("p", { class: "strong", role: "status" }, summary(job.rows, session.features)),
        effectsTable(job.rows, session.features, names),
      );
      keep.disabled = false;
    })
    .catch((error) => replace(place, h("p", { class: "fault", role: "alert" }, error.message)));
}
