/** The hub's services in the words of the pages: one question, one stream of events, one file. */
import { TokenRejected, type Members, type Params, type StoredFile } from "@gotapi/sdk";
import { withHub } from "../core/hub.js";

type Method = "GET" | "PUT" | "POST" | "DELETE";

/** Asks a service; throws HubError with the hub's words. */
export async function ask<T = Members>(
  method: Method, profile: string, attribute: string, serviceId: string, params: Params = {},
): Promise<T> {
  const verb = method.toLowerCase() as "get" | "put" | "post" | "delete";
  const answer = await withHub((hub) => hub[verb](`${profile}/${attribute}`, { serviceId, ...params }));
  return answer as T;
}

const RENEWAL = 10_000; // ms; a token that is revoked sooner is not replaced again: somebody means it
const PATIENCE = 10 * 60_000; // ms that a hub may be away during an upload; the page looks for it as long

/** Stores a file at the hub; `progress` gets the bytes that it has, and the size. */
export function upload(
  file: Blob, name: string, progress: (sent: number, size: number) => void, signal?: AbortSignal,
): Promise<StoredFile> {
  const options = { name, onProgress: progress, patience: PATIENCE };
  return withHub((hub) => hub.upload(file, signal === undefined ? options : { ...options, signal }));
}

/** Who listens: `failed` is called once, when there will be no more events. */
export interface Ear {
  readonly heard: (members: Members) => void;
  /** Something may have been missed: ask again. */
  readonly gap?: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Listens to a service's events until the returned function is called; goes on after a cut, and with
 * another token when the one it had was revoked.
 */
export function listen(profile: string, attribute: string, serviceId: string, ear: Ear): () => void {
  let stopped = false;
  let renewed = -Infinity;
  let stop: () => void = () => undefined;
  const fail = (error: unknown): void => {
    if (stopped) return;
    stopped = true;
    ear.failed(error);
  };
  const begin = (): void => {
    withHub((hub) => hub.listen(`${profile}/${attribute}`, serviceId, ear.heard, {
      onEnd: ended, ...(ear.gap ? { onGap: ear.gap } : {}),
    })).then((end) => {
      stop = () => void end();
      if (stopped) stop();
    }, fail);
  };
  const ended = (error: unknown): void => {
    if (stopped) return;
    const now = performance.now();
    if (!(error instanceof TokenRejected) || now - renewed < RENEWAL) return fail(error);
    renewed = now;
    begin();
    ear.gap?.();
  };
  begin();
  return () => {
    stopped = true;
    stop();
  };
}
