/** One line at the foot of the picture: what a tool is for, and, for a while, what just happened. */

const SHOWN_MS = 5000;
let usual = "";
let timer = 0;

/** Say what happened; it is read out, too. */
export function say(text) {
  write(text);
  clearTimeout(timer);
  timer = setTimeout(() => write(usual), SHOWN_MS);
}

/** What the line says while nothing happens. */
export function sayUsually(text) {
  usual = text;
  clearTimeout(timer);
  write(text);
}

function write(text) {
  const place = document.getElementById("status");
  if (place.textContent !== text) place.textContent = text;
  place.title = text;
}
