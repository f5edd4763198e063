/** Finding the hub of this computer. */
import { HubUnreachable, LocalNetworkDenied } from "./errors.js";
import { Hub, type HubOptions } from "./hub.js";
import { localNetwork, UNDECIDED } from "./network.js";

export interface FindOptions extends HubOptions {
  /** Where to look, the best first. */
  readonly urls?: readonly string[];
  /** How long to look, in ms. */
  readonly timeout?: number;
}

const PLACES = ["http://127.0.0.1:4035", "https://localhost:4036"];

/** Returns the first hub that answers; throws HubUnreachable, or LocalNetworkDenied with the reason. */
export async function findHub(options: FindOptions = {}): Promise<Hub> {
  const signal = AbortSignal.timeout(options.timeout ?? 60_000); // the browser may ask its user
  const hubs = (options.urls ?? PLACES).map((url) => new Hub(url, options));
  const asked = hubs.map((hub) => hub.availability(signal).then(() => hub));
  const failures: unknown[] = [];
  for (const one of asked) one.catch(() => undefined); // none is unhandled while another is awaited
  for (const one of asked) {
    try {
      return await one;
    } catch (error) {
      failures.push(error);
    }
  }
  const told = failures.find((one) => !(one instanceof HubUnreachable));
  throw (
    failures.find((one) => one instanceof LocalNetworkDenied) ?? told ??
    new HubUnreachable(`No hub answers on this computer. Start it with \`gotapi run\`.${await undecided(hubs)}`)
  );
}

async function undecided(hubs: readonly Hub[]): Promise<string> {
  const states = await Promise.all(hubs.map((hub) => localNetwork(hub.url)));
  return states.some((one) => one.state === "prompt") ? UNDECIDED : "";
}
