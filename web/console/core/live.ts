/** Follows the hub's state by the operator's WebSocket, and says what keeps it from that. */
import type { HubState } from "./model.js";
import { Refused, keyChanged, read, said } from "./operator.js";
import { Store } from "./store.js";

const PAUSES = [500, 1000, 2000, 4000]; // ms between tries; the last one repeats
const SILENCE = 60_000; // ms; the hub says something every 25 s, so one that is silent is not there
const SIGNED_OUT = 4401;
const LATER = 1013;
const PATIENCE = 10 * 60_000; // ms without an answer after which only the user tries again

/** How the console stands with the hub; `message` is the hub's own, where it gave one. */
export interface Link {
  readonly state: "waiting" | "live" | "pause" | "missing" | "gone" | "signed-out" | "refused";
  readonly message: string;
}

/** The last state; null before there is one, and after signing out. */
export const hubState = new Store<HubState | null>(null);
export const link = new Store<Link>({ state: "waiting", message: "" });

/** Counts how often the hub was found again: what was read before may be old, what failed may work. */
export const came = new Store(0);

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

/** Starts to count the seconds, and to look for what tells that trying again is worth it; called once. */
export function startClock(): void {
  setInterval(() => second.set(second.value + 1), 1000);
  const away = (): boolean => ["pause", "missing", "gone"].includes(link.value.state);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && away()) follow(); });
  window.addEventListener("online", () => { if (away()) follow(); });
  keyChanged(follow); // somebody signed in, in another tab
}

async function run(): Promise<void> {
  while (running) {
    try {
      take(await read<HubState>("api/state")); // tells in words what a WebSocket's handshake cannot
      if (!(await listened())) await polled();
    } catch (error) {
      await stumble(error); // what is read next is the whole state: the hub may be another one
    }
  }
}

function take(state: HubState): void {
  failures = 0;
  lost = null;
  skew = state.now - Date.now() / 1000;
  const lasting = ["live", "waiting"].includes(link.value.state);
  say("live");
  hubState.set(state);
  if (!lasting) came.set(came.value + 1);
}

/** Takes states as long as there are some; returns false where no WebSocket comes to the hub. */
function listened(): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/operator/live`);
    let open = false;
    const end = (error: unknown): void => {
      clearTimeout(timer);
      socket.onclose = socket.onmessage = null;
      socket.close();
      if (open) reject(error);
      else resolve(false);
    };
    const silent = (): void => end(new TypeError("the hub is silent"));
    let timer = setTimeout(silent, SILENCE);
    socket.onopen = () => {
      open = true;
      socket.send(said(hubState.value?.revision));
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(timer);
      timer = setTimeout(silent, SILENCE);
      const state = JSON.parse(String(data)) as HubState;
      if (state.revision !== undefined) take(state);
    };
    socket.onclose = ({ code, reason }) => {
      if (code === SIGNED_OUT) end(new Refused(401, reason));
      else if (code === LATER) end(new Refused(429, reason));
      else end(new TypeError("the connection was lost"));
    };
  });
}

/** Something between this page and the hub lets no WebSocket through: asks again and again instead. */
async function polled(): Promise<never> {
  for (;;) take(await read<HubState>(`api/changes?since=${hubState.value?.revision ?? 0}`));
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
