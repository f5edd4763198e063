/** Where a file comes from, and how it gets through the worker. */
import { hubFetch } from "../../core/hub.js";
import { startWorker } from "../../core/worker.js";
import type { Found, Order } from "./gcode.worker.js";
import workerUrl from "./gcode.worker.ts?worker&url";

/** A file of this machine, or one of the hub by its address there. */
export type Source = { readonly file: File } | { readonly uri: string; readonly name: string };

const AHEAD = 4; // pieces on their way to the worker

/** Reads a source; `heard` gets what is found in it. Returns what stops it. */
export function readSource(source: Source, heard: (found: Found) => void, failed: (error: unknown) => void): () => void {
  const worker = startWorker(workerUrl);
  const abort = new AbortController();
  const stop = (): void => {
    abort.abort();
    worker.terminate();
  };
  const tell = (order: Order, move: Transferable[] = []): void => worker.postMessage(order, move);
  let due = 0;
  let full = false;
  let wake: () => void = () => undefined;
  worker.addEventListener("message", ({ data }: MessageEvent<Found>) => {
    if (abort.signal.aborted) return;
    if ("taken" in data) {
      due -= 1;
      full = data.full;
      wake();
    }
    heard(data);
    if ("done" in data || "broken" in data || "lost" in data) stop();
  });
  worker.addEventListener("error", (event) => {
    if (!abort.signal.aborted) failed(new Error(event.message));
    stop();
  });
  if ("file" in source) {
    tell({ file: source.file });
    return stop;
  }
  const room = async (): Promise<void> => {
    while (due >= AHEAD && !abort.signal.aborted) await new Promise<void>((resolve) => { wake = resolve; });
  };
  const pump = async (): Promise<void> => {
    for await (const bytes of pieces(source.uri, abort.signal)) {
      await room();
      if (abort.signal.aborted) return;
      if (full) break;
      due += 1;
      tell({ bytes }, [bytes.buffer as ArrayBuffer]);
    }
    tell({ end: true });
  };
  pump().catch((error: unknown) => {
    if (!abort.signal.aborted) failed(error);
    stop();
  });
  return stop;
}

async function* pieces(uri: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const to = new URL(uri, location.href);
  if (!to.pathname.startsWith("/blobs/")) throw new NotHere(uri);
  const answer = await hubFetch(to.pathname + to.search, { signal });
  if (!answer.ok || answer.body === null) throw new NotHere(uri, answer.status);
  const reader = answer.body.getReader();
  try {
    for (let got = await reader.read(); !got.done; got = await reader.read()) yield got.value;
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** The hub has no such file for the console. */
export class NotHere extends Error {
  constructor(uri: string, readonly status = 0) {
    super(uri);
  }
}
