/** HMAC v2: how the hub proves that an answer is its own. See "Security model" of the hub. */
import { HubImpostor } from "./errors.js";

const encoder = new TextEncoder();
const LABEL = encoder.encode("gotapi-hub answer v2\n");

/** The nonce of one request, and the headers that carry it. */
export interface Asked {
  readonly nonce: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is asked of the hub at one address, and whether its answers are good. */
export class Proof {
  readonly #key: Promise<CryptoKey>;
  readonly #port: string;

  /** Takes the 64 hex digits that `gotapi apps key` showed. */
  constructor(
    key: string,
    private readonly url: string,
  ) {
    if (!/^[0-9a-f]{64}$/i.test(key.trim())) throw new TypeError("A hub key has 64 hex digits");
    const raw = Uint8Array.from(key.trim().match(/../g) ?? [], (pair) => parseInt(pair, 16));
    this.#key = crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    const { port, protocol } = new URL(url);
    this.#port = port || (protocol === "https:" ? "443" : "80");
  }

  ask(): Asked {
    const nonce = Array.from(crypto.getRandomValues(new Uint8Array(16)), hex).join("");
    return { nonce, headers: { "X-GotAPI-Nonce": nonce } };
  }

  /** Throws HubImpostor unless the hub made this answer to this request. */
  async check(
    asked: Asked, method: string, target: string, answer: Response, body: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const given = answer.headers.get("x-gotapi-mac") ?? "";
    const mac = /^v2 ([0-9a-f]{64})$/.exec(given)?.[1];
    const parts = [
      asked.nonce, this.#port, (answer.headers.get("x-gotapi-instance") ?? "").slice(0, 64), method,
      target, String(answer.status), new Uint8Array(await crypto.subtle.digest("SHA-256", body)),
    ];
    const sign = Uint8Array.from(mac?.match(/../g) ?? [], (pair) => parseInt(pair, 16));
    const good = await crypto.subtle.verify("HMAC", await this.#key, sign, message(parts));
    if (!good) {
      throw new HubImpostor(
        `What answers at ${this.url} is not the hub that knows this application's key: ` +
          `${given ? "its proof is wrong" : "it gave no proof"}, and its answer is not used. Look ` +
          "which program listens on that port. If it is your hub, make a new key with `gotapi apps key`.",
      );
    }
  }
}

function message(parts: readonly (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [LABEL];
  for (const part of parts) {
    const raw = typeof part === "string" ? encoder.encode(part) : part;
    pieces.push(encoder.encode(`${raw.length}:`), raw, encoder.encode("\n"));
  }
  const whole = new Uint8Array(pieces.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
