/**
 * Follows printers for as long as the console is open, so that their curves have no gaps; the hub tells
 * what was before.
 */
import { came, hubNow } from "../../core/live.js";
import { Store } from "../../core/store.js";
import { ask, listen } from "../../parts/devices.js";
import type { Heat, Status } from "./model.js";
import { Samples } from "./samples.js";

export const PROFILE = "3dp";
const PAUSES = [1000, 2000, 5000, 10_000]; // ms between tries; the last one repeats

/** One printer as the console knows it. */
export class Follow {
  readonly status = new Store<Status | null>(null);
  /** What keeps it from being followed; null where nothing does. */
  readonly failure = new Store<unknown>(null);
  readonly samples = new Samples();
  /** Counts how often the samples got a past, which is to be drawn then. */
  readonly recalled = new Store(0);
  /** Whether the printer has a slot for a card. */
  readonly hasCard = new Store(false);
  #stop: () => void = () => undefined;
  #tries = 0;
  #later = 0;
  #online = false;
  #past = false; // whether the hub told what was before

  constructor(readonly id: string) {}

  /** Begins to listen, or tries again at once after a failure. */
  start(): void {
    clearTimeout(this.#later);
    this.#online = false;
    this.#stop();
    this.#stop = listen(PROFILE, "status", this.id, {
      heard: (members) => this.#take(members as { "3dp"?: Status }),
      gap: () => this.refresh(),
      failed: (error) => this.#failed(error),
    });
    this.refresh();
    void this.#recall();
  }

  /** Asks once: after a start, and where something was done. */
  refresh(): void {
    ask<{ "3dp"?: Status }>("GET", PROFILE, "status", this.id).then(
      (members) => this.#take(members),
      (error: unknown) => {
        if (this.status.value === null) this.failure.set(error);
      },
    );
  }

  /** Without it, as with a printer of a plug-in that keeps nothing, the curves begin now. */
  async #recall(): Promise<void> {
    if (this.#past) return;
    const heat = await ask<Partial<Heat>>("GET", PROFILE, "temperatures", this.id).catch(() => null);
    if (heat?.times === undefined || heat.temperatures === undefined || this.#past) return;
    this.#past = true;
    this.samples.before({ times: heat.times, temperatures: heat.temperatures });
    this.recalled.set(this.recalled.value + 1);
  }

  /** Another printer may have come, so it is asked whenever one does. */
  #looksForCard(online: boolean): void {
    const came = online && !this.#online;
    this.#online = online;
    if (!came) return;
    ask<{ hasCard?: boolean }>("GET", PROFILE, "cardprint", this.id).then(
      ({ hasCard }) => this.hasCard.set(hasCard === true),
      () => this.hasCard.set(false), // asked again with the next connection
    );
  }

  #failed(error: unknown): void {
    this.failure.set(error);
    const pause = PAUSES[Math.min(this.#tries, PAUSES.length - 1)];
    this.#tries += 1;
    this.#later = window.setTimeout(() => this.start(), pause);
  }

  #take(members: { "3dp"?: Status }): void {
    const status = members["3dp"];
    if (status === undefined) return;
    this.#tries = 0;
    this.failure.set(null);
    this.samples.add(hubNow(), status.temperatures ?? []);
    this.status.set(status);
    this.#looksForCard(status.online === true);
  }
}

const followed = new Map<string, Follow>();

// A hub that is back may be another run of it, which knows nothing of who listened to the last one.
came.watch(() => followed.forEach((one) => one.start()));

/** The printer with an id; from the first call on it is followed. */
export function follow(id: string): Follow {
  let one = followed.get(id);
  if (one === undefined) {
    one = new Follow(id);
    followed.set(id, one);
    one.start();
  }
  return one;
}
