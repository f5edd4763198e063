/** The job of a printer whose file is looked at: where its file is, and which line is printed. */
import { ask, listen } from "../../parts/devices.js";
import { t } from "./text.js";

const PROFILE = "3dp";

interface Job {
  readonly jobId: string;
  readonly name: string;
  readonly uri: string;
  readonly state?: string;
  readonly fileLine?: number;
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
  return all.find((job) => job.jobId === id && job.uri);
}
