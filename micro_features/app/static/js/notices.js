/** What a person should know before going on: a settings file that can not be read, and what just failed. */

import { h, replace } from "./dom.js";

/** Fill the element with notices, where there are any. */
export function start(store, api, element) {
  const update = () => {
    const { session, error } = store.state;
    const lines = [];
    const unread = session?.settings.error;
    if (unread) lines.push(h("p", {}, h("strong", {}, "The settings file can not be read. "), `${unread} The page works with the defaults; saving would write the file anew.`));
    if (error) {
      lines.push(h("p", {}, h("span", { class: "symbol", "aria-hidden": "true" }, "⚠"), String(error.message ?? error),
        h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", on: { click: () => store.set({ error: null }) } }, "×")));
    }
    element.hidden = lines.length === 0;
    element.setAttribute("role", "alert");
    replace(element, lines);
  };
  store.on(["session", "error"], update);
  update();
}
