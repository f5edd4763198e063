// Does with the built SDK, in Node, what a line of JSON on stdin says; answers with a line each.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const sdk = await import(pathToFileURL(process.argv[2]));
const say = (members) => process.stdout.write(`${JSON.stringify(members)}\n`);
let hub;
let stop;

const work = {
  open: ({ url, ...options }) => { hub = new sdk.Hub(url, options); },
  find: async ({ urls, ...options }) => { hub = await sdk.findHub({ urls, ...options }); return hub.url; },
  authorize: ({ scopes }) => hub.authorize(scopes, { onPending: () => say({ pending: true }) }),
  services: () => hub.services(),
  get: ({ path, ...params }) => hub.get(path, params),
  put: ({ path, ...params }) => hub.put(path, params),
  listen: async ({ path, serviceId }) => {
    stop = await hub.listen(path, serviceId, (event) => say({ event }), {
      onGap: () => say({ gap: true }),
      onEnd: (error) => say({ end: error.name }),
      onLink: (up) => say({ link: up }),
    });
  },
  stop: () => stop(),
  upload: async ({ size, name, tell }) => {
    const told = [];
    const file = await hub.upload(new Blob([new Uint8Array(size).fill(65)]), {
      name, onProgress: (sent) => {
        told.push(sent);
        if (tell) say({ sent });
      },
    });
    return { ...file, told };
  },
  download: async ({ path }) => (await (await hub.fetch(path)).arrayBuffer()).byteLength,
  network: () => sdk.localNetwork(),
  close: () => hub.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: what, ...params } = JSON.parse(line);
  try {
    say({ done: (await work[what](params)) ?? null });
  } catch (error) {
    say({ failed: error.name, code: error.code ?? null, message: error.message });
  }
}
