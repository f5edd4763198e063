/** Starts workers: the security policy lets only the console's own files be code. */

interface Policy {
  createScriptURL(url: string): unknown;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = factory?.createPolicy("gotapi-worker", { createScriptURL: ours });

function ours(url: string): string {
  const full = new URL(url, location.href);
  if (full.origin !== location.origin || !full.pathname.startsWith("/console/")) {
    throw new TypeError(`${url} is no worker of the console`);
  }
  return full.href;
}

/** The address of a script of ours, as the browser wants it. */
export function trustedUrl(url: string): string {
  return (policy?.createScriptURL(url) ?? ours(url)) as string;
}

/**
 * Starts a module worker: `import url from "./slow.worker.ts?worker&url"`, then
 * `startWorker(url)`.
 */
export function startWorker(url: string): Worker {
  return new Worker(trustedUrl(url), { type: "module" });
}
