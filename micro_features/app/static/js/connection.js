/** Tells when the server is out of reach, tries again until it answers, and has what was missed asked for anew. */

import { announce, h, replace } from "./dom.js";

const FIRST_MS = 1000;
const SLOWEST_MS = 8000;

/** Watch the connection, and fill the element with a notice while it is lost. */
export function start(store, api, element) {
  element.hidden = true;
  let lost = false;
  const restored = () => {
    lost = false;
    element.hidden = true;
    announce("The server answers again");
    // The same settings as a new object: whoever follows them asks for labels and numbers again.
    store.set({ connected: true, error: null, settings: { ...store.state.settings } });
  };
  const notice = (text) => replace(element, h("strong", {}, "No connection to the server. "), h("span", {}, text));
  // That nobody answers is said once, here.
  store.on(["error"], () => {
    if (lost && store.state.error?.includes("does not answer")) store.set({ error: null });
  });
  const again = async (wait) => {
    try {
      await api.get("/api/session");
      restored();
    } catch (error) {
      if (error.status)
        notice(
          "Another server answers here: open the address that `micro-features tune` printed. " +
            "Unsaved corrections are offered back there.",
        );
      setTimeout(() => again(Math.min(SLOWEST_MS, wait * 1.5)), wait);
    }
  };
  watchFetch(() => {
    if (lost) return;
    lost = true;
    notice(
      "Trying again; what you change stays in this tab. " +
        "If `micro-features tune` was ended, start it again and open the address that it prints.",
    );
    element.hidden = false;
    store.set({ connected: false });
    setTimeout(() => again(FIRST_MS), FIRST_MS);
  });
}

/** All requests go through fetch, whoever makes them: one that does not reach the server is seen here first. */
function watchFetch(failed) {
  const original = globalThis.fetch;
  globalThis.fetch = async (...request) => {
    try {
      return await original(...request);
    } catch (error) {
      if (error.name !== "AbortError") failed(); // that one was taken back by the page itself
      throw error;
    }
  };
}
