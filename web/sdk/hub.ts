/** A hub, as one application sees it. */
import { ConsentDenied, HubFault, HubRefused, TokenRejected } from "./errors.js";
import { Channel, type HubEvent, type ListenOptions } from "./events.js";
import { upload, type StoredFile, type UploadOptions } from "./upload.js";
import { Wire, type Members, type Params } from "./wire.js";

/** What the user allowed: the token, what it opens, and its end in seconds since 1970. */
export interface Token {
  readonly value: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly expires: number;
}

/** Where tokens are kept between visits; `localStorage` is one. */
export type Keep = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface HubOptions {
  /** What the user reads when asked for consent. */
  readonly name?: string;
  /** The name of a program outside of a browser, like "org.example.slicer". */
  readonly origin?: string;
  /** 64 hex digits of `gotapi apps key`: nothing is sent to a hub that cannot prove to know them. */
  readonly key?: string;
  /** Where the token is kept; null for nowhere. `localStorage`, where there is one. */
  readonly keep?: Keep | null;
  readonly token?: Token;
}

export interface AuthorizeOptions {
  /** Called once when the user has to decide; say so on the page. */
  readonly onPending?: () => void;
  readonly signal?: AbortSignal;
}

/** A service of a device. */
export interface Service {
  readonly serviceId: string;
  readonly name: string;
  readonly type: string;
  readonly online: boolean;
  readonly scopes: readonly string[];
}

const TIMED_OUT = 7; // the user has not decided yet
const NO_CLIENT = [11, 15];
const PENDING_AFTER = 400; // ms: a remembered approval is answered before that
const CONSENT_LIMIT = 100_000; // ms; the hub holds the call for a minute

/** Talks to one hub as one application; every method throws HubError. */
export class Hub {
  readonly #wire: Wire;
  readonly #channel: Channel;
  readonly #keep: Keep | null;
  readonly #name: string;
  #token: Token | null;
  #clientId = "";

  constructor(url: string, options: HubOptions = {}) {
    this.#wire = new Wire(url, options.origin, options.key);
    this.#name = options.name ?? "";
    this.#keep = options.keep === undefined ? storage() : options.keep;
    this.#token = options.token ?? this.#kept();
    this.#clientId = this.#token?.clientId ?? "";
    this.#channel = new Channel(this.#wire, () => this.#value());
  }

  get url(): string {
    return this.#wire.url;
  }

  /** What the user allowed, null before that. */
  get token(): Token | null {
    return this.#token;
  }

  /** Goes on with another token of the same application; who listens, listens on. */
  use(token: Token): void {
    this.#clientId = token.clientId || this.#clientId;
    this.#set(token);
  }

  /** Tells which hub answers; needs no token. */
  availability(signal?: AbortSignal): Promise<Members> {
    return this.#wire.ask("GET", "availability", {}, undefined, { signal });
  }

  /**
   * Makes sure that there is a good token for these scopes, and asks the user where there is none.
   * The user may allow fewer: look at `scopes` of what it returns. Throws ConsentDenied.
   */
  async authorize(scopes: readonly string[], options: AuthorizeOptions = {}): Promise<Token> {
    if (this.#token && covers(this.#token, scopes)) {
      try {
        await this.get("servicediscovery", {}, options.signal);
        return this.#token;
      } catch (error) {
        if (!(error instanceof HubRefused)) throw error;
      }
    }
    this.#set(null);
    try {
      return await this.#consent(scopes, options);
    } catch (error) {
      if (!(error instanceof HubRefused) || !NO_CLIENT.includes(error.code)) throw error;
      if (error instanceof ConsentDenied) throw error;
      this.#clientId = ""; // the hub has forgotten it: begin again, once
      return this.#consent(scopes, options);
    }
  }

  /** The services that the token reaches, offline ones too. */
  async services(signal?: AbortSignal): Promise<Service[]> {
    const { services } = await this.get("servicediscovery", {}, signal);
    if (!Array.isArray(services)) throw new HubFault("The hub's list of services is none.");
    return (services as Record<string, unknown>[]).map((one) => ({
      serviceId: String(one["serviceId"] ?? one["id"] ?? ""),
      name: String(one["name"] ?? ""),
      type: String(one["type"] ?? ""),
      online: one["online"] !== false,
      scopes: Array.isArray(one["scopes"]) ? one["scopes"].map(String) : [],
    }));
  }

  /** `get("3dp/status", { serviceId })` returns the members of the answer. */
  get(path: string, params: Params = {}, signal?: AbortSignal): Promise<Members> {
    return this.#ask("GET", path, params, signal);
  }

  put(path: string, params: Params = {}, signal?: AbortSignal): Promise<Members> {
    return this.#ask("PUT", path, params, signal);
  }

  post(path: string, params: Params = {}, signal?: AbortSignal): Promise<Members> {
    return this.#ask("POST", path, params, signal);
  }

