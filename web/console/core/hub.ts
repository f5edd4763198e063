/** The hub's services, as the console itself uses them: by the SDK, with a token of its own. */
import { Hub, TokenRejected, HubRefused, type Token } from "@gotapi/sdk";
import { hubNow } from "./live.js";
import { act } from "./operator.js";

const KEY = "gotapi-console-token"; // shared by the tabs of this browser
const OUT_OF_SCOPE = 14; // a plug-in came after the token was given
const EARLY = 12 * 3600; // s before its end that a token is replaced: a new one keeps the application

interface Given extends Omit<Token, "clientId"> {
  readonly application: string;
}

let hub: Promise<Hub> | null = null;
let renewing: Promise<void> | null = null;

/**
 * Does something with the hub's services: `withHub((hub) => hub.get("3dp/status", { serviceId }))`.
 * A token that is over is replaced once; what fails then is thrown (see `inWords`).
 */
export async function withHub<T>(work: (hub: Hub) => Promise<T>): Promise<T> {
  const one = await (hub ??= opened());
  if (!fresh(one.token)) await renewed(one, one.token).catch(() => undefined); // it is good for a while
  const used = one.token;
  try {
    return await work(one);
  } catch (error) {
    const stale = error instanceof TokenRejected || (error instanceof HubRefused && error.code === OUT_OF_SCOPE);
    if (!stale) throw error;
    if (kept()?.value === used?.value) localStorage.removeItem(KEY);
    await renewed(one, used);
    return work(one);
  }
}

/** Fetches a path of the hub, such as a file's, with the token, which is replaced once when it is over. */
export function hubFetch(path: string, init: RequestInit = {}): Promise<Response> {
  return withHub(async (hub) => {
    const answer = await hub.fetch(path, init);
    if (answer.status === 401) throw new TokenRejected(13, "The access token is over.", 401);
    return answer;
  });
}

/** Gives the token back; called before signing out. What was made with it is there at the next time. */
export async function dropToken(): Promise<void> {
  const given = kept();
  localStorage.removeItem(KEY);
  hub?.then((one) => one.close(), () => undefined);
  hub = null;
  if (given) await act("api/drop-console-token", { value: given.value }).catch(() => undefined);
}

/** Tells whether an application of the list is this console. */
export function isConsole(id: string): boolean {
  return kept()?.application === id;
}

/** Gets another token in the place of one, unless somebody has done so. */
function renewed(one: Hub, used: Token | null): Promise<void> {
  if (one.token !== used) return Promise.resolve();
  return (renewing ??= token().then((given) => one.use(given)).finally(() => { renewing = null; }));
}

function opened(): Promise<Hub> {
  const opening = token().then((given) => new Hub(location.origin, { token: given, keep: null }));
  opening.catch(() => { hub = null; });
  return opening;
}

/** The token of another tab, or a new one. */
async function token(): Promise<Token> {
  let given = kept();
  if (!fresh(given)) {
    given = await act<Given>("api/console-token", {});
    localStorage.setItem(KEY, JSON.stringify(given));
  }
  return { ...given, clientId: "" };
}

function fresh<T extends { readonly expires: number }>(token: T | null): token is T {
  return token !== null && token.expires > hubNow() + EARLY;
}

function kept(): Given | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null") as Given | null;
    return typeof found?.value === "string" ? found : null;
  } catch {
    return null;
  }
}
