/** From drawings to a model, by 3DCAPI; goes on while other pages are shown. */
import { HubError, HubRefused, type Params } from "@gotapi/sdk";
import { hubFetch } from "../../core/hub.js";
import { Store } from "../../core/store.js";
import { ask, listen } from "../../parts/devices.js";
import { away } from "../../parts/states.js";
import { t } from "./text.js";

export const PROFILE = "3dcapi";
const ASK = 4000; // ms between questions, in case events get lost
export const VIEWS = ["front", "right", "back"] as const;
export type View = (typeof VIEWS)[number];

export interface Template {
  readonly templateId: number;
  readonly species: string;
  readonly gender: string;
  readonly age: number;
  readonly style: number;
  readonly name?: string;
  readonly "2DsilhouetteImgUrl"?: string;
  readonly rightSilhouetteImgUrl?: string;
  readonly backSilhouetteImgUrl?: string;
}

interface FileEntry {
  readonly fileId: number;
  readonly url: string;
  readonly view?: string;
  readonly format?: string;
  readonly size?: number;
}

interface Report {
  readonly jobId?: string;
  readonly progress?: number;
  readonly status?: string;
  readonly stage?: string;
  readonly estimate?: number;
  readonly previewModelUrl?: string;
  readonly errorMessage?: string;
}

export interface ModelFile {
  readonly format: string;
  readonly url: string;
  readonly size: number;
}

/** Where the model is; `model` is where a GLB can be had, the preview's first. */
export interface Making {
  readonly state: "idle" | "sending" | "queued" | "running" | "done" | "failed" | "cancelled";
  readonly progress: number;
  readonly stage: string;
  readonly estimate: number | null;
  readonly error: unknown;
  readonly model: string;
  readonly files: readonly ModelFile[];
  /** The layer of the 3D scenes that the model is. */
  readonly layer: string;
}

/** The states in which a model is being made. */
export const BUSY: readonly string[] = ["sending", "queued", "running"];
const IDLE: Making = { state: "idle", progress: 0, stage: "", estimate: null, error: null, model: "", files: [], layer: "" };

/** The model that is made, or was made last. */
export const making = new Store<Making>(IDLE);

let serviceId = "";
let secureToken = "";
let jobId = "";
let leave: () => void = () => undefined;

/** Opens a session with a creation service, and returns its templates. */
export async function templates(service: string): Promise<readonly Template[]> {
  const session = await connected(service);
  const { templateInfo } = await ask<{ templateInfo: Template[] }>(
    "GET", PROFILE, "getattribute", service, { secureToken: session });
  return templateInfo;
}

async function connected(service: string): Promise<string> {
  const answer = await ask<{ "3dContentCreationServerList": { secureToken?: string }[] }>(
    "GET", PROFILE, "serviceconnecting", service);
  return answer["3dContentCreationServerList"][0]?.secureToken ?? "";
}

/** What the model is to be like, besides the drawings. */
export interface Wishes {
  readonly templateId: number;
  readonly height: number; // millimetres
  readonly foot: boolean;
  readonly style: number | null;
}

/** Makes a model; what happens is told by `making`. */
export async function make(service: string, drawings: ReadonlyMap<View, Blob>, wishes: Wishes): Promise<void> {
  leave();
  making.set({ ...IDLE, state: "sending" });
  try {
    serviceId = service;
    secureToken = await connected(service);
    await send(drawings);
    await begin(drawings, wishes);
  } catch (error) {
    fail(error);
  }
}

async function send(drawings: ReadonlyMap<View, Blob>): Promise<void> {
  const answer = await ask<{ jobId: string; fileTransInfo: FileEntry[] }>(
    "GET", PROFILE, "filetransfer", serviceId, { secureToken, number: drawings.size });
  jobId = answer.jobId;
  const places = [...answer.fileTransInfo];
  for (const [view, png] of drawings) {
    const at = places.findIndex((one) => one.view === view);
    const [entry] = places.splice(Math.max(at, 0), 1);
    const reply = await hubFetch(pathOf(entry?.url ?? ""), { method: "PUT", body: png });
    const said = (await reply.json().catch(() => ({}))) as { errorMessage?: string };
    if (!reply.ok) throw new HubError(said.errorMessage ?? `HTTP ${reply.status}`);
  }
}

