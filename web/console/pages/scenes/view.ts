/** Scenes: in 3D in this browser, the same view drawn by the hub, and what was clicked. */
import { html, nothing } from "lit";
import { Vector3 } from "three";
import { came, hubState } from "../../core/live.js";
import { Part } from "../../core/part.js";
import { colour, theme } from "../../core/theme.js";
import { number } from "../../core/words.js";
import { ask, listen } from "../../parts/devices.js";
import "../../parts/model-view.js";
import type { ModelView, Picked } from "../../parts/model-view.js";
import { pluginOff } from "../../parts/plugin-off.js";
import { empty, inWords, loading, problem } from "../../parts/states.js";
import { tell } from "../../parts/toast.js";
import {
  crsOf, featuresAt, picture, PROFILE, scene, type Camera, type Feature, type Layer, type Look, type Size,
} from "./portrayal.js";
import "./style.css";
import { t } from "./text.js";

const SERVICE = "3dps.portrayal"; // the hub's own, which is there without layers too
const MOST = 2_000_000; // triangles that a browser shows well
const SOON = 250; // ms after a turn until the hub draws again
const WIDEST = 900; // pixels of the hub's picture
const STYLES = [["", "usual"], ["as-is", "styleAsIs"], ["thematic", "styleThematic"], ["plain", "stylePlain"]] as const;
const OVERALL = ["", "shaded", "shadow", "fog", "wireframe", "xray", "sketch"] as const;
const BACKGROUNDS = ["", "sky", "gradient", "night"] as const;

const ABOVE = new Vector3(0.4, 0.62, 0.9); // towns are flat

