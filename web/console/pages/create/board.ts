/** The sheet that is drawn on: three views, tools, pictures that are put in. */
import { html, nothing } from "lit";
import { Part } from "../../core/part.js";
import { confirmed } from "../../parts/confirm.js";
import { keep, kept } from "./keep.js";
import { VIEWS, type View } from "./making.js";
import { readPicture } from "./picture.js";
import { outlined, tinted, type Guides } from "./guide.js";
import { HEIGHT, Sheet, WIDTH, type Brush, type Point, type Shape, type Tool } from "./sheet.js";
import { t } from "./text.js";

const SOON = 400; // ms after a change until it is kept
const COLOURS = {
  black: "#2b2320", skin: "#f2c39b", brown: "#5b3a21", red: "#d8412f", blue: "#2f5f9e", green: "#3f8f5b", yellow: "#e8c15a",
  white: "#ffffff",
} as const;
const TOOLS: readonly Tool[] = ["pen", "fill", "eraser", "restore"];
const GUIDE_COLOUR = "#8a97a8";

/** The guides of a template, what is to be said where there is none, and whether they are wanted. */
export interface Guiding {
  readonly guides: Guides | null;
  readonly words: unknown;
  readonly shown: boolean;
}

export class DrawingBoard extends Part {
  #guide: Guiding = { guides: null, words: nothing, shown: true };
  #under: Shape | undefined; // the guide that is on the sheet
  /** Called when a drawing changed. */
  changed: () => void = () => undefined;
  #sheets = new Map(VIEWS.map((view) => [view, new Sheet(() => this.#touched(view))]));
  #view: View = "front";
  #brush: Brush = { tool: "pen", colour: COLOURS.black, size: 24, mirror: true };
  #last: Point | null = null;
  #box = new DOMRect(); // of the sheet when the stroke began: what comes above it meanwhile moves it
  #keeps = true;
  #about = ""; // what is to be said of the files that were put in last
  #timers = new Map<View, number>();

  set guide(guide: Guiding) {
    this.#guide = guide;
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("visibilitychange", this.#hidden);
    void this.#restore();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("visibilitychange", this.#hidden);
    this.#up(); // a stroke that was under way when the page was left is kept, too
    this.#hidden();
  }

  /** Keeps at once what would have been kept in a moment: there may be none. */
  readonly #hidden = (): void => {
    for (const [view, timer] of this.#timers) {
      clearTimeout(timer);
      this.#timers.delete(view);
      void this.#keep(view);
    }
  };

