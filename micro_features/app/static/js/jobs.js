/** Work that takes the server a while: asked for once, looked after politely, stopped when nobody wants it any more. */

const FIRST_MS = 300;
const SLOWEST_MS = 2000;

/**
 * Run a job to its end.
 * @param {Object} api
 * @param {Object} body kind of the job and what it needs
 * @param {function(Object): void} progress told the state of the job each time it is known
 * @param {AbortSignal} signal aborting it stops the job on the server, too
 * @returns {Promise<Object|null>} the finished job; null where it was aborted
 * @throws {Error} where the job failed
 */
export async function runJob(api, body, progress, signal) {
  const { job } = await api.post("/api/jobs", body);
  let wait = FIRST_MS;
  while (!signal.aborted) {
    const state = await api.get(`/api/jobs/${encodeURIComponent(job)}`).catch((error) => {
      if (error.status) throw error;
      return null; // out of reach for a while; the job goes on meanwhile
    });
    if (signal.aborted) break;
    if (state) {
      progress(state);
      if (state.error) throw new Error(state.error);
      if (state.finished) return state;
    }
    await pause(wait, signal);
    wait = Math.min(SLOWEST_MS, wait * 1.3);
  }
  await api.delete(`/api/jobs/${encodeURIComponent(job)}`).catch(() => {}); // it may be over by now
  return null;
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
