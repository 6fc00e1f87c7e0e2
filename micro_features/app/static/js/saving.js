/** Saving, exporting, and telling what is not saved. */

import * as connection from "./connection.js";
import { announce, ask, h, replace } from "./dom.js";
import { defaults, publish, step, unsaved } from "./editing.js";
import { differences, withOwn } from "./edits.js";
import { count, settingText } from "./format.js";

/** Fill the element with the buttons for saving and exporting. */
export function start(store, api, element) {
  const button = h(
    "button",
    { type: "button", class: "main", "aria-keyshortcuts": "Control+S", on: { click: () => save(store, api) } },
    "Save",
  );
  const zip = h("button", { type: "button", on: { click: () => exported(store, api, zip) } }, "Export");
  const state = h("span", { class: "save-state", role: "status" });
  element.append(state, zip, button);
  zip.title = "Tables, overlay and label images of this picture as they are now, as one zip file";

  notices(store, api, document.getElementById("notices"));

  const title = document.title;
  const update = () => {
    const { file, draftError, saving } = store.state;
    if (!file) return;
    const open = unsaved(store.state);
    const isOpen = open.globals || open.pictures.length > 0;
    document.title = isOpen ? `● ${title}` : title;
    button.disabled = !isOpen || Boolean(saving);
    button.title = isOpen ? `Save ${whatIs(open)} (Ctrl+S)` : "Everything is saved";
    state.classList.toggle("unsaved", isOpen);
    replace(
      state,
      saving ? "Saving …" : isOpen ? "Not saved" : "Saved",
      draftError && h("span", { class: "bad" }, " ⚠ no draft"),
    );
    state.title = [
      button.title,
      draftError && `What is not saved is in this tab alone, no draft was kept: ${draftError}`,
    ]
      .filter(Boolean)
      .join(". ");
  };
  store.on(["edits", "work", "file", "saving", "draftError"], update);
  update();

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "s") return;
    event.preventDefault(); // the browser's own "save page" is never what is meant here
    document.activeElement?.closest(".being-typed")?.dispatchEvent(new Event("change")); // what is typed counts
    if (!document.querySelector("dialog[open]")) save(store, api);
  });
  addEventListener("beforeunload", (event) => {
    const open = unsaved(store.state);
    if (open.globals || open.pictures.length > 0) event.preventDefault();
  });
}

/** What stands in the way of saving: no connection, or a file that can not be read. */
function notices(store, api, place) {
  const lost = h("div", { class: "notice bad-news", role: "alert", hidden: true });
  const unread = h("div", { class: "notice bad-news", role: "alert", hidden: true });
  place.append(lost, unread);
  connection.start(store, api, lost);
  store.on(["file"], () => {
    const error = store.state.file?.error;
    unread.hidden = !error;
    replace(
      unread,
      error && [
        h("strong", {}, "The settings file can not be read. "),
        h("span", {}, `${error} The page works with the defaults; saving would write the file anew.`),
      ],
    );
  });
}

function whatIs({ globals, pictures }) {
  return [globals && "settings", pictures.length > 0 && count(pictures.length, "picture")]
    .filter(Boolean)
    .join(" and ");
}

/**
 * Write settings and what is the pictures' own.
 * @returns {Promise<boolean>} whether all of it is on disk
 */
export async function save(store, api) {
  if (store.state.saving) return false;
  const open = unsaved(store.state);
  store.set({ saving: true, error: null });
  try {
    if (open.globals && !(await saveSettings(store, api, store.state.file.revision))) return false;
    for (const index of open.pictures) {
      if (!(await saveTuned(store, api, index, store.state.work[index].revision))) return false;
    }
    announce("Saved");
    return true;
  } catch (error) {
    store.set({ error: `Not saved: ${error.message}` });
    return false;
  } finally {
    store.set({ saving: false });
  }
}