class Scenes extends Part {
  rest = "";
  #layers: readonly Layer[] | null = null;
  #failure: unknown = null;
  #chosen: ReadonlySet<string> = new Set();
  #style = "";
  #lod = "";
  #overall = "";
  #background = "";
  #busy = false;
  #drawing = false;
  #sceneFailure: unknown = null;
  #viewFailure: unknown = null;
  #image = "";
  #features: readonly Feature[] | null = null;
  #loading = new AbortController();
  #viewing = new AbortController();
  #later = 0;
  #wanted = "";
  #theme = theme.value;
  #place = ""; // of which layers the camera knows the place
  #stop: () => void = () => undefined;
  #came = came.value;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listen();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
    this.#loading.abort();
    this.#viewing.abort();
    this.#wanted = ""; // what was shown went with its canvas
  }

  protected override render() {
    const state = this.watch(hubState);
    const there = (state?.services ?? []).some((one) => one.id === SERVICE);
    if (!there) this.#wanted = this.#image = ""; // what was shown goes with this page's body
    if (!there) return pluginOff(state, "portrayal") ?? empty(t("off"));
    if (this.watch(came) !== this.#came) {
      this.#came = came.value;
      this.#listen();
    }
    if (this.#failure !== null) return problem(this.#failure, () => this.#listen());
    if (this.#layers === null) return loading();
    if (this.#layers.length === 0) return empty(t("none"), t("noneText"));
    if (this.watch(theme) !== this.#theme) {
      this.#theme = theme.value;
      this.#turned();
    }
    const look = this.#look();
    return html`<p class="soft">${t("intro")}</p>
      <div class="scenes">
        <section class="card" aria-labelledby="layers-title"><h2 id="layers-title">${t("layers")}</h2>
          ${this.#list(this.#layers)} ${this.#options(look)}</section>
        <div class="stack-wide">
          <div class="both">
            <section class="card" aria-labelledby="browser-title"><h2 id="browser-title">${t("browser")}</h2>
              ${this.#inBrowser(look)}</section>
            <section class="card" aria-labelledby="server-title"><h2 id="server-title">${t("server")}</h2>
              ${this.#byHub(look)}</section>
          </div>
          <section class="card" aria-labelledby="info-title" aria-live="polite"><h2 id="info-title">${t("info")}</h2>
            ${this.#information()}</section>
        </div>
      </div>`;
  }

  protected override updated(): void {
    const look = this.#look();
    const key = JSON.stringify([look.layers.map((one) => [one.serviceId, one.version]), look.style, look.lod]);
    if (key === this.#wanted || look.layers.length === 0 || this.#view() === null) return;
    this.#wanted = key;
    void this.#show(look);
  }

  #view(): ModelView | null {
    return this.querySelector("model-view");
  }

  #listen(): void {
    this.#stop();
    this.#failure = null;
    const take = (members: { layers?: readonly Layer[] }) => {
      this.#layers = members.layers ?? [];
      this.#prefer(this.#layers);
      this.requestUpdate();
    };
    const read = () => ask<{ layers?: readonly Layer[] }>("GET", PROFILE, "layers", SERVICE).then(take, (error: unknown) => {
      this.#failure = error;
      this.requestUpdate();
    });
    this.#stop = listen(PROFILE, "layers", SERVICE, {
      heard: (members) => take(members as { layers?: readonly Layer[] }), gap: read, failed: () => undefined,
    });
    void read();
  }

  /** Chooses what the address names, else what is there first; keeps a choice that is still good. */
  #prefer(layers: readonly Layer[]): void {
    const still = layers.filter((one) => this.#chosen.has(one.serviceId));
    if (still.length > 0) {
      this.#chosen = new Set(still.map((one) => one.serviceId));
      return;
    }
    const named = layers.find((one) => one.serviceId === this.rest.replace(/\.portrayal$/, ""));
    const first = named ?? layers[0];
    const same = named ? [named] : layers.filter((one) => first && one.kind !== "model" && crsOf(one) === crsOf(first));
    this.#chosen = new Set((same.length > 0 ? same : layers.slice(0, 1)).map((one) => one.serviceId));
  }

  #look(): Look {
    const layers = (this.#layers ?? []).filter((one) => this.#chosen.has(one.serviceId));
    return { layers, style: this.#style, lod: this.#lod, overall: this.#overall, background: this.#background };
  }

  #list(layers: readonly Layer[]) {
    const several = new Set(layers.map(crsOf)).size > 1;
    return html`<fieldset><legend class="spoken">${t("layers")}</legend>${layers.map((one) => html`
      <label class="choice"><input type="checkbox" .checked=${this.#chosen.has(one.serviceId)}
        @change=${(event: Event) => this.#choose(one, (event.currentTarget as HTMLInputElement).checked)}>
        <span><bdi>${one.title || one.serviceId}</bdi><br><small>${sizeOf(one)}</small></span></label>`)}</fieldset>
      ${several ? html`<p class="soft">${t("elsewhere")}</p>` : nothing}`;
  }

  #choose(layer: Layer, wanted: boolean): void {
    const others = (this.#layers ?? []).filter((one) =>
      one !== layer && this.#chosen.has(one.serviceId) && (!wanted || crsOf(one) === crsOf(layer)));
    this.#chosen = new Set([...others, ...(wanted ? [layer] : [])].map((one) => one.serviceId));
    this.requestUpdate();
  }

  #options(look: Look) {
    const lods = [...new Set(look.layers.flatMap((one) => (one.lods ?? []).map(lodName)))];
    if (this.#lod !== "" && !lods.includes(this.#lod)) this.#lod = "";
    const select = (name: string, value: string, options: readonly (readonly [string, string])[], set: (to: string) => void) => html`
      <label>${name}<select @change=${(event: Event) => { set((event.currentTarget as HTMLSelectElement).value); this.#redraw(); }}>
        ${options.map(([id, words]) => html`<option value=${id} ?selected=${id === value}>${words}</option>`)}</select></label>`;
    const named = (names: readonly ((typeof OVERALL | typeof BACKGROUNDS)[number])[]) =>
      names.map((one) => [one, t(one || "usual")] as const);
    return html`<div class="looks">
      ${select(t("style"), this.#style, STYLES.map(([id, name]) => [id, t(name)]), (to) => { this.#style = to; })}
      ${lods.length > 1
        ? select(t("lod"), this.#lod, [["", t("best")], ...lods.map((one) => [one, one] as const)], (to) => { this.#lod = to; })
        : nothing}
      ${select(t("light"), this.#overall, named(OVERALL), (to) => { this.#overall = to; })}
      ${select(t("background"), this.#background, named(BACKGROUNDS), (to) => { this.#background = to; })}
    </div>`;
  }

  #inBrowser(look: Look) {
    const triangles = look.layers.reduce((sum, one) => sum + one.triangles, 0);
    return html`
      <div class="scene-stage" aria-busy=${this.#busy}>
        <model-view .from=${ABOVE} .turned=${() => this.#turned()} .picked=${(found: Picked | null) => this.#clicked(found)}></model-view>
        ${this.#busy ? loading() : nothing}
      </div>
      ${look.layers.length === 0 ? html`<p class="soft">${t("choose")}</p>` : nothing}
      ${triangles > MOST ? html`<p class="soft">${t("large", { count: number(triangles) })}</p>` : nothing}
      ${this.#sceneFailure === null ? nothing : problem(this.#sceneFailure, () => { this.#wanted = ""; this.requestUpdate(); })}
      <div class="buttons">
        <button type="button" @click=${() => this.#view()?.fit()}>${t("fit")}</button>
        <button type="button" @click=${() => this.#ask({ x: 0.5, y: 0.5 })}>${t("middle")}</button>
      </div>`;
  }

  #byHub(look: Look) {
    const layers = look.layers.map((one) => one.title || one.serviceId).join(", ");
    return html`<div class="scene-stage" aria-busy=${this.#drawing}>
        ${this.#image === "" ? nothing : html`<img src=${this.#image} alt=${t("serverSays", { layers })}
          @click=${(event: MouseEvent) => this.#pointed(event)}>`}
        ${this.#drawing && this.#image === "" ? loading(t("drawing")) : nothing}
      </div>
      ${this.#viewFailure === null ? nothing : problem(this.#viewFailure, () => this.#draw())}`;
  }

  #information() {
    if (this.#features === null) return html`<p class="soft">${t("infoNone")}</p>`;
    if (this.#features.length === 0) return html`<p>${t("nothing")}</p>`;
    return html`<div class="table" tabindex="0" role="region" aria-labelledby="info-title"><table><thead><tr><th>${t("attribute")}</th><th>${t("value")}</th></tr></thead>
      <tbody>${this.#features.flatMap((one) => rows(one)).map(([name, value]) => html`
        <tr><th scope="row"><bdi>${name}</bdi></th><td><bdi>${value}</bdi></td></tr>`)}</tbody></table></div>`;
  }

  async #show(look: Look): Promise<void> {
    this.#loading.abort();
    const { signal } = (this.#loading = new AbortController());
    this.#sceneFailure = null;
    const triangles = look.layers.reduce((sum, one) => sum + one.triangles, 0);
    const view = this.#view();
    const names = look.layers.map((one) => one.serviceId).join();
    try {
      if (view?.works && triangles <= MOST) {
        this.#busy = true;
        this.requestUpdate();
        const glb = await scene(look, signal);
        if (signal.aborted) return;
        await view.show(glb, names === this.#place);
        this.#place = names;
        view.dataset["shown"] = names;
      } else view?.clear();
    } catch (error) {
      if (!signal.aborted) this.#sceneFailure = error;
    }
    if (signal.aborted) return;
    this.#busy = false;
    this.requestUpdate();
    this.#draw();
  }

  #redraw(): void {
    this.requestUpdate();
    this.#turned();
  }

  #turned(): void {
    clearTimeout(this.#later);
    this.#later = window.setTimeout(() => this.#draw(), SOON);
  }

  #draw(): void {
    const look = this.#look();
    const size = this.#size();
    if (look.layers.length === 0 || size === null) return;
    this.#viewing.abort();
    const { signal } = (this.#viewing = new AbortController());
    this.#drawing = true;
    this.#viewFailure = null;
    this.requestUpdate();
    picture(look, this.#camera(look, size), size, colour("--card"), signal).then(
      (blob) => {
        if (signal.aborted) return;
        URL.revokeObjectURL(this.#image);
        this.#image = URL.createObjectURL(blob);
        this.#drawing = false;
        this.requestUpdate();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.#viewFailure = error;
        this.#drawing = false;
        this.requestUpdate();
      },
    );
  }

  #size(): Size | null {
    const stage = this.querySelector(".scene-stage");
    if (stage === null || stage.clientWidth === 0) return null;
    const scale = Math.min(1, WIDEST / stage.clientWidth);
    return { width: Math.round(stage.clientWidth * scale), height: Math.round(stage.clientHeight * scale) };
  }

  /** The camera of the view in the coordinates of the layers: those below the node `crs`. */
  #camera(look: Look, size: Size): Camera {
    const view = this.#view();
    const frame = view?.model?.getObjectByName("crs");
    const aspect = size.width / size.height;
    if (!view?.works || frame === undefined) return outside(look, aspect);
    frame.updateWorldMatrix(true, false);
    const back = frame.matrixWorld.clone().invert();
    const { place, target, angle } = view.eye;
    const up = new Vector3(0, 1, 0).transformDirection(back);
    const away = place.distanceTo(target);
    return {
      place: place.applyMatrix4(back).toArray(), target: target.applyMatrix4(back).toArray(), up: up.toArray(),
      angle, aspect, near: away / 500, far: away * 50,
    };
  }

  #clicked(found: Picked | null): void {
    if (found) void this.#ask(found.at);
    else this.#tell([]);
  }

  #pointed(event: MouseEvent): void {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    void this.#ask({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
  }

  /** Asks the hub what is at a place of the view, 0 to 1 from the left top. */
  async #ask(at: { readonly x: number; readonly y: number }): Promise<void> {
    const look = this.#look();
    const size = this.#size();
    if (size === null || look.layers.length === 0) return;
    const pixel = (share: number, pixels: number) => Math.min(pixels - 1, Math.max(0, Math.floor(share * pixels)));
    const position = { x: pixel(at.x, size.width), y: pixel(at.y, size.height) };
    try {
      this.#tell(await featuresAt(look, this.#camera(look, size), size, position, this.#loading.signal));
    } catch (error) {
      tell(inWords(error), "bad");
    }
  }

  #tell(features: readonly Feature[]): void {
    this.#features = features;
    this.requestUpdate();
  }
}
customElements.define("page-scenes", Scenes);

