/** Follows the hub's state by the operator's long poll, and says what keeps it from that. */
import type { HubState } from "./model.js";
import { Refused, read } from "./operator.js";
import { Store } from "./store.js";

const PAUSES = [500, 1000, 2000, 4000]; // ms between tries; the last one repeats
const PATIENCE = 10 * 60_000; // ms without an answer after which only the user tries again

/** How the console stands with the hub; `message` is the hub's own, where it gave one. */
export interface Link {
  readonly state: "waiting" | "live" | "pause" | "missing" | "gone" | "signed-out" | "refused";
  readonly message: string;
}

/** The last state; null before there is one, and after signing out. */
export const hubState = new Store<HubState | null>(null);
export const link = new Store<Link>({ state: "waiting", message: "" });

/** Seconds since 1970 by the hub's clock. */
export function hubNow(): number {
  return Date.now() / 1000 + skew;
}

/** Counts up each second, for what shows the time. */
export const second = new Store(0);

let skew = 0; // seconds by which the hub's clock is ahead of the browser's
let running = false;
let failures = 0;
let lost: number | null = null;
let hurry: () => void = () => undefined;

/** Starts, or tries again at once. */
export function follow(): void {
  failures = 0;
  lost = null;
  hurry();
  if (!running) {
    running = true;
    void run();
  }
}

/** Starts to count the seconds; called once. */
export function startClock(): void {
  setInterval(() => second.set(second.value + 1), 1000);
}

async function run(): Promise<void> {
  let revision: number | null = null;
  while (running) {
    try {
      const path: string = revision === null ? "api/state" : `api/changes?since=${revision}`;
      const state: HubState = await read<HubState>(path);
      revision = state.revision;
      failures = 0;
      lost = null;
      skew = state.now - Date.now() / 1000;
      say("live");
      hubState.set(state);
    } catch (error) {
      revision = null; // the hub may be another one when it is back
      await stumble(error);
    }
  }
}

async function stumble(error: unknown): Promise<void> {
  if (error instanceof Refused && error.status === 401) {
    hubState.set(null);
    stop("signed-out", error.message);
  } else if (error instanceof Refused && error.status < 500) {
    stop("refused", error.message);
  } else {
    lost ??= Date.now();
    if (Date.now() - lost > PATIENCE) {
      stop("gone");
      return;
    }
    say(failures === 0 ? "pause" : "missing");
    const pause = PAUSES[Math.min(failures, PAUSES.length - 1)];
    failures += 1;
    await new Promise<void>((resolve) => {
      hurry = resolve;
      setTimeout(resolve, pause);
    });
  }
}

function stop(state: Link["state"], message = ""): void {
  running = false;
  say(state, message);
}

function say(state: Link["state"], message = ""): void {
  if (link.value.state !== state || link.value.message !== message) link.set({ state, message });
}
