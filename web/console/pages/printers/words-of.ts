/** Words for what a printer says. */
import { number, span } from "../../core/words.js";
import type { Job, Reading } from "./model.js";
import { t } from "./text.js";

type Tone = "good" | "busy" | "bad" | "off";

const STATES: Record<string, [Parameters<typeof t>[0], Tone]> = {
  idle: ["stateIdle", "good"],
  printing: ["statePrinting", "busy"],
  paused: ["statePaused", "busy"],
  stopping: ["stateStopping", "busy"],
  connecting: ["stateConnecting", "busy"],
  offline: ["stateOffline", "off"],
  error: ["stateError", "bad"],
  fetching: ["stateFetching", "busy"],
  slicing: ["stateSlicing", "busy"],
  queued: ["stateQueued", "off"],
  starting: ["stateStarting", "busy"],
  done: ["stateDone", "good"],
  stopped: ["stateStopped", "off"],
  failed: ["stateFailed", "bad"],
  interrupted: ["stateInterrupted", "bad"],
};

/** A state of a printer, a job or a print, in the user's language; one we do not know as it is. */
export function stateWord(state: string): string {
  const known = STATES[state];
  return known ? t(known[0]) : state;
}

export function tone(state: string): Tone {
  return STATES[state]?.[1] ?? "off";
}

/** The name of a sensor: firmware letters as people call them. */
export function sensorWord(sensor: string): string {
  if (sensor === "T") return t("sensorT");
  if (sensor === "B") return t("sensorB");
  if (sensor === "C") return t("sensorC");
  const tool = /^T(\d+)$/.exec(sensor)?.[1];
  return tool === undefined ? sensor : t("sensorTool", { tool: Number(tool) + 1 });
}

/** "205 °C". */
export function degrees(value: number): string {
  return `${number(Math.round(value))} °C`;
}

/** A reading in a few words, for those who do not see the curve. */
export function readingWords(one: Reading): string {
  const target = one.target ? `, ${t("target", { target: degrees(one.target) })}` : "";
  return `${sensorWord(one.sensor)} ${degrees(one.temperature)}${target}`;
}

const SOURCES: Record<string, Parameters<typeof t>[0]> = {
  m73: "sourceM73", slicer: "sourceSlicer", model: "sourceModel", elapsed: "sourceElapsed",
};

/** Who says how much time is left. */
export function sourceWords(source: string): string {
  const [name = "", history] = source.split("+");
  const known = SOURCES[name];
  const words = known ? t(known) : name;
  return history ? t("sourceHistory", { source: words }) : words;
}

/** "1 hr, 12 min": hours and minutes, or minutes and seconds. */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return span(seconds);
  const unit = (value: number, name: "hour" | "minute" | "second") =>
    number(value, { style: "unit", unit: name, unitDisplay: "short" });
  if (minutes < 60) {
    const rest = Math.round(seconds - minutes * 60);
    return minutes < 10 ? `${unit(minutes, "minute")} ${unit(rest, "second")}` : unit(minutes, "minute");
  }
  return `${unit(Math.floor(minutes / 60), "hour")} ${unit(minutes % 60, "minute")}`;
}

/** The name of a job, never empty. */
export function nameOf(job: Pick<Job, "name" | "jobId">): string {
  return job.name || job.jobId;
}
