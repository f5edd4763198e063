/** Events: one connection for all that an application listens to; it comes back, and goes on there. */
import { HubFault, HubUnreachable, TokenRejected } from "./errors.js";
import { parsed, refusal, type Members, type Wire } from "./wire.js";

/** An event of a service; the profile's members stand beside these. */
export interface HubEvent extends Members {
  readonly serviceId: string;
  readonly profile: string;
  readonly attribute: string;
}

export interface ListenOptions {
  /** Events may have been missed: read the state again. */
  readonly onGap?: () => void;
  /** There will be no more: the token was revoked, or the service refused. */
  readonly onEnd?: (error: unknown) => void;
  /** The connection was lost (false), or is there again (true). */
  readonly onLink?: (up: boolean) => void;
}

interface Listener extends ListenOptions {
  readonly hear: (event: HubEvent) => void;
}

interface Line {
  close(): void;
}

const FIRST = 100; // ms; a hub that restarts is away for about a second
const LONGEST = 5000;
const VERDICT = 10_000;
const REVOKED = 4401;
const REPLACED = 4409;
const LATER = [6, 7, 17, 22]; // what a hub says while it and its plug-ins are starting
const MOST_SEEN = 1024; // ids of events; one that comes twice is known by its id

/** The connection, and who listens to what over it. */
export class Channel {
  readonly #streams = new Map<string, { path: string; serviceId: string; listeners: Set<Listener> }>();
  readonly #seen = new Set<string>();
  #cursor = "";
  #line: Promise<Line> | null = null;
  #closed = 0; // counts up: what was begun before a close does nothing after it

  constructor(
    private readonly wire: Wire,
    private readonly token: () => string,
  ) {}

  async listen(
    path: string, serviceId: string, hear: (event: HubEvent) => void, options: ListenOptions,
  ): Promise<() => Promise<void>> {
    const listener: Listener = { ...options, hear };
    const key = `${serviceId} ${path.toLowerCase()}`;
    const stream = this.#streams.get(key) ?? { path, serviceId, listeners: new Set() };
    stream.listeners.add(listener);
    this.#streams.set(key, stream);
    try {
      await (this.#line ??= this.#open()); // before the PUT, so that no event is missed
      await this.#subscribe("PUT", path, serviceId);
    } catch (error) {
      this.#drop(key, listener);
      throw error;
    }
    return async () => {
      if (this.#drop(key, listener)) {
        await this.#subscribe("DELETE", path, serviceId).catch(() => undefined);
        if (this.#streams.size === 0) this.close();
      }
    };
  }

  close(): void {
    this.#closed += 1;
    this.#line?.then((line) => line.close(), () => undefined);
    this.#line = null;
    this.#cursor = "";
    this.#seen.clear();
  }

  #drop(key: string, listener: Listener): boolean {
    const stream = this.#streams.get(key);
    if (!stream?.listeners.delete(listener) || stream.listeners.size > 0) return false;
    return this.#streams.delete(key);
  }

  async #subscribe(method: string, path: string, serviceId: string): Promise<void> {
    await this.wire.ask(method, path.split("/").map(encodeURIComponent).join("/"), { serviceId }, this.token());
  }

