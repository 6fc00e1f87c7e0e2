/**
 * Elements made from JavaScript: text is always set as text, so nothing from a file name or a setting is read as HTML.
 */

/**
 * An HTML element.
 * @param {string} tag
 * @param {Object<string, any>} [properties] `class`, `dataset`, `style` (object), `on` ({event: function}), `aria-…` and
 *   other attributes; true and false stand for an attribute that is there or not. Null leaves it out.
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element; else as `h`. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "style") for (const [rule, text] of Object.entries(value)) element.style.setProperty(rule, text);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** What an element holds, exchanged, where `children` may hold null and lists as in `h`. */
export function replace(element, ...children) {
  element.replaceChildren(...present(children));
}

/**
 * A function that runs `work` once a frame at most, however often it is called.
 * @param {function(): void} work
 * @returns {function(): void}
 */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/**
 * Ask in a dialog and wait for the answer; Escape is the answer null. The focus goes back to where it was.
 * @param {string} title
 * @param {Array<Node|string>} content
 * @param {Array<{value: string, label: string, kind?: "main"|"danger"}>} answers the first has the focus
 * @param {string} [kind] class of the dialog, for its width
 * @returns {Promise<string|null>}
 */
export function ask(title, content, answers, kind = "") {
  return new Promise((resolve) => {
    const { box, close } = open(
      title,
      content,
      answers.map(({ value, label, kind: look }) =>
        h("button", { type: "button", class: look ?? "", on: { click: () => close(value) } }, label),
      ),
      kind,
      resolve,
    );
    box.querySelector("footer button")?.focus();
  });
}

/**
 * Open a dialog that stays until it is closed.
 * @param {string} title
 * @param {Array<Node|string>} content
 * @param {Array<Node>} buttons
 * @param {string} kind class of the dialog
 * @param {function(string|null): void} closed told the answer
 * @returns {{box: HTMLDialogElement, close: function(string|null=): void}}
 */
export function open(title, content, buttons, kind = "", closed = () => {}) {
  const before = document.activeElement;
  const label = `dialog-${Math.random().toString(36).slice(2)}`;
  const head = h("h2", { id: label }, title);
  const dismiss = h(
    "button",
    { type: "button", class: "quiet dismiss", "aria-label": "Close", on: { click: () => box.close() } },
    "×",
  );
  const box = h(
    "dialog",
    { class: `panel-dialog ${kind}`, "aria-labelledby": label },
    h("header", {}, head, dismiss),
    h("div", { class: "dialog-body" }, content),
    buttons.length > 0 && h("footer", {}, buttons),
  );
  let answer = null;
  box.addEventListener("close", () => {
    box.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    closed(answer);
  });
  document.body.append(box);
  box.showModal();
  return {
    box,
    close: (value = null) => {
      answer = value;
      box.close();
    },
  };
}

/**
 * Say something to those who do not see it happen.
 * @param {string} text
 */
export function announce(text) {
  let place = document.getElementById("announcements");
  if (!place) {
    place = h("div", { id: "announcements", class: "unseen", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  place.textContent = text;
}

/** Whether a key press goes into an entry, where shortcuts of the page have nothing to say. */
export function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target.tagName === "INPUT" && !["checkbox", "radio", "range", "button"].includes(target.type);
}
