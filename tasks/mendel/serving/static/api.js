/** The service's API: the key that it may ask for, and its refusals as errors. Addresses are relative to the page's. */

const KEY = "mendel-key";

/** The service has answered no; `status` 0: it did not answer at all. */
export class Refusal extends Error {
  constructor(status, detail, retryAfter = null) {
    super(detail);
    this.status = status;
    /** Seconds to wait, or null. */
    this.retryAfter = retryAfter;
  }
}

export const useKey = (key) => sessionStorage.setItem(KEY, key);
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

export const get = async (path, signal) => (await ask(path, { signal })).json();
export const blob = async (path, signal) => (await ask(path, { signal })).blob();
export const post = async (path, body, signal) => (await send(path, body, signal)).json();
export const postForBlob = async (path, body, signal) => (await send(path, body, signal)).blob();
/** The answer, and the `requestId` by which feedback names it. */
export const upload = async (path, file, signal) => {
  const response = await ask(path, { method: "POST", headers: { Accept: "application/json" }, body: file, signal });
  return { ...(await response.json()), requestId: response.headers.get("X-Request-ID") };
};

const send = (path, body, signal) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    // A half of a surrogate pair, which a text field may hold, has no place in UTF-8.
    body: JSON.stringify(body, (_, value) => (typeof value === "string" ? value.toWellFormed() : value)),
    signal,
  });

async function ask(path, options) {
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key === null ? {} : { "X-API-Key": key }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The service cannot be reached.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const detail = problem.detail ?? `The service answered ${response.status} ${response.statusText}.`;
  throw new Refusal(response.status, detail, Number.isNaN(seconds) ? null : seconds);
}
