/** The hub's 3D Portrayal Service (OGC 3DPS 1.0), asked by KVP. */
import { HubError } from "@gotapi/sdk";
import { hubFetch } from "../../core/hub.js";

export const PROFILE = "3dps";
const LONGEST = 180_000; // ms; a first view of a large city takes a minute on a small computer
const NOWHERE = "LOCAL:METRES"; // the CRS of what lies nowhere on earth

/** A layer, as `GET 3dps/layers` lists it. */
export interface Layer {
  readonly serviceId: string;
  readonly title: string;
  readonly kind: string;
  readonly crs: string;
  readonly lowerCorner: readonly number[];
  readonly upperCorner: readonly number[];
  readonly features: number;
  readonly triangles: number;
  readonly version: number;
  readonly lods?: readonly string[];
}

/** What is to be shown, and how; empty texts are left to the hub. */
export interface Look {
  readonly layers: readonly Layer[];
  readonly style: string;
  readonly lod: string;
  readonly overall: string;
  readonly background: string;
}

/** A camera in the coordinates of the layers; lengths in their units, degrees from top to bottom. */
export interface Camera {
  readonly place: readonly number[];
  readonly target: readonly number[];
  readonly up: readonly number[];
  readonly angle: number;
  readonly aspect: number;
  readonly near: number;
  readonly far: number;
}

/** What a place shows: its own attributes, and those of what it is a part of. */
export interface Feature {
  readonly objectId: string;
  readonly featureId: string;
  readonly layer: string;
  readonly typeName: string;
  readonly attributes: readonly { readonly of: string; readonly values: Readonly<Record<string, unknown>> }[];
}

export function crsOf(layer: Layer): string {
  return layer.crs || NOWHERE;
}

/** The scene as GLB. */
export async function scene(look: Look, signal: AbortSignal): Promise<ArrayBuffer> {
  const answer = await asked("GetScene", { ...common(look), Format: "model/gltf-binary" }, signal);
  return answer.arrayBuffer();
}

/** A picture of the scene; `ground` is the colour (#rrggbb) behind it where there is no background. */
export async function picture(
  look: Look, camera: Camera, size: Size, ground: string, signal: AbortSignal,
): Promise<Blob> {
  const portrayals = [
    `WIDTH=${size.width}`, `HEIGHT=${size.height}`, `PROJECTION=${projection(camera)}`, "IMAGELAYERS=COLOR",
    "FORMATS=image/png",
  ].join(";");
  const behind: Record<string, string> = look.background
    ? { Background: look.background } : { BackgroundColor: ground.replace("#", "0x") };
  const more = { OverallStyles: look.overall, ...behind, Portrayals: portrayals };
  return (await asked("GetView", { ...common(look), ...more }, signal)).blob();
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a ray through a pixel meets first. */
export async function featuresAt(
  look: Look, camera: Camera, size: Size, at: { readonly x: number; readonly y: number }, signal: AbortSignal,
): Promise<readonly Feature[]> {
  const answer = await asked("GetFeatureInfoByRay", {
    Layers: names(look), CRS: crs(look), Width: size.width, Height: size.height, Format: "application/json",
    Projection: projection(camera), ImagePosition: `${at.x},${at.y}`,
  }, signal);
  const { featureInfo } = (await answer.json()) as { featureInfo?: Feature[] };
  return featureInfo ?? [];
}

function common(look: Look): Record<string, string> {
  const all = (one: string) => (one ? look.layers.map(() => one).join(",") : "");
  return {
    Layers: names(look), CRS: crs(look), Styles: all(look.style),
    // Layers without this LOD show the nearest they have; what has none at all takes part, too.
    ...(look.lod ? { LODs: look.lod, LODSelection: "equals_or_similar" } : {}),
  };
}

function names(look: Look): string {
  return look.layers.map((one) => one.serviceId).join(",");
}

function crs(look: Look): string {
  const [first] = look.layers;
  return first ? crsOf(first) : NOWHERE;
}

/** POC, POI, Up, FOVX, FOVY, near, far (3DPS Table 39); positions as exact as they are. */
function projection(camera: Camera): string {
  const across = 2 * Math.atan(Math.tan((camera.angle * Math.PI) / 360) * camera.aspect) * (180 / Math.PI);
  const numbers = [...camera.place, ...camera.target, ...camera.up, across, camera.angle, camera.near, camera.far];
  return ["Perspective", ...numbers.map((one) => String(Number(one.toPrecision(12))))].join(",");
}

async function asked(
  request: string, params: Readonly<Record<string, string | number>>, signal: AbortSignal,
): Promise<Response> {
  const given = Object.entries(params).filter(([, value]) => value !== "");
  // By hand: in this standard a `+` of a CRS must arrive as one, and a comma separates lists.
  const query = given.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`);
  const path = `/3dps?service=3DPS&version=1.0&request=${request}&${query.join("&")}`;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(LONGEST)]);
  const answer = await hubFetch(path, { signal: limited });
  if (!answer.ok) throw new HubError(said(await answer.text(), answer.status));
  return answer;
}

/** The words of an OWS exception; by hand, as the policy lets no text be parsed into a document. */
function said(xml: string, status: number): string {
  const found = /<(?:\w+:)?ExceptionText>([^<]*)</.exec(xml)?.[1];
  const names: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return found?.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => names[name] ?? "") ?? `HTTP ${status}`;
}
