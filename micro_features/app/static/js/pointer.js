/**
 * Pointers on the stage: wheel and two fingers zoom, a drag moves the picture where the tool leaves it to (and always
 * with the middle button or the space bar held), everything else goes to the tool.
 */

const CLICK_PX = 4; // a press that moves less is a click
const WHEEL = 0.0016; // of a zoom per unit of the wheel
const LINE_PX = 20; // of a wheel that counts in lines

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{zoom: function(number, number, number), move: function(number, number, number, number), act: Object}} hand
 *   `zoom(factor, x, y)`, `move(dx, dy, x, y)` in CSS pixels of the canvas; `act` is what tools do: `drags()` whether a
 *   drag is the tool's own, and `down`, `drag`, `up`, `click`, `double`, `hover`, `leave`, `cancel`, each given
 *   (x, y, event)
 * @returns {{holdSpace: function(boolean): void}}
 */
export function followPointers(canvas, { zoom, move, act }) {
  const pointers = new Map(); // id to where it is
  let press = null; // {id, x, y, mine, moved}: mine says that the picture is moved, not the tool's
  let space = false;
  let pinch = null;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const grabbing = (now) => canvas.parentElement.classList.toggle("grabbing", now);

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = at(event);
      const unit = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? 400 : 1;
      // Trackpads send a pinch as a wheel with Ctrl, in small steps.
      const delta = Math.max(-300, Math.min(300, event.deltaY * unit)) * (event.ctrlKey ? 6 : 1);
      zoom(Math.exp(-delta * WHEEL), x, y);
      act.hover(x, y, event);
    },
    { passive: false },
  );

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // no automatic scrolling
    const { x, y } = at(event);
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x, y });
    if (pointers.size === 2) {
      if (press && !press.mine) act.cancel();
      press = null;
      pinch = spread();
      return;
    }
    if (pointers.size > 2) return;
    press = {
      id: event.pointerId,
      x,
      y,
      mine: event.button === 1 || space || !act.drags(),
      canClick: event.button === 0 && !space,
      moved: false,
    };
    if (press.mine) grabbing(true);
    else act.down(x, y, event);
  });

  canvas.addEventListener("pointermove", (event) => {
    const { x, y } = at(event);
    const last = pointers.get(event.pointerId);
    if (last) pointers.set(event.pointerId, { x, y });
    if (pinch && pointers.size === 2) {
      const next = spread();
      move(next.x - pinch.x, next.y - pinch.y, next.x, next.y);
      zoom(next.size / pinch.size, next.x, next.y);
      pinch = next;
      return;
    }
    if (press?.id === event.pointerId) {
      if (Math.hypot(x - press.x, y - press.y) >= CLICK_PX && !press.moved) {
        press.moved = true;
        if (press.mine) move(x - press.x, y - press.y, press.x, press.y);
      } else if (press.moved && press.mine) {
        move(x - last.x, y - last.y, press.x, press.y);
      }
      if (press.moved && !press.mine) {
        // All points in between, too: a quick stroke stays a smooth one.
        for (const each of event.getCoalescedEvents?.() ?? [event]) {
          const point = at(each);
          act.drag(point.x, point.y, event);
        }
      }
    }
    act.hover(x, y, event);
  });

  const end = (event) => {
    const { x, y } = at(event);
    pointers.delete(event.pointerId);
    if (pointers.size < 2) pinch = null;
    grabbing(false);
    if (press?.id !== event.pointerId) return;
    const { mine, moved, canClick } = press;
    press = null;
    if (event.type === "pointercancel") return act.cancel();
    if (!mine) act.up(x, y, event, moved);
    else if (!moved && canClick) act.click(x, y, event);
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", (event) => act.leave(event));
  canvas.addEventListener("dblclick", (event) => {
    const { x, y } = at(event);
    act.double(x, y, event);
  });
  canvas.addEventListener("auxclick", (event) => event.preventDefault());

  function spread() {
    const [one, other] = [...pointers.values()];
    return {
      x: (one.x + other.x) / 2,
      y: (one.y + other.y) / 2,
      size: Math.max(10, Math.hypot(one.x - other.x, one.y - other.y)),
    };
  }
  return {
    holdSpace(now) {
      space = now;
      if (!press) grabbing(now);
    },
  };
}
