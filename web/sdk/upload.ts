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
const PASSING = [409, 423]; // somebody, perhaps our own lost request, is still writing
const FULL = 507; // a full disk rarely is less so in a moment
const PATIENCE = 30_000; // ms
const PAUSES = [100, 200, 400, 800, 1600, 3000]; // ms

/** Sends a file piece by piece; throws HubError, or the signal's reason. */
export async function upload(wire: Wire, token: string, file: Blob, options: UploadOptions): Promise<StoredFile> {
  const one = new Upload(wire, token, file, options);
  const name = options.name ?? (file as Partial<File>).name ?? "file";
  const uri = await one.begin(name);
  await one.run();
  return { uri, name, size: file.size };
}

class Upload {
  #path = "";
  #offset = 0;
  #piece = SMALLEST;
  #lostSince = 0;
  #tries = 0;

  constructor(
    private readonly wire: Wire,
    private readonly token: string,
    private readonly file: Blob,
    private readonly options: UploadOptions,
  ) {}

  async begin(name: string): Promise<string> {
    const metadata = `filename ${base64(name)},filetype ${base64(this.file.type || "application/octet-stream")}`;
    const answer = await this.#send("POST", "/blobs/", {
      "Upload-Length": String(this.file.size), "Upload-Metadata": metadata,
    });
    if (answer.status !== 201) throw await failure(answer, this.token);
    const uri = answer.headers.get("location") ?? "";
    this.#path = new URL(uri, this.wire.url).pathname; // only the path counts: the token goes nowhere else
    if (!/^\/blobs\/[^/]+$/.test(this.#path)) throw new HubFault("The hub does not say where the upload is.");
    return uri;
  }

  /** Sends until the hub has everything; after a cut it is asked first how much it has. */
  async run(): Promise<void> {
    let lost = false;
    while (this.#offset < this.file.size) {
      const error: unknown = await (lost ? this.#ask() : this.#push());
      lost = error !== null;
      if (lost) await this.#rest(error);
      else this.#lostSince = this.#tries = 0;
    }
  }

  #push(): Promise<unknown> {
    const piece = this.file.slice(this.#offset, this.#offset + this.#piece);
    const headers = { "Upload-Offset": String(this.#offset), "Content-Type": "application/offset+octet-stream" };
    return this.#reach(this.#send("PATCH", this.#path, headers, piece));
  }

  #ask(): Promise<unknown> {
    return this.#reach(this.#send("HEAD", this.#path, {}));
  }

  /** Takes where the hub is; returns why that cannot be told now, and throws what will not pass. */
  async #reach(asking: Promise<Response>): Promise<unknown> {
    const began = Date.now();
    let answer: Response;
    try {
      answer = await asking;
    } catch (error) {
      if (error instanceof HubUnreachable) return error;
      throw error;
    }
    if (!answer.ok) {
      const error = await failure(answer, this.token);
      if (PASSING.includes(answer.status) || (answer.status >= 500 && answer.status !== FULL)) return error;
      throw error;
    }
    const reached = place(answer, this.file.size);
    if (Date.now() - began < QUICK) this.#piece = Math.min(this.#piece * 2, LARGEST);
    if (reached > this.#offset) this.options.onProgress?.(reached, this.file.size);
    this.#offset = reached;
    return null;
  }

  async #rest(error: unknown): Promise<void> {
    this.#lostSince ||= Date.now();
    if (Date.now() - this.#lostSince > (this.options.patience ?? PATIENCE)) throw error;
    await pause(PAUSES[Math.min(this.#tries++, PAUSES.length - 1)] ?? 0, this.options.signal);
  }

  #send(method: string, path: string, more: Record<string, string>, body?: Blob): Promise<Response> {
    const headers = { "Tus-Resumable": "1.0.0", Authorization: `Bearer ${this.token}`, ...more };
    return this.wire.send(method, path, {
      headers, signal: this.options.signal ?? null, ...(body ? { body } : {}),
    });
  }
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
