/** Puts the page together: one store, one connection to the server, and modules that each fill their own element. */

import { makeApi, tokenOf } from "./api.js";
import { followIndex } from "./opening.js";
import { beginning, makeStore } from "./store.js";

import * as apply from "./apply.js";
import * as compare from "./compare.js";
import * as controls from "./controls.js";
import * as drafts from "./drafts.js";
import * as editing from "./editing.js";
import * as help from "./help.js";
import * as histograms from "./histograms.js";
import * as history from "./history.js";
import * as layersPanel from "./layers_panel.js";
import * as numbers from "./numbers.js";
import * as saving from "./saving.js";
import * as scope from "./scope.js";
import * as sensitivity from "./sensitivity.js";
import * as shortcuts from "./shortcuts.js";
import * as stage from "./stage.js";
import * as strip from "./strip.js";
import * as tools from "./tools.js";
import * as updates from "./updates.js";

// Listeners hear in this order: what is edited follows from the picture before anything is asked of the server for it.
const PARTS = [
  [editing, "controls"],
  [updates, "status"],
  [stage, "stage"],
  [tools, "tools"],
  [compare, "compare"],
  [shortcuts, "stage"],
  [drafts, "drafts"],
  [saving, "saving"],
  [scope, "scope"],
  [history, "history"],
  [controls, "control-list"],
  [layersPanel, "layers"],
  [numbers, "measures"],
  [histograms, "histograms"],
  [strip, "strip"],
  [apply, "apply"],
  [sensitivity, "sensitivity"],
  [help, "help"],
];

const store = makeStore(beginning());
const api = makeApi(tokenOf(location.href));
// For tests, and for whoever opens the console to see how quick the page is.
window.microFeatures = { store, latencies: [], draws: [] };

const problem = document.getElementById("problem");
store.on(["error"], () => {
  problem.hidden = !store.state.error;
  problem.textContent = store.state.error ?? "";
});

for (const [part, id] of PARTS) part.start(store, api, document.getElementById(id));
followIndex(store, api);

try {
  store.set({ session: await api.get("/api/session") });
} catch (error) {
  store.set({ error: error.message });
}
