/** The operator's API: signs each request with the page key that the login link brought. */

const KEY = "gotapi-page-key"; // shared with the operator page
const ANSWER_TIME = 35_000; // ms; a long poll takes 25 s at most

/** The hub answered with a refusal; the message is for the operator. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Takes the page key out of the address, where the login put it. */
export function takeKey(): void {
  const given = /^#key=([0-9a-f]{64})$/.exec(location.hash)?.[1];
  if (given) {
    localStorage.setItem(KEY, given);
    history.replaceState(history.state, "", location.pathname);
  }
}

/** Forgets the page key. */
export function dropKey(): void {
  localStorage.removeItem(KEY);
}

/** Calls when the page key is a new one because somebody signed in, in another tab. */
export function keyChanged(tell: () => void): void {
  window.addEventListener("storage", ({ key, newValue }) => { if (key === KEY && newValue) tell(); });
}

/** What a page says first on its WebSocket, which can have no headers. */
export function said(since = -1): string {
  return JSON.stringify({ pageKey: localStorage.getItem(KEY) ?? "", since });
}

/** Sends a request with the proofs of the operator; throws TypeError when nobody answers. */
export function operatorFetch(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("x-gotapi-page-key", localStorage.getItem(KEY) ?? "");
  return fetch(`/operator/${path}`, { cache: "no-store", ...init, headers });
}

/** Reads from the operator's API: `read("api/state")`; throws Refused, or TypeError. */
export function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return asked<T>(operatorFetch(path, { signal: limited(signal) }));
}

/** Does something by the operator's API: `act("api/deny", { code })`; throws as `read`. */
export function act<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return asked<T>(
    operatorFetch(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
      signal: limited(signal),
    }),
  );
}

function limited(signal?: AbortSignal): AbortSignal {
  const limit = AbortSignal.timeout(ANSWER_TIME);
  return signal === undefined ? limit : AbortSignal.any([limit, signal]);
}

async function asked<T>(asking: Promise<Response>): Promise<T> {
  const answer = await asking;
  const members = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
  if (!answer.ok) {
    const said = members["error"] ?? members["errorMessage"];
    throw new Refused(answer.status, String(said ?? `HTTP ${answer.status}`));
  }
  return members as T;
}