  protected override render() {
    const sheet = this.#sheet();
    const name = t(this.#view);
    return html`
      <div class="views" role="tablist" aria-label=${t("views")}>${VIEWS.map((view) => this.#tab(view))}</div>
      <div class="paper" id="paper" role="tabpanel" aria-label=${t("sheet", { view: name })}
        @dragover=${(event: DragEvent) => event.preventDefault()} @drop=${this.#dropped}>
        <canvas class="under" width=${WIDTH} height=${HEIGHT} aria-hidden="true"></canvas>
        <div class="over" @pointerdown=${this.#down} @pointermove=${this.#move}
          @pointerup=${this.#up} @pointercancel=${this.#up}></div>
      </div>
      ${this.#tools(sheet)}
      <div class="buttons">
        <button type="button" ?disabled=${!sheet.canUndo} @click=${() => sheet.undo()}>${t("undo")}</button>
        <button type="button" ?disabled=${!sheet.canRedo} @click=${() => sheet.redo()}>${t("redo")}</button>
        <button type="button" @click=${this.#clear}>${t("clear")}</button>
        <label class="button">${t("picture")}
          <input class="spoken" type="file" accept="image/png,image/jpeg,image/webp,image/gif" @change=${this.#chosen}></label>
        ${sheet.hasPicture
          ? html`<button type="button" title=${t("paperHow")} @click=${() => sheet.withoutPaper()}>${t("paper")}</button>`
          : nothing}
        ${this.#guide.guides?.size
          ? html`<button type="button" title=${t("guideHow")} @click=${this.#startFromGuide}>${t("guide")}</button>`
          : nothing}
      </div>
      ${this.#guide.shown ? this.#aboutGuide() : nothing}
      <p class="reason" role="alert" ?hidden=${this.#about === ""}><bdi>${this.#about}</bdi></p>
      <p class="soft">${this.#keeps ? t("kept") : t("notKept")}</p>`;
  }

  protected override updated(): void {
    const holder = this.querySelector(".paper") as HTMLElement;
    const { canvas } = this.#sheet();
    if (!holder.contains(canvas)) {
      holder.querySelector(".drawn")?.remove();
      canvas.className = "drawn";
      holder.insertBefore(canvas, holder.querySelector(".over"));
    }
    this.#drawGuide(holder.querySelector(".under") as HTMLCanvasElement);
  }

  /** The drawings that are not empty. */
  async drawings(): Promise<Map<View, Blob>> {
    const found = new Map<View, Blob>();
    for (const [view, sheet] of this.#sheets) if (!sheet.empty) found.set(view, await sheet.png());
    return found;
  }

  #sheet(): Sheet {
    return this.#sheets.get(this.#view) as Sheet;
  }

  #tab(view: View) {
    const chosen = view === this.#view;
    return html`<button type="button" role="tab" aria-selected=${chosen} aria-controls="paper"
      tabindex=${chosen ? 0 : -1} @click=${() => this.#choose(view)}
      @keydown=${(event: KeyboardEvent) => this.#arrows(event, view)}>${t(view)}
      ${this.#sheets.get(view)?.empty ? html`<small>${t("empty")}</small>` : nothing}</button>`;
  }

  #choose(view: View): void {
    this.#view = view;
    this.requestUpdate();
  }

  #arrows(event: KeyboardEvent, view: View): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length] as View;
    this.#choose(next);
    void this.updateComplete.then(() => {
      this.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
    });
  }

  #tools(sheet: Sheet) {
    const brush = this.#brush;
    const set = (change: Partial<Brush>) => {
      this.#brush = { ...this.#brush, ...change };
      this.requestUpdate();
    };
    return html`<div class="tools-row" role="group" aria-label=${t("tools")}>
      ${TOOLS.filter((tool) => tool !== "restore" || sheet.hasPicture).map((tool) => html`
        <button type="button" aria-pressed=${brush.tool === tool} title=${tool === "restore" ? t("restoreHow") : nothing}
          @click=${() => set({ tool })}>${t(tool)}</button>`)}
      <label>${t("size")}<input type="range" min="4" max="120" .value=${String(brush.size)}
        @input=${(event: Event) => set({ size: Number((event.currentTarget as HTMLInputElement).value) })}></label>
      <label class="choice"><input type="checkbox" .checked=${brush.mirror}
        @change=${(event: Event) => set({ mirror: (event.currentTarget as HTMLInputElement).checked })}>${t("mirror")}</label>
      <span class="colours">${(Object.keys(COLOURS) as (keyof typeof COLOURS)[]).map((name) => html`
        <button type="button" class="swatch" data-colour=${COLOURS[name]} aria-label=${t(name)} title=${t(name)}
          aria-pressed=${brush.colour === COLOURS[name]} @click=${() => set({ colour: COLOURS[name] })}></button>`)}
        <label class="spoken" for="own-colour">${t("ownColour")}</label>
        <input id="own-colour" type="color" .value=${brush.colour}
          @input=${(event: Event) => set({ colour: (event.currentTarget as HTMLInputElement).value })}></span>
    </div>`;
  }

  #drawGuide(canvas: HTMLCanvasElement): void {
    const shape = this.#guide.shown ? this.#guide.guides?.get(this.#view) : undefined;
    if (shape === this.#under) return;
    this.#under = shape;
    const pen = canvas.getContext("2d") as CanvasRenderingContext2D;
    pen.clearRect(0, 0, WIDTH, HEIGHT);
    if (shape === undefined) return;
    pen.drawImage(tinted(shape, "rgb(120 135 150 / 22%)"), 0, 0);
    pen.drawImage(outlined(shape, "rgb(90 105 120 / 70%)"), 0, 0);
  }

