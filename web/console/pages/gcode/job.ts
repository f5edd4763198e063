/** The job of a printer whose file is looked at: where its file is, and which line is printed. */
import { HubRefused } from "@gotapi/sdk";
import { ask, listen } from "../../parts/devices.js";
import { t } from "./text.js";

const PROFILE = "3dp";
const NOT_NOW = 16; // the file is still fetched or sliced
const NOT_THERE = 10;
const MAKING: readonly string[] = ["fetching", "slicing"];
const FAILED: readonly string[] = ["failed", "stopped"];

export interface Job {
  readonly jobId: string;
  readonly name: string;
  readonly state?: string;
  readonly fileLine?: number;
  /** 0 to 1; of the slicing while that lasts. */
  readonly progress?: number;
  readonly reason?: string;
  /** It waits until somebody lets it begin. */
  readonly held?: boolean;
}
interface Status {
  readonly printQueue?: readonly Job[];
  readonly lastJob?: Job;
}
interface Told {
  readonly "3dp"?: Status;
}

/** Finds a job in the queue or the history of a printer; throws where there is none. */
export async function findJob(service: string, id: string): Promise<Job> {
  const status = (await ask<Told>("GET", PROFILE, "status", service))["3dp"];
  const queued = inQueue(status, id);
  if (queued !== undefined) return queued;
  const { history } = await ask<{ history: Job[] }>("GET", PROFILE, "history", service, { limit: 100 });
  const past = history.find((job) => job.jobId === id);
  if (past === undefined) throw new Error(t("noJob"));
  return past;
}

/** Where the G-code of a job is; waits while that is made, and tells `waits` how far it is. */
export async function gcodeOf(service: string, id: string, waits: (job: Job) => void, signal: AbortSignal): Promise<string> {
  for (;;) {
    try {
      return (await ask<{ uri: string }>("GET", PROFILE, "job/gcode", service, { jobId: id })).uri;
    } catch (error) {
      const code = error instanceof HubRefused ? error.code : 0;
      if (code === NOT_THERE) throw new Error(t("notKept"), { cause: error });
      if (code !== NOT_NOW) throw error;
    }
    await made(service, id, waits, signal);
  }
}

/** Lets a job begin that waits for that. */
export async function letBegin(service: string, id: string): Promise<void> {
  await ask("PUT", PROFILE, "job/start", service, { jobId: id });
}

/** Waits until the file of a job is made; throws what kept it from being made. */
function made(service: string, id: string, waits: (job: Job) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (then: () => void): void => {
      stop();
      then();
    };
    const stop = listen(PROFILE, "status", service, {
      heard: (members) => {
        const job = inQueue((members as Told)["3dp"], id);
        if (job === undefined || !MAKING.includes(job.state ?? "")) {
          const failed = FAILED.includes(job?.state ?? "");
          end(() => (failed ? reject(new Error(job?.reason || t("notKept"))) : resolve()));
        } else waits(job);
      },
      failed: reject,
    });
    signal.addEventListener("abort", () => end(() => reject(signal.reason)), { once: true });
  });
}

/** Calls `at` with each line of the file that is printed, until the returned function is called. */
export function followJob(service: string, id: string, at: (line: number) => void): () => void {
  const heard = (members: Told): void => {
    const line = inQueue(members["3dp"], id)?.fileLine;
    if (line) at(line);
  };
  return listen(PROFILE, "status", service, {
    heard: (members) => heard(members as Told),
    failed: () => undefined, // the printers page says what is wrong; the drawing stays as it is
  });
}

/** How long a print takes by the hub's own look through the file, in seconds; null where it cannot tell. */
export async function hubTime(service: string, uri: string): Promise<number | null> {
  try {
    const { gcode } = await ask<{ gcode?: { time?: number } }>("GET", PROFILE, "check", service, { uri });
    return gcode?.time ?? null;
  } catch {
    return null; // the slicer's word has to do
  }
}

function inQueue(status: Status | undefined, id: string): Job | undefined {
  const all = [...(status?.printQueue ?? []), ...(status?.lastJob ? [status.lastJob] : [])];
  return all.find((job) => job.jobId === id);
}