async function saveSettings(store, api, revision) {
  const { globals } = store.state.edits;
  try {
    const answer = await api.put("/api/settings", { settings: globals, revision });
    settingsAre(store, globals, answer.revision);
    return true;
  } catch (error) {
    if (error.status !== 409) throw error;
    const { saved, revision: theirs } = error.body;
    const choice = await askWhich(
      store,
      "The settings file changed",
      `${store.state.file.file} was written by someone else (another tab, an editor) since it was read here.`,
      differences(saved, globals, defaults(store)),
      [],
    );
    if (choice === "mine") return saveSettings(store, api, theirs);
    if (choice === "theirs") {
      settingsAre(store, saved, theirs);
      step(store, { ...store.state.edits, globals: saved }, "settings as they are on disk");
      return true;
    }
    return false;
  }
}

/** What is on disk now, for every comparison with "saved". */
function settingsAre(store, saved, revision) {
  store.set({ file: { ...store.state.file, saved, revision, exists: true, error: null } });
  publish(store, store.state.edits);
}

async function saveTuned(store, api, index, revision) {
  const settings = store.state.edits.own[index] ?? {};
  const { corrections } = store.state.work[index];
  try {
    const answer = await api.put(`/api/pictures/${index}/tuned`, { settings, corrections, revision });
    tunedIs(store, index, { settings, corrections }, answer.revision);
    return true;
  } catch (error) {
    if (error.status !== 409) throw error;
    const { saved, revision: theirs } = error.body;
    const { name } = store.state.session.pictures[index];
    const counts = [{ name: "corrections by hand", from: saved.corrections.length, to: corrections.length }];
    const choice = await askWhich(
      store,
      `The file of ${name} changed`,
      `What is ${name}'s own was written by someone else since it was read here.`,
      differences(saved.settings, settings, defaults(store)),
      counts,
    );
    if (choice === "mine") return saveTuned(store, api, index, theirs);
    if (choice === "theirs") {
      tunedIs(store, index, saved, theirs);
      const { work, picture, edits } = store.state;
      store.set({ work: { ...work, [index]: { ...work[index], corrections: saved.corrections } } });
      publish(
        store,
        withOwn(edits, index, saved.settings),
        picture?.index === index ? { corrections: saved.corrections } : {},
      );
      return true;
    }
    return false;
  }
}

function tunedIs(store, index, saved, revision) {
  const { work } = store.state;
  store.set({ work: { ...work, [index]: { ...work[index], saved, revision, recovered: null } } });
  publish(store, store.state.edits);
}

/** Mine, theirs, or neither: with what differs. */
function askWhich(store, title, text, rows, counts) {
  const lines = [...rows, ...counts].map(({ name, from, to }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      h("td", { class: "number" }, settingText(from)),
      h("td", { class: "number" }, settingText(to)),
    ),
  );
  const table = h(
    "table",
    { class: "figures" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["", "on disk", "mine"].map((word) => h("th", { scope: "col", class: "number" }, word)),
      ),
    ),
    h("tbody", {}, lines),
  );
  return ask(
    title,
    [h("p", {}, text), rows.length + counts.length ? table : h("p", {}, "The values are the same.")],
    [
      { value: "cancel", label: "Cancel" },
      { value: "theirs", label: "Reload theirs" },
      { value: "mine", label: "Overwrite with mine", kind: "danger" },
    ],
  );
}

async function exported(store, api, button) {
  const { picture, settings, corrections } = store.state;
  if (!picture) return;
  button.disabled = true;
  try {
    const blob = await api.blob(`/api/pictures/${picture.index}/export`, {
      method: "POST",
      body: { settings, corrections },
    });
    const address = URL.createObjectURL(blob);
    h("a", { href: address, download: `${picture.name.replace(/[^\w.-]+/g, "_")}.zip` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    announce("Exported");
  } catch (error) {
    store.set({ error: `Not exported: ${error.message}` });
  } finally {
    button.disabled = false;
  }
}