  #aboutGuide() {
    const { guides, words } = this.#guide;
    if (guides === null || guides.size === 0) return words;
    return guides.has(this.#view) ? nothing : html`<p class="soft">${t("guideNotThis")}</p>`;
  }

  readonly #startFromGuide = (): void => {
    for (const [view, shape] of this.#guide.guides ?? []) {
      this.#sheets.get(view)?.stamp(tinted(shape, GUIDE_COLOUR));
    }
  };

  readonly #clear = async (): Promise<void> => {
    const view = t(this.#view);
    const question = { title: t("clearTitle"), text: t("clearText", { view }), action: t("clear"), danger: true };
    if (!this.#sheet().empty && (await confirmed(question))) this.#sheet().clear();
  };

  readonly #down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    this.#about = "";
    this.#box = (event.currentTarget as Element).getBoundingClientRect();
    const at = this.#place(event);
    if (this.#brush.tool === "fill") {
      this.#sheet().flood(at, this.#brush.colour);
      return;
    }
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#sheet().begin();
    this.#last = at;
    this.#sheet().stroke(at, at, this.#brush);
  };

  readonly #move = (event: PointerEvent): void => {
    if (this.#last === null) return;
    for (const one of event.getCoalescedEvents().concat(event)) {
      const at = this.#place(one);
      this.#sheet().stroke(this.#last, at, this.#brush);
      this.#last = at;
    }
  };

  readonly #up = (): void => {
    if (this.#last === null) return;
    this.#last = null;
    this.#sheet().end();
  };

  #place(event: PointerEvent): Point {
    const box = this.#box;
    const clamp = (value: number, most: number) => Math.min(most - 1, Math.max(0, value));
    return {
      x: clamp(((event.clientX - box.left) / box.width) * WIDTH, WIDTH),
      y: clamp(((event.clientY - box.top) / box.height) * HEIGHT, HEIGHT),
    };
  }

  readonly #chosen = (event: Event): void => {
    const field = event.currentTarget as HTMLInputElement;
    const file = field.files?.[0];
    field.value = "";
    this.#about = "";
    if (file) void this.#put(file, this.#view);
  };

  readonly #dropped = (event: DragEvent): void => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.#about = "";
    // One goes where it is dropped; several go to the views that their names say, or in their order.
    files.slice(0, 3).forEach((file, index) => {
      const named = VIEWS.find((view) => file.name.toLowerCase().includes(view));
      void this.#put(file, files.length === 1 ? this.#view : (named ?? (VIEWS[index] as View)));
    });
  };

  async #put(file: File, view: View): Promise<void> {
    const { picture, words } = await readPicture(file);
    if (picture !== null) this.#sheets.get(view)?.put(picture);
    picture?.close();
    this.#about = [this.#about, words].filter(Boolean).join(" ");
    this.requestUpdate();
  }

  #touched(view: View): void {
    this.requestUpdate();
    this.changed();
    clearTimeout(this.#timers.get(view));
    this.#timers.set(view, window.setTimeout(() => {
      this.#timers.delete(view);
      void this.#keep(view);
    }, SOON));
  }

  async #keep(view: View): Promise<void> {
    const sheet = this.#sheets.get(view) as Sheet;
    try {
      await keep(view, sheet.empty ? null : await sheet.png());
      this.#keeps = true;
    } catch {
      this.#keeps = false;
    }
    this.dataset["kept"] = view;
    this.requestUpdate();
  }

  async #restore(): Promise<void> {
    try {
      for (const [view, sheet] of this.#sheets) {
        const png = await kept(view);
        if (png !== null && sheet.empty) await sheet.load(png);
      }
    } catch {
      this.#keeps = false;
    }
    this.requestUpdate();
    this.changed();
  }
}
customElements.define("drawing-board", DrawingBoard);

declare global {
  interface HTMLElementTagNameMap {
    "drawing-board": DrawingBoard;
  }
}
