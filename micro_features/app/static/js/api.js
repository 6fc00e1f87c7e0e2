/** Talking to the server that served the page: the token of the address, JSON, and arrays as bytes. */

const ALIGNMENT = 8;
const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };

/**
 * What the server refused, in its words.
 * `status` is HTTP's (0 where nobody answered), `body` what came with it.
 */
export class ApiError extends Error {
  constructor(message, status, body) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }
}

/**
 * @param {string} token
 * @returns {Object} `get`, `post`, `put`, `delete` give JSON; `blob` and `frame` bytes. Paths begin with /api/.
 */
export function makeApi(token) {
  async function call(path, { method = "GET", body, signal } = {}) {
    const headers = { "X-Token": token };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    else if (method === "POST" || method === "PUT") headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await fetch(path, {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The server does not answer. Is `micro-features tune` still running?", 0, null);
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => null);
    throw new ApiError(said?.error ?? `The server answered ${answer.status} to ${path}.`, answer.status, said);
  }
  const json = async (path, options) => {
    const answer = await call(path, options);
    return answer.status === 204 ? null : answer.json();
  };
  return {
    get: (path, options) => json(path, { ...options }),
    post: (path, body, options) => json(path, { ...options, method: "POST", body }),
    put: (path, body, options) => json(path, { ...options, method: "PUT", body }),
    delete: (path, options) => json(path, { ...options, method: "DELETE" }),
    blob: async (path, options) => (await call(path, options)).blob(),
    /** Null where a newer request superseded this one. */
    async frame(path, body, options) {
      const answer = await call(path, { ...options, method: "POST", body });
      return answer.status === 204 ? null : decoded(await answer.arrayBuffer());
    },
  };
}

/** The token in the page's address; it stays there, so that reloading works. */
export function tokenOf(address) {
  return new URL(address).searchParams.get("token") ?? "";
}

/**
 * A head and arrays that came as one piece (see frames.py); all but labels lie over the bytes, nothing is copied.
 * @param {ArrayBuffer} buffer
 * @returns {{head: Object, arrays: Object<string, Uint8Array|Uint16Array|Uint32Array|Float32Array>}}
 */
export function decoded(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = Math.ceil((4 + length) / ALIGNMENT) * ALIGNMENT;
  const arrays = {};
  for (const { name, dtype, shape, offset, runs, lengths } of head.arrays) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const stored = new ARRAYS[dtype](buffer, start + offset, runs ?? size);
    arrays[name] = runs === undefined ? stored : unrolled(stored, new Uint32Array(buffer, start + lengths, runs), size);
  }
  return { head, arrays };
}

/** Runs of equal values as the array that they stand for. */
function unrolled(values, lengths, size) {
  const array = new values.constructor(size);
  let start = 0;
  for (let run = 0; run < values.length; run += 1) {
    const end = start + lengths[run];
    if (values[run] !== 0) array.fill(values[run], start, end);
    start = end;
  }
  return array;
}
