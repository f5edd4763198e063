// Speaks to the hub: signs each request with the page key, and follows the state.

const KEY = "gotapi-page-key";
const ANSWER_TIME = 35_000; // ms; a long poll takes 25 s at most
const PAUSES = [500, 1000, 2000, 4000]; // ms between tries; the last one repeats
const PATIENCE = 10 * 60_000; // ms without an answer after which only the operator tries again

/** The hub answered with a refusal; the message is for the operator. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Takes the page key out of the address, where the login put it. */
export function takeKey() {
  const given = /^#key=([0-9a-f]{64})$/.exec(location.hash);
  if (given) {
    localStorage.setItem(KEY, given[1]);
    history.replaceState(null, "", location.pathname);
  }
}

/** Forgets the page key. */
export function dropKey() {
  localStorage.removeItem(KEY);
}

/** Sends one request and returns its JSON; throws Refused, or TypeError when nobody answers. */
export async function ask(path, body) {
  const headers = { "x-gotapi-page-key": localStorage.getItem(KEY) ?? "" };
  const options = { headers, cache: "no-store", signal: AbortSignal.timeout(ANSWER_TIME) };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  const answer = await fetch(`/operator/${path}`, options);
  const members = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const said = members.error ?? members.errorMessage;
    throw new Refused(answer.status, said ?? `The hub answered with status ${answer.status}.`);
  }
  return members;
}

/**
 * Follows the hub's state. Calls `onState(state)` with each new one and `onTrouble(trouble)` when
 * that stops being possible: "pause" (it tries again by itself), "gone", "signed-out" or "refused"
 * (with the message); and with null once it works again.
 */
export class Follower {
  constructor(onState, onTrouble) {
    this.onState = onState;
    this.onTrouble = onTrouble;
    this.failures = 0;
    this.lost = null;
    this.running = false;
  }

  /** Starts, or tries again at once. */
  start() {
    this.failures = 0;
    this.lost = null;
    this.hurry?.();
    if (!this.running) {
      this.running = true;
      this.run();
    }
  }

  async run() {
    let revision = null;
    while (this.running) {
      try {
        const state = await ask(revision === null ? "api/state" : `api/changes?since=${revision}`);
        revision = state.revision;
        this.recover();
        this.onState(state);
      } catch (error) {
        revision = null; // the hub may be another one when it is back
        await this.stumble(error);
      }
    }
  }

  recover() {
    this.failures = 0;
    this.lost = null;
    this.onTrouble(null);
  }

  async stumble(error) {
    if (error instanceof Refused && error.status === 401) {
      this.stop("signed-out");
    } else if (error instanceof Refused && error.status < 500) {
      this.stop("refused", error.message);
    } else {
      this.lost ??= Date.now();
      if (Date.now() - this.lost > PATIENCE) {
        this.stop("gone");
        return;
      }
      this.onTrouble(this.failures === 0 ? "pause" : "missing");
      const pause = PAUSES[Math.min(this.failures, PAUSES.length - 1)];
      this.failures += 1;
      await this.rest(pause);
    }
  }

  stop(trouble, message) {
    this.running = false;
    this.onTrouble(trouble, message);
  }

  rest(pause) {
    return new Promise((resolve) => {
      this.hurry = resolve;
      setTimeout(resolve, pause);
    });
  }
}
