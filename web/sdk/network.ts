/** Local Network Access: browsers ask their user before a site of the internet may reach this computer. */

/** Whether this page may reach the hub; `explain` is for its user, empty where nothing is in the way. */
export interface LocalNetwork {
  readonly state: "granted" | "prompt" | "denied" | "insecure" | "unneeded" | "unknown";
  readonly explain: string;
}

const NAMES = ["loopback-network", "local-network", "local-network-access"]; // newest first

const EXPLAIN = {
  granted: "",
  unneeded: "",
  unknown: "",
  prompt:
    "Your browser will ask whether this site may reach devices of your local network. Allow it, so that the site can talk to the hub on your computer.",
  denied:
    "Your browser does not let this site reach your local network. Open the site's settings (the icon beside the address), allow access to local network devices, and load the page again.",
  insecure:
    "This page came without encryption (http), and browsers do not let such pages of the internet reach your computer. Open it by https.",
} as const;

/** For a page that got no answer, and whose user has not decided yet. */
export const UNDECIDED =
  " If it runs, your browser keeps this site from it: allow access to your local network when you are asked, and load the page again.";

/** Asks the browser, without any question to its user, whether the page may reach the hub. */
export async function localNetwork(url = "http://127.0.0.1:4035"): Promise<LocalNetwork> {
  const state = await judged(url);
  return { state, explain: EXPLAIN[state] };
}

async function judged(url: string): Promise<LocalNetwork["state"]> {
  const page = (globalThis as { location?: Location }).location;
  if (!page || space(page.hostname) === "loopback" || page.origin === new URL(url).origin) {
    return "unneeded";
  }
  if (!globalThis.isSecureContext) return space(page.hostname) ? "unknown" : "insecure";
  for (const name of NAMES) {
    try {
      const found = await navigator.permissions.query({ name: name as PermissionName });
      return found.state;
    } catch {
      continue; // a browser that does not know this permission, or asks for none
    }
  }
  return "unknown";
}

/** The options of a fetch that say that the local network is meant; empty where unknown. */
export function towards(url: string): RequestInit {
  const where = space(new URL(url).hostname);
  return where && supported() ? ({ targetAddressSpace: where } as RequestInit) : {};
}

let knows: boolean | undefined;

function supported(): boolean {
  if (knows === undefined) {
    try {
      // An earlier draft had other words, for which "loopback" is an error.
      new Request("http://127.0.0.1/", { targetAddressSpace: "loopback" } as RequestInit);
      knows = true;
    } catch {
      knows = false;
    }
  }
  return knows;
}

function space(host: string): "loopback" | "local" | undefined {
  if (/^(localhost|.+\.localhost|127\.[\d.]+|\[::1\])$/.test(host)) return "loopback";
  if (/^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.)|\.local$|^\[f[cde]/.test(host)) {
    return "local";
  }
  return undefined;
}