  delete(path: string, params: Params = {}, signal?: AbortSignal): Promise<Members> {
    return this.#ask("DELETE", path, params, signal);
  }

  /** Calls `hear` with each event until the returned function is called. */
  listen(
    path: string, serviceId: string, hear: (event: HubEvent) => void, options: ListenOptions = {},
  ): Promise<() => Promise<void>> {
    return this.#channel.listen(path, serviceId, hear, options);
  }

  /** The events as an iteration; it ends with the signal, or throws what ended them. */
  async *events(path: string, serviceId: string, signal?: AbortSignal): AsyncGenerator<HubEvent, void> {
    const waiting: HubEvent[] = [];
    let wake: () => void = () => undefined;
    let failure: unknown;
    const stop = await this.listen(
      path, serviceId,
      (event) => { waiting.push(event); wake(); },
      { onEnd: (error) => { failure = error; wake(); } },
    );
    signal?.addEventListener("abort", () => wake(), { once: true });
    try {
      while (!signal?.aborted) {
        const event = waiting.shift();
        if (event) yield event;
        else if (failure !== undefined) throw failure;
        else await new Promise<void>((resolve) => { wake = resolve; });
      }
    } finally {
      await stop();
    }
  }

  /** Stores a file at the hub; goes on after a cut. What services take is its `uri`. */
  upload(file: Blob, options: UploadOptions = {}): Promise<StoredFile> {
    return upload(this.#wire, this.#value(), file, options);
  }

  /** Asks for a path outside of /gotapi, like a file or a plug-in's own, with the token. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const to = new URL(path, this.url);
    if (to.origin !== this.url) throw new TypeError(`${to.origin} is not the hub; it gets no token`);
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${this.#value()}`);
    return this.#wire.send(init.method ?? "GET", to.pathname + to.search, { ...init, headers });
  }

  /** Forgets the token and closes the connections; the approval stays until the user revokes it. */
  forget(): void {
    this.#set(null);
    this.close();
  }

  /** Closes the connections. */
  close(): void {
    this.#channel.close();
  }

  async #consent(scopes: readonly string[], { onPending, signal }: AuthorizeOptions): Promise<Token> {
    if (!this.#clientId) {
      const { clientId } = await this.#wire.ask("GET", "authorization/grant", {}, undefined, { signal });
      if (typeof clientId !== "string" || !clientId) throw new HubFault("The hub gave out no clientId.");
      this.#clientId = clientId;
    }
    const params = {
      clientId: this.#clientId, scope: scopes.join(","), applicationName: this.#name || undefined,
    };
    const timer = onPending && setTimeout(onPending, PENDING_AFTER);
    try {
      for (;;) {
        try {
          const given = await this.#wire.ask("GET", "authorization/accesstoken", params, undefined, {
            signal, limit: CONSENT_LIMIT,
          });
          return this.#set(token(given, this.#clientId));
        } catch (error) {
          if (!(error instanceof HubRefused)) throw error;
          if (error.code === 11) throw new ConsentDenied(error.code, error.message, error.status);
          if (error.code !== TIMED_OUT) throw error;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #ask(method: string, path: string, params: Params, signal?: AbortSignal): Promise<Members> {
    const clean = path.split("/").map(encodeURIComponent).join("/");
    return this.#wire.ask(method, clean, params, this.#value(), { signal });
  }

  #value(): string {
    if (!this.#token) throw new TokenRejected(13, "There is no access token yet: call authorize().");
    return this.#token.value;
  }

  #set<T extends Token | null>(given: T): T {
    this.#token = given;
    try {
      if (given === null) this.#keep?.removeItem(this.#place);
      else this.#keep?.setItem(this.#place, JSON.stringify(given));
    } catch {
      // A browser that keeps nothing: the token is good until the page is left.
    }
    return given;
  }

  #kept(): Token | null {
    try {
      const found = JSON.parse(this.#keep?.getItem(this.#place) ?? "null") as Token | null;
      return typeof found?.value === "string" && Array.isArray(found.scopes) ? found : null;
    } catch {
      return null;
    }
  }

  get #place(): string {
    return `gotapi token of ${this.url}`;
  }
}

function covers(token: Token, scopes: readonly string[]): boolean {
  return token.expires > Date.now() / 1000 && scopes.every((one) => token.scopes.includes(one.toLowerCase()));
}

function token(members: Members, clientId: string): Token {
  const { accessToken, scopes, expire } = members;
  if (typeof accessToken !== "string" || !accessToken) throw new HubFault("The hub gave out no token.");
  const list = Array.isArray(scopes) ? (scopes as { scope?: unknown }[]) : [];
  return {
    value: accessToken, clientId, scopes: list.map((one) => String(one.scope)),
    expires: typeof expire === "number" ? expire / 1000 : Infinity,
  };
}

function storage(): Keep | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null; // cookies are blocked
  }
}
