/** One request and its answer, with the proof where there is a key, and failures in words. */
import { HubFault, HubRefused, HubUnreachable, LocalNetworkDenied, TokenRejected } from "./errors.js";
import { localNetwork, towards, UNDECIDED } from "./network.js";
import { Proof } from "./proof.js";

/** The members of an answer. */
export type Members = Readonly<Record<string, unknown>>;
/** The parameters of a request. */
export type Params = Readonly<Record<string, string | number | boolean | undefined>>;

const BAD_TOKEN = [12, 13, 15]; // expired; missing or unknown; unknown client
const IMPATIENT = 30_000; // ms
const MOST_WORDS = 1000; // characters of a message that are shown

/** What carries requests to one hub. */
export class Wire {
  readonly url: string;
  readonly proof: Proof | undefined;
  #proved: Promise<void> | undefined;

  constructor(
    url: string,
    private readonly origin: string | undefined,
    key: string | undefined,
  ) {
    this.url = new URL(url).origin;
    this.proof = key === undefined ? undefined : new Proof(key, this.url);
  }

  /** Sends a request; throws HubUnreachable, and HubImpostor where the answer is not the hub's. */
  async send(method: string, target: string, init: RequestInit = {}): Promise<Response> {
    if (this.proof && target !== "/gotapi/availability") await this.prove();
    const asked = this.proof?.ask();
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(asked?.headers ?? {})) headers.set(name, value);
    if (this.origin) headers.set("X-GotAPI-Origin", this.origin);
    let answer: Response;
    try {
      answer = await fetch(this.url + target, {
        ...towards(this.url), cache: "no-store", credentials: "omit", ...init, method, headers,
      });
    } catch (error) {
      this.#proved = undefined; // who answers next has to prove itself anew
      throw await this.#unreachable(error, init.signal);
    }
    if (!this.proof || !asked || !signed(target, answer)) return answer;
    const stream = answer.headers.get("content-type")?.startsWith("text/event-stream");
    const body = new Uint8Array(stream ? new ArrayBuffer(0) : await answer.clone().arrayBuffer());
    await this.proof.check(asked, method, target, answer, body);
    return answer;
  }

  /** Sends a request and returns the members of its answer; throws HubError. */
  async ask(
    method: string, path: string, params: Params, token?: string, options: { signal?: AbortSignal | undefined; limit?: number } = {},
  ): Promise<Members> {
    const texts = Object.entries(params).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]]);
    const query = new URLSearchParams(texts).toString();
    const inBody = method === "PUT" || method === "POST";
    const target = `/gotapi/${path}${!inBody && query ? `?${query}` : ""}`;
    const headers: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    if (inBody) headers["Content-Type"] = "application/x-www-form-urlencoded";
    const limit = AbortSignal.timeout(options.limit ?? IMPATIENT);
    const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
    const answer = await this.send(method, target, { headers, signal, ...(inBody ? { body: query } : {}) });
    return parsed(answer, await answer.text(), token);
  }

  /** Asks the hub for a proof before anything else is sent to it. */
  prove(): Promise<void> {
    this.#proved ??= this.send("GET", "/gotapi/availability").then(
      () => undefined,
      (error: unknown) => {
        this.#proved = undefined;
        throw error;
      },
    );
    return this.#proved;
  }

  async #unreachable(error: unknown, signal?: AbortSignal | null): Promise<unknown> {
    if (signal?.aborted && (signal.reason as Error | undefined)?.name !== "TimeoutError") return error;
    const network = await localNetwork(this.url);
    if (network.state === "denied" || network.state === "insecure") {
      return new LocalNetworkDenied(network.explain);
    }
    const more = network.state === "prompt" ? UNDECIDED : "";
    return new HubUnreachable(`No hub answers at ${this.url}. Start it with \`gotapi run\`.${more}`);
  }
}

/** Tells whether the hub signs such an answer: files are known by their hash instead. */
function signed(target: string, answer: Response): boolean {
  return !(target.startsWith("/blobs/") && answer.ok);
}

/** Returns the members of an answer; throws for a failure, in both forms that hubs have. */
export function parsed(answer: Response, text: string, token?: string): Members {
  let members: Record<string, unknown> | undefined;
  try {
    members = JSON.parse(text) as Record<string, unknown>;
  } catch {
    members = undefined;
  }
  if (typeof members?.["result"] !== "number") {
    throw new HubFault(`The answer (HTTP ${answer.status}) is not one of a hub; perhaps another program listens there.`);
  }
  if (members["result"] !== 0) throw refusal(members, answer.status, token);
  return members;
}

/** The failure that the members of an answer or event describe. */
export function refusal(members: Members, status = 200, token = ""): HubRefused {
  const code = Number(members["errorCode"]) || Number(members["result"]) || 1;
  let text = String(members["errorMessage"] ?? "").slice(0, MOST_WORDS);
  if (token) text = text.replaceAll(token, "(access token)"); // what repeats it must not give it away
  const Kind = BAD_TOKEN.includes(code) ? TokenRejected : HubRefused;
  return new Kind(code, text || `The hub refused (code ${code}).`, status);
}
