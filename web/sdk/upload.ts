/** Sending a file so that a cut connection costs only what was under way (tus 1.0.0). */
import { HubFault, HubUnreachable } from "./errors.js";
import { parsed, type Wire } from "./wire.js";

/** A file at the hub; `uri` is what services take. */
export interface StoredFile {
  readonly uri: string;
  readonly name: string;
  readonly size: number;
}

export interface UploadOptions {
  /** What the file is called; a File has a name already. */
  readonly name?: string;
  /** Called with the bytes that the hub has, and the size. */
  readonly onProgress?: (sent: number, size: number) => void;
  readonly signal?: AbortSignal;
  /** How long a hub that went away may take to come back, in ms. */
  readonly patience?: number;
}

const SMALLEST = 256 * 1024; // bytes of a piece: what a cut costs, and how often progress is told
const LARGEST = 8 * 1024 * 1024;
const QUICK = 500; // ms: pieces grow while one takes less
const PAUSES = [100, 200, 400, 800, 1600, 3000]; // ms

export async function upload(wire: Wire, token: string, file: Blob, options: UploadOptions): Promise<StoredFile> {
  const { onProgress, signal, patience = 30_000 } = options;
  const name = options.name ?? (file as Partial<File>).name ?? "file";
  const headers = { "Tus-Resumable": "1.0.0", Authorization: `Bearer ${token}` };
  const send = (method: string, path: string, more: Record<string, string>, body?: Blob) =>
    wire.send(method, path, { headers: { ...headers, ...more }, signal: signal ?? null, ...(body ? { body } : {}) });

  const metadata = `filename ${base64(name)},filetype ${base64(file.type || "application/octet-stream")}`;
  const begun = await send("POST", "/blobs/", { "Upload-Length": String(file.size), "Upload-Metadata": metadata });
  if (begun.status !== 201) throw await failure(begun, token);
  const uri = begun.headers.get("location") ?? "";
  const path = new URL(uri, wire.url).pathname; // only the path counts: the token goes nowhere else
  if (!/^\/blobs\/[^/]+$/.test(path)) throw new HubFault("The hub does not say where the upload is.");

  let offset = 0;
  let piece = SMALLEST;
  let lost: { since: number; tries: number } | null = null;
  while (offset < file.size) {
    const began = Date.now();
    let error: unknown;
    try {
      const answer = await send(
        lost ? "HEAD" : "PATCH", path,
        lost ? {} : { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" },
        lost ? undefined : file.slice(offset, offset + piece),
      );
      if (answer.ok) {
        const reached = place(answer, file.size);
        if (Date.now() - began < QUICK) piece = Math.min(piece * 2, LARGEST);
        if (reached > offset) onProgress?.(reached, file.size);
        offset = reached;
        lost = null;
        continue;
      }
      error = await failure(answer, token);
      // Somebody, perhaps our own lost request, is still writing; or the hub is not well.
      if (![409, 423].includes(answer.status) && (answer.status < 500 || answer.status === 507)) throw error;
    } catch (failed) {
      if (failed !== error && !(failed instanceof HubUnreachable)) throw failed;
      if (failed === error && !(error instanceof Error && again(error))) throw failed;
      error = failed;
    }
    lost ??= { since: Date.now(), tries: 0 };
    if (Date.now() - lost.since > patience) throw error;
    await pause(PAUSES[Math.min(lost.tries++, PAUSES.length - 1)] ?? LARGEST, signal);
  }
  return { uri, name, size: file.size };
}

function again(error: Error): boolean {
  const status = (error as { status?: number }).status ?? 500;
  return status >= 500 || [409, 423].includes(status);
}

async function failure(answer: Response, token: string): Promise<unknown> {
  try {
    parsed(answer, await answer.text(), token);
    return new HubFault(`The hub answered an upload with HTTP ${answer.status}.`);
  } catch (error) {
    return error;
  }
}

function place(answer: Response, size: number): number {
  const text = answer.headers.get("upload-offset") ?? "";
  if (!/^\d{1,16}$/.test(text) || Number(text) > size) throw new HubFault("The hub's offset is no place in the file.");
  return Number(text);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }, { once: true });
  });
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