function sizeOf({ features, triangles }: Layer): string {
  const [first, second] = [t("features", { count: features }), t("triangles", { count: triangles })];
  return features > 1 ? t("both", { features: first, triangles: second }) : second;
}

/** A camera that sees all, where the browser has no view of its own: from the south and above. */
function outside(look: Look, aspect: number): Camera {
  const low = [0, 1, 2].map((axis) => Math.min(...look.layers.map((one) => one.lowerCorner[axis] ?? 0)));
  const high = [0, 1, 2].map((axis) => Math.max(...look.layers.map((one) => one.upperCorner[axis] ?? 0)));
  const target = low.map((value, axis) => (value + (high[axis] as number)) / 2);
  const radius = Math.hypot(...low.map((value, axis) => (high[axis] as number) - value)) / 2 || 1;
  const away = radius / Math.sin((20 * Math.PI) / 180) / Math.min(1, aspect);
  const from = [0.38, -0.83, 0.41];
  return {
    place: target.map((value, axis) => value + (from[axis] as number) * away), target, up: [0, 0, 1],
    angle: 40, aspect, near: away / 500, far: away * 50,
  };
}

/** The name by which a LOD is asked for; layers list bare numbers. */
function lodName(lod: string): string {
  return `${lod.includes(".") ? "TUDelft" : "CityGML"}:${lod}`;
}

/** A feature as rows: what it is, then the attributes of it and of what it is a part of. */
function rows(feature: Feature): [string, string][] {
  const head: [string, string][] = [
    [t("layer"), feature.layer], [t("kind"), feature.typeName], [t("id"), feature.featureId],
  ];
  const values = feature.attributes.flatMap((group) => {
    const of = group.of === feature.featureId ? "" : `${group.of}: `;
    return Object.entries(group.values).map(([name, value]): [string, string] => [
      of + name, shown(value),
    ]);
  });
  return [...head, ...values];
}

/** A value as people read it: what a computation added beyond ten digits says nothing. */
function shown(value: unknown): string {
  if (typeof value === "number" && !Number.isInteger(value)) {
    return String(Number(value.toPrecision(10)));
  }
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
