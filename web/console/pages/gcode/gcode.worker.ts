/** Reads G-code beside the page: gets a file or its pieces, sends what stands in it. */
import type { Layers, Piece, Totals } from "./moves.js";
import { type Broken, BrokenFile, type Fault, Reader } from "./reader.js";

/** What the page sends: a file of this machine, or the pieces of one of the hub and their end. */
export type Order =
  | { readonly file: Blob }
  | { readonly bytes: Uint8Array }
  | { readonly end: true };

/** What the page gets. */
export type Found =
  | { readonly piece: Piece }
  | { readonly layers: Layers }
  | { readonly fault: Fault }
  /** A piece was read, the next may come. */
  | { readonly taken: number; readonly totals: Totals; readonly full: boolean }
  | { readonly done: Totals; readonly full: boolean }
  | { readonly broken: Broken; readonly line: number; readonly totals: Totals }
  | { readonly lost: string };

const SLICE = 1 << 20; // bytes read at once of a file of this machine

const send = (found: Found, move: Transferable[] = []): void => self.postMessage(found, { transfer: move });

const reader = new Reader({
  piece: (piece) => send({ piece }, [piece.places.buffer, piece.codes.buffer, piece.lines.buffer] as ArrayBuffer[]),
  layers: (layers) => send({ layers }),
  fault: (fault) => send({ fault }),
});

self.addEventListener("message", ({ data }: MessageEvent<Order>) => {
  if ("file" in data) void whole(data.file);
  else if ("bytes" in data) guarded(() => push(data.bytes));
  else guarded(end);
});

async function whole(file: Blob): Promise<void> {
  for (let at = 0; at < file.size; at += SLICE) {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await file.slice(at, at + SLICE).arrayBuffer());
    } catch (error) {
      send({ lost: String(error) }); // the file was changed or taken away
      return;
    }
    if (!guarded(() => push(bytes))) return;
    if (reader.full) break;
  }
  guarded(end);
}

function push(bytes: Uint8Array): void {
  reader.push(bytes);
  send({ taken: bytes.length, totals: reader.totals, full: reader.full });
}

function end(): void {
  reader.end();
  send({ done: reader.totals, full: reader.full });
}

/** Does a step; tells why where the file is broken. */
function guarded(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (!(error instanceof BrokenFile)) throw error;
    reader.flush();
    send({ broken: error.code, line: error.line, totals: reader.totals });
    return false;
  }
}