  #open(): Promise<Line> {
    const run = this.#closed;
    const lost = (error: unknown) => { if (run === this.#closed) void this.#reopen(error); };
    // A WebSocket of a browser does not show whether the hub proved itself; an event stream does.
    const socket = typeof WebSocket === "undefined" || this.wire.proof ? this.#stream(lost) : this.#socket(lost);
    socket.catch(() => { if (run === this.#closed && this.#cursor === "") this.#line = null; });
    return socket;
  }

  async #reopen(error: unknown): Promise<void> {
    const run = this.#closed;
    this.#each((one) => one.onLink?.(false));
    for (let pause = FIRST; run === this.#closed; pause = Math.min(pause * 2, LONGEST)) {
      if (error instanceof TokenRejected || error instanceof HubFault) return this.#end(error);
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (run !== this.#closed || this.#streams.size === 0) return;
      try {
        this.#line = this.#open();
        await this.#line;
        this.#each((one) => one.onLink?.(true));
        return await this.#renew(run);
      } catch (failure) {
        error = failure;
      }
    }
  }

  /** Subscribes again to everything; what may work in a moment is tried again. */
  async #renew(run: number): Promise<void> {
    let due = [...this.#streams.keys()];
    for (let pause = FIRST; due.length > 0 && run === this.#closed; pause = Math.min(pause * 2, LONGEST)) {
      const left: string[] = [];
      for (const key of due) {
        const stream = this.#streams.get(key);
        if (!stream) continue;
        try {
          await this.#subscribe("PUT", stream.path, stream.serviceId);
        } catch (error) {
          if (error instanceof HubUnreachable) return; // the line notices by itself
          if (LATER.includes((error as { code?: number }).code ?? 0)) left.push(key);
          else this.#fail(key, error);
        }
      }
      due = left;
      if (due.length > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  #socket(lost: (error: unknown) => void): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`${this.wire.url.replace(/^http/, "ws")}/gotapi/websocket`);
      const limit = setTimeout(() => socket.close(), VERDICT);
      let open = false;
      const line = { close: () => { socket.onclose = null; socket.close(); } };
      socket.onopen = () => socket.send(JSON.stringify({ accessToken: this.token(), resume: this.#cursor }));
      socket.onmessage = ({ data }) => {
        const members = frame(String(data));
        if (open) return this.#hear(members);
        clearTimeout(limit);
        if (members["result"] !== 0) {
          socket.onclose = null;
          socket.close();
          return reject(new TokenRejected(13, refusal(members).message));
        }
        open = true;
        this.#opened(members["resumed"] === true, text(members["resume"]));
        resolve(line);
      };
      socket.onclose = ({ code }) => {
        clearTimeout(limit);
        const why = ended(code, this.wire.url);
        if (open) lost(why);
        else reject(why);
      };
    });
  }

  async #stream(lost: (error: unknown) => void): Promise<Line> {
    const stop = new AbortController();
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token()}` };
    if (this.#cursor) headers["Last-Event-ID"] = this.#cursor;
    const answer = await this.wire.send("GET", "/gotapi/events", { headers, signal: stop.signal });
    if (!answer.headers.get("content-type")?.startsWith("text/event-stream") || !answer.body) {
      parsed(answer, await answer.text(), this.token());
      throw new HubFault("The hub has no events.");
    }
    if (this.#cursor === "") this.#cursor = " "; // open: what comes next has an id
    void this.#read(answer.body, stop.signal).then(lost, lost);
    return { close: () => stop.abort() };
  }

  async #read(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<unknown> {
    const decoder = new TextDecoder();
    let rest = "";
    // Not every browser can iterate a stream.
    for (const reader = body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return gone(this.wire.url);
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map(block.split("\n").map((row) => {
      const at = row.indexOf(":");
      return [row.slice(0, at), row.slice(at + 1).trimStart()];
    }));
    const reset = fields.get("event") === "reset";
    if (reset) this.#each((one) => one.onGap?.());
    this.#cursor = fields.get("id") || this.#cursor;
    const data = fields.get("data");
    if (data !== undefined && !reset) this.#hear(frame(data));
  }

  #opened(resumed: boolean, cursor: string): void {
    const missed = this.#cursor !== "" && !resumed;
    if (missed || this.#cursor === "") this.#cursor = cursor;
    if (missed) this.#each((one) => one.onGap?.());
  }

  #hear(members: Record<string, unknown>): void {
    const { serviceId, profile, attribute, eventId, resume, ...rest } = members;
    this.#cursor = text(resume) || this.#cursor;
    if (typeof serviceId !== "string" || typeof profile !== "string") return;
    const id = text(eventId);
    if (id && this.#seen.has(id)) return;
    if (id) this.#seen.add(id);
    for (const old of this.#seen) if (this.#seen.size > MOST_SEEN) this.#seen.delete(old); else break;
    const path = [profile, rest["interface"], attribute].filter(Boolean).join("/");
    const key = `${serviceId} ${path.toLowerCase()}`;
    if (rest["result"] !== 0) return this.#fail(key, refusal(members));
    const event = { ...rest, serviceId, profile, attribute: text(attribute) } as HubEvent;
    for (const one of [...(this.#streams.get(key)?.listeners ?? [])]) one.hear(event);
  }

  #fail(key: string, error: unknown): void {
    const stream = this.#streams.get(key);
    this.#streams.delete(key);
    for (const one of stream?.listeners ?? []) one.onEnd?.(error);
  }

  #end(error: unknown): void {
    this.close();
    for (const key of [...this.#streams.keys()]) this.#fail(key, error);
  }

  #each(tell: (one: Listener) => void): void {
    for (const { listeners } of [...this.#streams.values()]) [...listeners].forEach(tell);
  }
}

function ended(code: number, url: string): unknown {
  if (code === REVOKED) return new TokenRejected(13, "The access was revoked, or has expired.");
  if (code === REPLACED) return new HubFault("This application has too many connections to the hub.");
  return gone(url);
}

function gone(url: string): HubUnreachable {
  return new HubUnreachable(`The connection to the hub at ${url} was lost.`);
}

function frame(data: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(data);
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