async function begin(drawings: ReadonlyMap<View, Blob>, wishes: Wishes): Promise<void> {
  const flags = Object.fromEntries(VIEWS.map((view) => [`${view}_sil`, drawings.has(view) ? "TRUE" : "FALSE"]));
  follow();
  await lasting("PUT", "setattribute", {
    secureToken, jobId, ...flags, num_sil: drawings.size, templateId: wishes.templateId,
    height: wishes.height, foot: wishes.foot ? "TRUE" : "FALSE",
    ...(wishes.style === null ? {} : { style: wishes.style }),
  });
  await lasting("GET", "snapshot", { secureToken, jobId, op: "START", time: 1 });
}

/** Asks what can be asked twice, until the hub answers or the model is given up. */
async function lasting(verb: "GET" | "PUT", attribute: string, params: Params): Promise<void> {
  const job = jobId;
  for (let before = false; ; before = true) {
    try {
      await ask(verb, PROFILE, attribute, serviceId, params);
      return;
    } catch (error) {
      if (jobId !== job || !BUSY.includes(making.value.state)) return;
      if (before && (error as { code?: number }).code === STARTED) return; // the hub had taken it and went
      if (!away(error)) throw error;
      await new Promise((resolve) => { setTimeout(resolve, ASK); });
    }
  }
}

/** Listens to reports; also asks now and then, so that a lost event does not stop the page. */
function follow(): void {
  const job = jobId;
  const stop = listen(PROFILE, "snapshot", serviceId, {
    heard: (members) => heard(members as Report, job),
    failed: () => undefined, // the questions go on
  });
  const timer = setInterval(look, ASK);
  leave = () => {
    stop();
    clearInterval(timer);
    leave = () => undefined;
  };
}

const STARTED = 17;
const FAILED = 113;
// GotAPI's codes for what is not there yet (3DCAPI's 111 NOT_READY), or for a hub that starts.
const WAITS = new Set([1, 6, 7, 16, 17, 22, 111]);

/** Asks for the model; while it is not there, or the hub is away, the next question may have it. */
function look(): void {
  received().then(finished, (error: unknown) => {
    const code = (error as { code?: number }).code;
    if (!away(error) && (code === undefined || !WAITS.has(code))) fail(error);
  });
}

function heard(report: Report, job: string): void {
  if (report.jobId !== job || jobId !== job || making.value.state === "done") return;
  const model = report.previewModelUrl ? pathOf(report.previewModelUrl) : making.value.model;
  const shown = {
    progress: report.progress ?? 0, stage: report.stage ?? "", estimate: report.estimate ?? null, model,
  };
  if (report.status === "failed") fail(new HubRefused(FAILED, report.errorMessage ?? t("failed")));
  else if (report.status === "cancelled") settle({ ...making.value, state: "cancelled" });
  else if (report.status === "done") look();
  else making.set({ ...making.value, ...shown, state: report.status === "queued" ? "queued" : "running" });
}

async function received(): Promise<readonly FileEntry[]> {
  const answer = await ask<{ fileTransInfo: FileEntry[] }>(
    "GET", PROFILE, "filereceive", serviceId, { secureToken, jobId });
  return answer.fileTransInfo;
}

function finished(entries: readonly FileEntry[]): void {
  const files = entries.map((one) => ({ format: one.format ?? "", url: pathOf(one.url), size: one.size ?? 0 }));
  const model = files.find((one) => one.format === "glb")?.url ?? "";
  settle({ ...IDLE, state: "done", progress: 1, model, files, layer: `creation-${jobId}` });
}

function fail(error: unknown): void {
  settle({ ...IDLE, state: "failed", error });
}

function settle(how: Making): void {
  leave();
  making.set(how);
}

/** Gives the job up. */
export async function cancel(): Promise<void> {
  settle({ ...IDLE, state: "cancelled" });
  await ask("GET", PROFILE, "snapshot", serviceId, { secureToken, jobId, op: "CANCEL" });
}

/** Puts the model into a printer's queue, under a name. */
export async function print(printer: string, name?: string): Promise<void> {
  const named = name ? { name } : {};
  await ask("PUT", PROFILE, "printing", serviceId, { secureToken, jobId, printer, ...named });
}

/** The bytes of a file of the hub. */
export async function fetched(path: string): Promise<ArrayBuffer> {
  const answer = await hubFetch(path);
  if (!answer.ok) {
    const said = (await answer.json().catch(() => ({}))) as { errorMessage?: string };
    throw new HubError(said.errorMessage ?? `HTTP ${answer.status}`);
  }
  return answer.arrayBuffer();
}

/** Only the path: a file is had from this hub, whatever its address says. */
export function pathOf(url: string): string {
  const found = new URL(url, location.origin);
  return found.pathname + found.search;
}
