/** What a printer says, as `docs/printing.md` has it. Temperatures: degrees Celsius, times: seconds. */

export interface Reading {
  readonly sensor: string;
  readonly temperature: number;
  readonly target?: number | null;
}

export interface Prompt {
  readonly id: string;
  readonly text: string;
  readonly choices: readonly string[];
}

/** A job of the queue; `progress` is 0 to 1. */
export interface Job {
  readonly jobId: string;
  readonly name: string;
  readonly state: string;
  readonly msg?: string;
  readonly progress?: number;
  readonly line?: number;
  readonly lines?: number;
  readonly layer?: number;
  readonly layers?: number;
  readonly timeLeft?: number;
  readonly timeLeftSource?: string;
  readonly reason?: string;
  readonly copies?: number;
  readonly copy?: number;
  /** It waits until somebody lets it begin. */
  readonly held?: boolean;
}

/** A file of the card: the name the printer takes, and the one that people gave it. */
export interface CardFile {
  readonly name: string;
  readonly size?: number | null;
  readonly longName?: string;
}

/** What the printer prints from its card; bytes of the file. */
export interface CardPrint {
  readonly name: string;
  readonly position: number;
  readonly size: number;
  readonly paused?: boolean;
}

/** The id of the hub's own question, whether the bed is clear. */
export const BED = "bedNotClear";

export interface Status {
  readonly online?: boolean;
  readonly operatingStatus: string;
  readonly message?: string;
  readonly temperatures?: readonly Reading[];
  readonly printQueue?: readonly Job[];
  readonly lastJob?: Job;
  readonly prompts?: readonly Prompt[];
  readonly cardPrint?: CardPrint;
}

/** What `GET temperatures` says of the last day: a value of each sensor for each time. */
export interface Heat {
  readonly times: readonly number[];
  readonly temperatures: readonly {
    readonly sensor: string;
    readonly temperature: readonly (number | null)[];
    readonly target: readonly (number | null)[];
  }[];
}

export interface Past {
  readonly jobId: string;
  readonly name: string;
  readonly result: string;
  readonly uri?: string;
  readonly reason?: string;
  readonly time: number;
  readonly endedAt?: string;
  /** "card": printed by the printer itself, without a file of the hub. */
  readonly source?: string;
}

export interface Finding {
  readonly severity: "error" | "warning" | "info";
  readonly code: string;
  readonly message: string;
}

/** What `GET check` says of a file. */
export interface Check {
  readonly kind: string;
  readonly printable: boolean;
  readonly findings: readonly Finding[];
  readonly model?: { readonly size: readonly number[]; readonly triangles: number };
  readonly gcode?: {
    readonly layers: number;
    readonly time?: number;
    readonly filament?: readonly number[];
    readonly low?: readonly number[];
    readonly high?: readonly number[];
  };
}

/** Jobs that wait, without the one on the printer. */
export function waiting(status: Status): readonly Job[] {
  return (status.printQueue ?? []).filter((job) => WAITS.has(job.state));
}

/** The job on the printer, if there is one. */
export function current(status: Status): Job | undefined {
  return (status.printQueue ?? []).find((job) => !WAITS.has(job.state));
}

const WAITS = new Set(["queued", "fetching", "slicing"]);
